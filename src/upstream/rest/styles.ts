/**
 * How a value is written into a path, a query, a header or a cookie (OpenAPI 3.1, section
 * 4.8.12.3). Lists and objects follow their style, and every piece is encoded separately, so that
 * no value can leave its place (case F10). Not here: where the pieces go (rest_request.ts).
 */
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { ObjectMembers } from "./object_members.ts";
import type { Parameter } from "./service.ts";

/** A value as plain text; numbers keep their digits. */
export function toText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null || value === undefined ? "" : JSON.stringify(value);
}

/** One piece for a URL. Throws `invalid_params` for malformed text. */
export function encode(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    throw new GatewayError(
      "invalid_params",
      `Cannot send ${JSON.stringify(text)}: it contains half of a character; send the whole one`,
    );
  }
}

/** A parameter in a path. */
export function writePath({ wire, style, explode, join }: Parameter, value: unknown): string {
  if (style === "json") return encode(JSON.stringify(value));
  if (join !== undefined && Array.isArray(value)) return joined(value, join);
  if (style === "label") return `.${write(value, explode, explode ? "." : ",", encode)}`;
  if (style !== "matrix") return write(value, explode, ",", encode);
  if (explode && Array.isArray(value)) {
    return value.map((item) => `;${encode(wire)}=${encode(toText(item))}`).join("");
  }
  return explode && isJsonObject(value)
    ? `;${write(value, explode, ";", encode)}`
    : `;${encode(wire)}=${write(value, false, ",", encode)}`;
}

/**
 * A parameter as pairs of a query or of cookies. `members`: the allowed members of an object;
 * `isTaken`: whether another parameter of the same place has this name.
 */
export function writePairs(
  { argument, wire, style, explode, join }: Parameter,
  value: unknown,
  members: () => ObjectMembers,
  isTaken: (name: string) => boolean,
): string[] {
  const name = encode(wire);
  const one = (text: string) => [`${name}=${text}`];
  if (style === "json") return one(encode(JSON.stringify(value)));
  const between = delimiters.get(style) ?? ",";
  if (Array.isArray(value)) {
    if (value.length === 0) return [];
    if (join !== undefined) return one(joined(value, join));
    if (style === "deepObject") return writeDeep(name, value);
    return explode
      ? value.map((item) => `${name}=${encode(toText(item))}`)
      : one(value.map((item) => encode(toText(item))).join(between));
  }
  if (!isJsonObject(value)) return one(encode(toText(value)));
  const isDeep = style === "deepObject";
  if (!isDeep && !explode) return one(write(value, false, between, encode));
  const { names, isFree } = members();
  for (const key of Object.keys(value)) {
    if (names.has(key)) continue;
    if (!isFree) throw unknownMember(argument, key, names);
    if (!isDeep && isTaken(key)) throw takenMember(argument, key);
  }
  if (isDeep) return writeDeep(name, value);
  return Object.entries(value).flatMap(([key, member]) => {
    const texts = Array.isArray(member) ? member.map(toText) : [toText(member)];
    return texts.map((text) => `${encode(key)}=${encode(text)}`);
  });
}

/**
 * An object in brackets, level by level. OpenAPI defines no lists there. Most servers read `[]`,
 * and an index where the parts of one item must stay together.
 */
function writeDeep(name: string, value: unknown): string[] {
  if (Array.isArray(value)) {
    const isFlat = value.every((item) => !Array.isArray(item) && !isJsonObject(item));
    return value.flatMap((item: unknown, at) =>
      writeDeep(`${name}${encode(isFlat ? "[]" : `[${at}]`)}`, item)
    );
  }
  if (!isJsonObject(value)) return [`${name}=${encode(toText(value))}`];
  return Object.entries(value)
    .flatMap(([key, member]) => writeDeep(`${name}${encode(`[${key}]`)}`, member));
}

/** A field of a form as its pairs; an object only in the style that keeps its members together. */
export function writeField(
  name: string,
  how: Pick<Parameter, "style" | "explode">,
  value: unknown,
): string[] {
  if (how.style === "deepObject") return writeDeep(encode(name), value);
  const field: Parameter = { ...how, argument: name, wire: name, in: "query", required: false };
  return isJsonObject(value)
    ? [`${encode(name)}=${encode(toText(value))}`]
    : writePairs(field, value, () => noMembers, () => false);
}

const noMembers: ObjectMembers = { names: new Set(), isFree: false };

/** A parameter as a header's value. */
export function writeHeader({ style, explode, join }: Parameter, value: unknown): string {
  if (style === "json") return JSON.stringify(value);
  return write(value, explode, join ?? ",", (text) => text);
}

const delimiters: ReadonlyMap<Parameter["style"], string> = new Map([
  ["spaceDelimited", "%20"],
  ["pipeDelimited", "%7C"],
]);

function write(
  value: unknown,
  explode: boolean,
  between: string,
  piece: (text: string) => string,
): string {
  if (Array.isArray(value)) return value.map((item) => piece(toText(item))).join(between);
  if (!isJsonObject(value)) return piece(toText(value));
  return Object.entries(value)
    .map(([key, member]) => `${piece(key)}${explode ? "=" : between}${piece(toText(member))}`)
    .join(between);
}

function joined(items: readonly unknown[], join: string): string {
  return items.map((item) => encode(toText(item))).join(join === "," ? join : encode(join));
}

function takenMember(argument: string, key: string): GatewayError {
  return new GatewayError(
    "invalid_params",
    `Cannot send ${JSON.stringify(key)} in argument "${argument}": another parameter has this ` +
      "name; use a separate argument for it",
  );
}

function unknownMember(argument: string, key: string, members: ReadonlySet<string>): GatewayError {
  const known = [...members].map((name) => JSON.stringify(name)).join(", ");
  return new GatewayError(
    "invalid_params",
    `Cannot send ${JSON.stringify(key)} in argument "${argument}": it ${
      known === "" ? "has no known members" : `can have ${known}`
    }`,
  );
}
