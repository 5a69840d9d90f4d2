/**
 * One operation of a document as a tool: its documentation, one schema for all its arguments, and
 * the schema of its answer. A schema that is too large for a model is reduced step by step, the
 * deepest parts first, before the operation is given up.
 */
import { isJsonObject } from "../../../json.ts";
import type { Limits } from "../../../limits.ts";
import type { JsonObject } from "../../../model.ts";
import type { Operation } from "../service.ts";
import { toAnswers } from "./answers.ts";
import { type InputBody, readBody, toPlan } from "./body_plan.ts";
import type { Documents, Located } from "./documents.ts";
import { createArgumentNames } from "./operation_names.ts";
import { type OperationInput, readParameters, type Reserved } from "./parameters.ts";
import {
  createSchemaMaker,
  roomIn,
  type SchemaBounds,
  schemaDepthMax,
  TooLarge,
} from "./schema_maker.ts";
import { toOwnBaseUrl } from "./base_url.ts";
import { type OperationObject, operationShape, shaped } from "./shape.ts";
import { cutText } from "./cut_text.ts";
import { itemsOf, member } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** An operation as in the document. */
export interface Found {
  readonly method: string;
  readonly path: string;
  readonly operationId: string | undefined;
  readonly tags: readonly string[];
  /** The path's own members, for all its methods. */
  readonly item: Located;
  readonly operation: Located;
}

/** What all operations of a document share. */
export interface Common {
  readonly documents: Documents;
  readonly baseUrl: string;
  readonly reserved: Reserved;
  readonly limits: Limits;
}

