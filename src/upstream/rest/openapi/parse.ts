/**
 * A text as an OpenAPI document or a part of one: JSON or YAML, recognised by its content, made
 * harmless (tree.ts), and of a supported version. 2.0 becomes 3.0 here, so that no other code needs
 * to know it. Not here: where texts come from, and what a document means.
 */
import { getJsonSchemaRefParserDefaultOptions } from "@apidevtools/json-schema-ref-parser";
import { upgrade } from "@scalar/openapi-upgrader";
import { GatewayError } from "../../../errors.ts";
import { isJsonObject } from "../../../json.ts";
import type { Limits } from "../../../limits.ts";
import { parseJson } from "../../../protocol/jsonrpc.ts";
import { inspectTree, member, textOf } from "./tree.ts";

/** A parsed text. */
export interface Parsed {
  readonly value: unknown;
  /** Whether a reference leads out of it. */
  readonly refersOut: boolean;
}

/** A text as a tree; `label` names it in messages. Rejects with a GatewayError. */
export async function parseTree(text: string, label: string, limits: Limits): Promise<Parsed> {
  const value = await parseText(text.replace(/^\ufeff/, ""), label, limits);
  const { problem, refersOut } = inspectTree(value, {
    depthMax: limits.jsonDepthMax,
    nodesMax: limits.openApiNodesMax,
  });
  if (problem !== undefined) throw refuse(label, problem);
  return { value, refersOut };
}

/** A tree as a document of OpenAPI 3.0 or 3.1. Throws a GatewayError. */
export function toDocument(value: unknown, label: string): object {
  if (!isJsonObject(value)) {
    throw refuse(label, "it is not an OpenAPI document: it must be an object");
  }
  // YAML reads a version without quotes as a number.
  if (["2", "2.0"].includes(textOf(member(value, "swagger")))) {
    return checkDocument(upgradeDocument({ ...value, swagger: "2.0" }, label), label);
  }
  return checkDocument(value, label);
}

function checkDocument<Value>(value: Value, label: string): Value {
  const version = member(value, "openapi");
  if (/^3(\.[01](\.|$)|$)/.test(textOf(version))) return value;
  throw refuse(
    label,
    version === undefined
      ? 'it is not an OpenAPI document: "openapi" must say its version, such as "3.1.0"'
      : `its version is ${JSON.stringify(version)}; expected OpenAPI 3.0, 3.1 or 2.0`,
  );
}

function upgradeDocument(value: Record<string, unknown>, label: string) {
  try {
    return upgrade(value, "3.0");
  } catch (cause) {
    throw refuse(label, "it cannot be converted from OpenAPI 2.0; convert it to 3.1", cause);
  }
}

async function parseText(text: string, label: string, limits: Limits): Promise<unknown> {
  if (/^\s*[{[]/.test(text)) {
    try {
      return parseJson(text, limits, false);
    } catch (thrown) {
      if (thrown instanceof GatewayError && thrown.code === "invalid_request") {
        throw refuse(label, `it nests deeper than ${limits.jsonDepthMax} levels`);
      }
      // YAML may begin like this too, and its parser reports the line of a fault.
    }
  }
  try {
    return await yamlParser.parse({ data: text, url: label, hash: "", extension: ".yaml" });
  } catch (cause) {
    const [line = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw refuse(label, `it is neither JSON nor YAML: ${line.replace(/^Error parsing .*?: /, "")}`);
  }
}

/** The YAML parser of the library that resolves references. */
const yamlParser = (() => {
  const { yaml } = getJsonSchemaRefParserDefaultOptions().parse;
  if (typeof yaml !== "object" || typeof yaml.parse !== "function") {
    throw new Error("No YAML parser");
  }
  return { parse: yaml.parse };
})();

function refuse(label: string, why: string, cause?: unknown): GatewayError {
  return new GatewayError("bad_upstream_response", `Cannot take "${label}": ${why}`, { cause });
}
