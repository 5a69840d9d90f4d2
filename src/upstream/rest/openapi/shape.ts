/**
 * The used parts of a document, checked loosely: a wrong description counts as none, but wrong
 * parameters make an operation unusable. Parts stay unchanged, so that their references are
 * resolved from their own text. The names are those of OpenAPI 3.1 (section 4.8).
 */
import * as v from "valibot";
import { isJsonObject } from "../../../json.ts";
import { Unusable } from "./unusable.ts";

const text = v.fallback(v.optional(v.string()), undefined);
const flag = v.fallback(v.boolean(), false);
const object = v.custom<Record<string, unknown>>(isJsonObject, "an object");
const list = v.array(v.unknown(), "a list");
const required = v.pipe(v.string("a string"), v.nonEmpty("a string that is not empty"));

/** The document. */
export const documentShape = v.object({
  info: v.fallback(v.object({ title: text, version: text, description: text }), {}),
  paths: v.optional(object, {}),
  servers: v.optional(v.unknown()),
  security: v.optional(v.unknown()),
}, "an object");

/** One method of a path. */
export const operationShape = v.object({
  operationId: text,
  summary: text,
  description: text,
  deprecated: flag,
  tags: v.fallback(v.array(v.string()), []),
  parameters: v.optional(list, []),
  requestBody: v.optional(object),
  responses: v.fallback(object, {}),
  servers: v.optional(v.unknown()),
  security: v.optional(v.unknown()),
}, "an object");

/** A valid operation. */
export type OperationObject = v.InferOutput<typeof operationShape>;

/** A parameter. */
export const parameterShape = v.object({
  name: required,
  in: v.picklist(["path", "query", "header", "cookie"], '"path", "query", "header" or "cookie"'),
  description: text,
  required: flag,
  deprecated: flag,
  style: text,
  explode: v.fallback(v.optional(v.boolean()), undefined),
  schema: v.optional(v.unknown()),
  content: v.optional(object),
}, "an object");

/** A valid parameter. */
export type ParameterObject = v.InferOutput<typeof parameterShape>;

/** The body of a request. */
export const bodyShape = v.object({
  description: text,
  required: flag,
  content: object,
}, "an object");

/** One of the answers. */
export const responseShape = v.object({
  content: v.fallback(object, {}),
  headers: v.fallback(object, {}),
}, "an object");

/** A security scheme. */
export const securitySchemeShape = v.variant("type", [
  v.object({
    type: v.literal("apiKey"),
    in: v.picklist(["header", "query", "cookie"]),
    name: required,
  }),
  v.object({ type: v.literal("http"), scheme: required }),
  v.object({ type: v.literal("oauth2"), flows: object }),
  v.object({ type: v.literal("openIdConnect"), openIdConnectUrl: required }),
]);

/** A valid security scheme. */
export type SecurityScheme = v.InferOutput<typeof securitySchemeShape>;

/** A part of the document in its valid shape; throws Unusable with what is wrong with `what`. */
export function shaped<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  what: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new Unusable(`${path === null ? what : `"${path}" of ${what}`} must be ${issue.message}`);
}
