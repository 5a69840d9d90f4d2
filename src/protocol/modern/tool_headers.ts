/**
 * Arguments of tools that headers repeat: which ones a tool's schema marks (`x-mcp-header`), what
 * is wrong with a marking, the headers of a call, and whether a call's headers match its arguments.
 * Follows "Custom Headers from Tool Parameters" of the Streamable HTTP transport and `x-mcp-header`
 * of the tools page. Schemas are read, never resolved or run.
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { decodeHeaderValue, encodeHeaderValue } from "./header_values.ts";

const mark = "x-mcp-header";
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const decimal = /^-?\d+(?:\.\d+)?$/;
const kinds: ReadonlySet<unknown> = new Set(["string", "integer", "boolean"]);

/** One marked argument. */
interface Marked {
  readonly header: string;
  readonly path: readonly string[];
}

/** The markings of a schema, cached for as long as the schema lives. */
interface Reading {
  readonly marked: readonly Marked[];
  readonly problem: string | undefined;
}

const readings = new WeakMap<JsonObject, Reading>();
const none: Reading = { marked: [], problem: undefined };

function read(schema: unknown): Reading {
  if (!isJsonObject(schema)) return none;
  let reading = readings.get(schema);
  if (reading === undefined) {
    const found: { value: unknown; schema: JsonObject; path: readonly string[] | undefined }[] = [];
    collect(schema, [], found);
    reading = toReading(found);
    readings.set(schema, reading);
  }
  return reading;
}

/** Collects every marking; `path` is undefined if it is reached by anything but properties. */
function collect(
  value: unknown,
  path: readonly string[] | undefined,
  found: { value: unknown; schema: JsonObject; path: readonly string[] | undefined }[],
): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, undefined, found);
    return;
  }
  if (!isJsonObject(value)) return;
  if (Object.hasOwn(value, mark)) found.push({ value: value[mark], schema: value, path });
  for (const [key, member] of Object.entries(value)) {
    if (key === "properties" && isJsonObject(member)) {
      for (const [name, property] of Object.entries(member)) {
        collect(property, path && [...path, name], found);
      }
    } else if (!data.has(key)) collect(member, undefined, found);
  }
}

/** Keywords that hold values, not schemas. */
const data: ReadonlySet<string> = new Set(["default", "const", "enum", "examples", mark]);

function toReading(
  found: readonly { value: unknown; schema: JsonObject; path: readonly string[] | undefined }[],
): Reading {
  const names = new Set<string>();
  const marked: Marked[] = [];
  for (const { value, schema, path } of found) {
    const shown = JSON.stringify(value);
    const problem = typeof value !== "string" || !token.test(value)
      ? `${mark} ${shown} is not a header name`
      : path === undefined || path.length === 0
      ? `${mark} ${shown} is on a property that is not reached through properties only`
      : !kinds.has(schema.type)
      ? `${mark} ${shown} is on a property that is not a string, integer or boolean`
      : names.has(value.toLowerCase())
      ? `${mark} ${shown} appears twice`
      : undefined;
    if (problem !== undefined) return { marked: [], problem };
    names.add(String(value).toLowerCase());
    marked.push({ header: `mcp-param-${value}`, path: path ?? [] });
  }
  return { marked, problem: undefined };
}

/** What is wrong with a tool's markings; undefined if nothing is. */
export function problemOf(inputSchema: unknown): string | undefined {
  return read(inputSchema).problem;
}

/** A schema of only the marked arguments: calls need their headers even if the rest is dropped. */
export function withMarkedAlone(inputSchema: JsonObject): JsonObject {
  const alone: JsonObject = { type: "object" };
  for (const { path } of read(inputSchema).marked) {
    let [here, given] = [alone, inputSchema];
    for (const [at, name] of path.entries()) {
      given = (given.properties as JsonObject)[name] as JsonObject;
      const isLast = at === path.length - 1;
      const own = isLast ? { type: given.type, [mark]: given[mark] } : { type: "object" };
      const properties = (here.properties ??= {}) as JsonObject;
      if (!Object.hasOwn(properties, name)) {
        Object.defineProperty(properties, name, {
          value: own,
          writable: true,
          enumerable: true,
          configurable: true,
        });
      }
      here = properties[name] as JsonObject;
    }
  }
  return alone;
}

/** The headers of a call with these arguments. */
export function paramHeaders(inputSchema: unknown, args: unknown): [string, string][] {
  return read(inputSchema).marked.flatMap(({ header, path }): [string, string][] => {
    const value = valueAt(args, path);
    const text = toText(value);
    return text === undefined ? [] : [[header, encodeHeaderValue(text)]];
  });
}

/** Why a call's headers do not match its arguments; undefined if they do. */
export function checkParamHeaders(
  inputSchema: unknown,
  args: unknown,
  headers: Headers,
): string | undefined {
  for (const { header, path } of read(inputSchema).marked) {
    const value = valueAt(args, path);
    const sent = headers.get(header);
    const name = path.join(".");
    const text = toText(value);
    if (text === undefined) {
      if (sent !== null) return `Header ${header} repeats argument "${name}", which has no text`;
      // The server refuses an argument of another type.
      continue;
    }
    if (sent === null) return `Header ${header} is missing; it must repeat argument "${name}"`;
    const decoded = decodeHeaderValue(sent);
    if (decoded === undefined) return `Header ${header} is marked as Base64 but is not`;
    const same = typeof value === "number"
      ? decimal.test(decoded) && Number(decoded) === value
      : decoded === text;
    if (!same) return `Header ${header} does not match argument "${name}"`;
  }
  return undefined;
}

/** A value as the text of its header; undefined if it has none. */
function toText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || Number.isSafeInteger(value)) return String(value);
  return undefined;
}

function valueAt(args: unknown, path: readonly string[]): unknown {
  let value = args;
  for (const key of path) {
    value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}