/** A found operation in the engine's form. Throws Unusable. */
export function toOperation(found: Found, name: string, common: Common): Operation {
  const { documents, baseUrl, reserved, limits } = common;
  const { method, path, item, operation: { value, base } } = found;
  if (!path.startsWith("/") || /[?#]/.test(path)) {
    throw new Unusable("its path must begin with / and have neither ? nor #");
  }
  const operation = shaped(operationShape, value, "it");
  const servers = operation.servers ?? member(item.value, "servers");
  const parameters = readParameters(
    path,
    [
      { value: member(item.value, "parameters"), base: item.base },
      { value: operation.parameters, base },
    ],
    reserved,
    documents,
  );
  const { body, bodyNote } = toBody(method, { value: operation.requestBody, base }, common);
  const bodyParts = body === undefined
    ? []
    : body.whole === undefined
    ? body.members
    : [body.whole];
  const names = nameArguments(parameters, bodyParts);
  return {
    name,
    title: operation.summary === undefined ? undefined : cutText(operation.summary, titleCharsMax),
    description: [
      describe(operation, found, limits),
      ...describeChoices(body, names),
      ...bodyNote,
    ].join("\n\n"),
    method: method.toUpperCase(),
    path,
    baseUrl: toOwnBaseUrl(servers, documents, baseUrl),
    parameters: parameters.map((parameter) => ({
      argument: names.get(parameter) ?? parameter.wire,
      wire: parameter.wire,
      in: parameter.in,
      required: parameter.required,
      style: parameter.style,
      explode: parameter.explode,
    })),
    body: body === undefined ? undefined : toPlan(body, names),
    inputSchema: toInputSchema([...parameters, ...bodyParts], names, documents, limits),
    ...toAnswers({ value: operation.responses, base }, { method, parameters, documents, limits }),
    cacheMs: 0,
    repeatable: ["get", "put", "delete"].includes(method),
    resends: method === "get",
    readOnly: method === "get",
    login: false,
  };
}

/** The body, and a sentence for the model if the documented body is not sent. */
function toBody(method: string, at: Located, { documents, limits }: Common) {
  if (at.value === undefined) return { body: undefined, bodyNote: [] };
  try {
    const body = readBody(at, documents, roomIn(limits.inputSchemaCharsMax).schemasMax);
    return { body, bodyNote: [] };
  } catch (thrown) {
    // Most servers ignore the body of a GET; the operation is useful without it.
    if (method !== "get" || !(thrown instanceof Unusable)) throw thrown;
    const note = `Its body is not sent: ${thrown.message}.`;
    return { body: undefined, bodyNote: [cutText(note, choicesCharsMax)] };
  }
}

function nameArguments(
  parameters: readonly (OperationInput & { readonly in: string })[],
  bodyParts: readonly OperationInput[],
): ReadonlyMap<OperationInput, string> {
  const name = createArgumentNames();
  return new Map([
    ...parameters.map((one): [OperationInput, string] => [one, name(one.wire, one.in)]),
    ...bodyParts.map((one): [OperationInput, string] => [one, name(one.wire, "body")]),
  ]);
}

function describe(operation: OperationObject, { method, path }: Found, limits: Limits): string {
  const { deprecated } = operation;
  // Cut first: a search for one long text in another takes the product of their lengths.
  const [summary = "", description = ""] = [operation.summary, operation.description]
    .map((text) => text === undefined ? undefined : cutText(text, limits.toolDescriptionCharsMax));
  const isSaid = description.toLowerCase().includes(summary.toLowerCase());
  const text = [deprecated ? "Deprecated." : "", isSaid ? "" : summary, description]
    .map((part) => part.trim()).filter((part) => part !== "").join("\n\n");
  return cutText(text || `${method.toUpperCase()} ${path}`, limits.toolDescriptionCharsMax);
}

const titleCharsMax = 200;
const choicesCharsMax = 500;
/** More of them than this have more characters than that. */
const choicesMax = choicesCharsMax / 5;

/**
 * Which arguments belong together; the root schema of a tool must not say it, because many models
 * refuse that.
 */
function describeChoices(
  body: InputBody | undefined,
  names: ReadonlyMap<OperationInput, string>,
): readonly string[] {
  if (body === undefined || body.choices.length === 0) return [];
  const toArgument = (wire: string) => {
    const wanted = body.members.find((one) => one.wire === wire);
    return `\`${wanted === undefined ? wire : names.get(wanted) ?? wire}\``;
  };
  const groups = body.choices.slice(0, choicesMax)
    .map((group) => group.slice(0, choicesMax).map(toArgument).join(" with "));
  return [cutText(`Needs one of these: ${groups.join("; ")}.`, choicesCharsMax)];
}

/** How much of the schemas is kept, until they fit. */
const tries: readonly Omit<SchemaBounds, "schemasMax">[] = [
  { depthMax: schemaDepthMax, textMax: 800 },
  { depthMax: 6, textMax: 800 },
  { depthMax: 4, textMax: 400 },
  { depthMax: 3, textMax: 300 },
  { depthMax: 2, textMax: 200 },
  { depthMax: 1, textMax: 100 },
];

function toInputSchema(
  wanted: readonly OperationInput[],
  names: ReadonlyMap<OperationInput, string>,
  documents: Documents,
  { inputSchemaCharsMax: charsMax }: Limits,
): JsonObject {
  for (const bounds of tries) {
    const maker = createSchemaMaker(documents, "argument", { ...bounds, ...roomIn(charsMax) });
    try {
      const properties = Object.fromEntries(wanted.map((one) => {
        const name = names.get(one) ?? one.wire;
        return [name, describeArgument(maker.make(one.schema), one, name, bounds.textMax)];
      }));
      const required = wanted.filter((one) => one.required).map((one) => names.get(one));
      const schema = {
        type: "object",
        properties,
        ...(required.length === 0 ? {} : { required }),
        ...(Object.keys(maker.defs).length === 0 ? {} : { $defs: maker.defs }),
      };
      if (JSON.stringify(schema).length <= charsMax) return schema;
    } catch (thrown) {
      if (!(thrown instanceof TooLarge)) throw thrown;
    }
  }
  throw new TooLarge(`its arguments need more than ${charsMax} characters of schema`);
}

function describeArgument(
  schema: JsonObject,
  { description, deprecated, wire }: OperationInput,
  name: string,
  textMax: number,
): JsonObject {
  const text = description ?? schema["description"];
  const parts = [
    typeof text === "string" ? cutText(text, textMax) : "",
    name === wire ? "" : `Sent as ${JSON.stringify(wire)}.`,
  ].filter((part) => part !== "");
  return {
    ...schema,
    ...(parts.length === 0 ? {} : { description: parts.join(" ") }),
    ...(deprecated ? { deprecated: true } : {}),
  };
}

/** A document's operations in its order, and why some of its paths have none. */
export function findOperations(paths: JsonObject, documents: Documents) {
  const found: Found[] = [];
  const leftOut: string[] = [];
  const { base } = documents.root;
  for (const [path, value] of Object.entries(paths)) {
    if (path.startsWith("x-")) continue;
    try {
      const item = documents.follow({ value, base });
      for (
        const [method, operation] of Object.entries(isJsonObject(item.value) ? item.value : {})
      ) {
        if (!methods.has(method)) continue;
        const operationId = member(operation, "operationId");
        found.push({
          method,
          path,
          operationId: typeof operationId === "string" ? operationId : undefined,
          tags: itemsOf(member(operation, "tags")).filter((tag) => typeof tag === "string"),
          item,
          operation: { value: operation, base: item.base },
        });
      }
    } catch (thrown) {
      if (!(thrown instanceof Unusable)) throw thrown;
      leftOut.push(`${path}: ${thrown.message}`);
    }
  }
  return { found, leftOut };
}

const methods = new Set(["get", "put", "post", "delete", "patch"]);
