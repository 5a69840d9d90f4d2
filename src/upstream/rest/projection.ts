/**
 * JMESPath expressions of recipes and documents: compiled when a service is loaded, so that a wrong
 * one is found then and says where it stands.
 */
import {
  compile,
  getRegisteredFunctions,
  type JSONValue,
  TreeInterpreter,
} from "@jmespath-community/jmespath";
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../protocol/jsonrpc.ts";

/** What an expression finds in a value; null when that is nothing, or when it cannot be applied. */
export type Projection = (value: unknown) => unknown;

/** Compiles an expression. Throws `upstream_unavailable` that names `place`. */
export function compileProjection(expression: string, place: string): Projection {
  const fail = (why: string, cause?: unknown) =>
    new GatewayError(
      "upstream_unavailable",
      `Cannot read the JMESPath expression ${JSON.stringify(expression)} of ${place}: ${why}`,
      { cause },
    );
  let tree: ReturnType<typeof compile>;
  try {
    tree = compile(expression);
  } catch (thrown) {
    throw fail(thrown instanceof Error ? thrown.message : "it is not valid", thrown);
  }
  const known = new Set(getRegisteredFunctions());
  const unknown = functionsOf(tree).find((name) => !known.has(name));
  if (unknown !== undefined) throw fail(`there is no function "${unknown}"`);
  return (value) => {
    try {
      return TreeInterpreter.search(tree, value as JSONValue) ?? null;
    } catch {
      // A function that was given what it does not take: the answer has another shape.
      return null;
    }
  };
}

/** Names of the functions that a compiled expression calls. */
function functionsOf(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(functionsOf);
  if (!isJsonObject(node)) return [];
  const own = node["type"] === "Function" ? [String(node["name"])] : [];
  return [...own, ...Object.values(node).flatMap(functionsOf)];
}
