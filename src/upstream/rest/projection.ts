/**
 * JMESPath expressions of recipes and documents: compiled when a service is loaded, so that a wrong
 * one is found then and says where it stands.
 */
import { compile, type JSONValue, TreeInterpreter } from "@jmespath-community/jmespath";
import { expressionProblem } from "../../config/expression.ts";
import { GatewayError } from "../../errors.ts";

/** What an expression finds in a value; null when that is nothing, or when it cannot be applied. */
export type Projection = (value: unknown) => unknown;

/** Compiles an expression. Throws `upstream_unavailable` that names `place`. */
export function compileProjection(expression: string, place: string): Projection {
  const problem = expressionProblem(expression);
  if (problem !== undefined) {
    throw new GatewayError(
      "upstream_unavailable",
      `Cannot read the JMESPath expression ${JSON.stringify(expression)} of ${place}: ${problem}`,
    );
  }
  const tree = compile(expression);
  return (value) => {
    try {
      return TreeInterpreter.search(tree, value as JSONValue) ?? null;
    } catch {
      // A function that was given what it does not take: the answer has another shape.
      return null;
    }
  };
}
