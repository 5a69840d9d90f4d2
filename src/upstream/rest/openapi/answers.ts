/**
 * What a document says about successful answers (OpenAPI 3.1, section 4.8.16): their media types,
 * the schema of the most likely one, and whether there are more pages. A badly documented answer
 * counts as undocumented, and the operation can still be called.
 */
import type * as v from "valibot";
import { isJsonObject } from "../../../json.ts";
import type { Limits } from "../../../limits.ts";
import type { JsonObject } from "../../../model.ts";
import type { Operation, Pagination } from "../service.ts";
import type { Documents, Located } from "./documents.ts";
import { isJson, type OperationInput } from "./parameters.ts";
import { createSchemaMaker, roomIn, schemaDepthMax } from "./schema_maker.ts";
import { responseShape, shaped } from "./shape.ts";
import { member } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** The answers of an operation, by its `responses`. */
export function toAnswers(
  responses: Located,
  { method, parameters, documents, limits }: {
    readonly method: string;
    readonly parameters: readonly OperationInput[];
    readonly documents: Documents;
    readonly limits: Limits;
  },
): Pick<Operation, "produces" | "outputSchema" | "pagination"> {
  const heads = readHeads(responses, documents);
  const produces = [...new Set(heads.flatMap(({ content }) => Object.keys(content)))];
  return {
    produces: produces.length === 0 ? undefined : produces,
    outputSchema: toOutputSchema(heads, documents, limits),
    pagination: toPagination(method, parameters, heads),
  };
}

/** The documentation of one answer. */
type Head = v.InferOutput<typeof responseShape> & { readonly base: string };

/** Of the first successful answer; undefined if nothing short is known about it. */
function toOutputSchema(
  heads: readonly Head[],
  documents: Documents,
  { outputSchemaCharsMax: charsMax }: Limits,
): JsonObject | undefined {
  try {
    const maker = createSchemaMaker(documents, "answer", {
      depthMax: schemaDepthMax,
      textMax: 200,
      ...roomIn(charsMax),
    });
    for (const { content, base } of heads) {
      const mediaType = Object.keys(content).find(isJson);
      const schema = mediaType === undefined ? undefined : member(content[mediaType], "schema");
      if (!isJsonObject(schema)) continue;
      const made = maker.make({ value: schema, base });
      const { defs } = maker;
      const whole = Object.keys(defs).length === 0 ? made : { ...made, $defs: defs };
      return JSON.stringify(whole).length <= charsMax ? whole : undefined;
    }
  } catch (thrown) {
    if (!(thrown instanceof Unusable)) throw thrown;
  }
  return undefined;
}

/** `Link` headers, if the document has them or lists usually do. */
function toPagination(
  method: string,
  parameters: readonly OperationInput[],
  heads: readonly Head[],
): Pagination | undefined {
  if (method !== "get") return undefined;
  const wires = new Set(parameters.map(({ wire }) => wire));
  const isUsual = wires.has("page") && wires.has("per_page");
  return isUsual || heads.some(hasLink) ? { type: "link" } : undefined;
}

function hasLink({ headers }: Head): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === "link");
}

/** The documented successful answers, the most likely first. */
function readHeads({ value, base }: Located, documents: Documents): readonly Head[] {
  const codes = Object.keys(isJsonObject(value) ? value : {})
    .filter((code) => /^2(\d\d|XX)$/i.test(code)).sort();
  return codes.flatMap((code) => {
    try {
      const at = documents.follow({ value: member(value, code), base });
      return [{ ...shaped(responseShape, at.value, "its answer"), base: at.base }];
    } catch (thrown) {
      if (thrown instanceof Unusable) return [];
      throw thrown;
    }
  });
}
