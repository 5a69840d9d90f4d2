/**
 * JMESPath expressions of recipes and documents. They are compiled when a service is loaded, so
 * that an invalid one is found then, with its place.
 */
import { compile, type JSONValue, TreeInterpreter } from "@jmespath-community/jmespath";
import { expressionProblem } from "../../config/expression.ts";
import { GatewayError } from "../../errors.ts";

/** The value that an expression finds; null if there is none, or if it cannot be applied. */
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
      // A function got a type that it does not accept: the answer has another shape.
      return null;
    }
  };
}
