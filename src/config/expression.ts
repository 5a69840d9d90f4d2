/**
 * JMESPath expressions, which say what of an API's answer is meant. Here they are checked as far as
 * that is possible without an answer: whether they can be read, and whether their functions exist.
 */
import { compile, getRegisteredFunctions } from "@jmespath-community/jmespath";
import { truncate } from "../excerpt.ts";

/** Why an expression cannot be used; undefined when it can. */
export function expressionProblem(expression: string): string | undefined {
  try {
    const known = new Set<string>(getRegisteredFunctions());
    const unknown = functionsOf(compile(expression)).find((name) => !known.has(name));
    return unknown === undefined ? undefined : `there is no function "${unknown}"`;
  } catch (thrown) {
    return thrown instanceof Error ? toLine(thrown.message) : "it is not valid";
  }
}

/** It may repeat any character of the expression, and any number of them. */
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
