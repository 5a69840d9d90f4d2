/**
 * JMESPath expressions, which select parts of an API's answer. Without an answer they can be
 * checked only in part: whether they parse, and whether their functions exist.
 */
import { compile, getRegisteredFunctions } from "@jmespath-community/jmespath";
import { truncate } from "../excerpt.ts";

/** Why an expression cannot be used; undefined if it can. */
export function expressionProblem(expression: string): string | undefined {
  try {
    const known = new Set<string>(getRegisteredFunctions());
    const unknown = functionsOf(compile(expression)).find((name) => !known.has(name));
    return unknown === undefined ? undefined : `there is no function "${unknown}"`;
  } catch (thrown) {
    return thrown instanceof Error ? toLine(thrown.message) : "it is not valid";
  }
}

/** The parser may repeat any character of the expression, any number of times. */
function toLine(message: string): string {
  const line = message.replace(/\p{C}/gu, (one) => JSON.stringify(one).slice(1, -1));
  return truncate(line, lineCharsMax);
}

const lineCharsMax = 200;

/** Names of the functions that a compiled expression calls. */
function functionsOf(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const own = "type" in node && node.type === "Function" && "name" in node
    ? [String(node.name)]
    : [];
  return [...own, ...Object.values(node).flatMap(functionsOf)];
}
