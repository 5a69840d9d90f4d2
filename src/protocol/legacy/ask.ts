/**
 * Questions of upstreams as requests to a client: whether the client declared the capability,
 * whether its revision has the question, and the translation to an older form. Upstreams of a
 * session know the same capabilities, so a refusal here means that a server asked anyway. Follows
 * the client features of each revision (roots, sampling, elicitation).
 */
import { isDeclared, missingCapability, usesTools } from "../../client_capabilities.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { Ask, JsonObject } from "../../model.ts";
import type { WireMessage } from "../codec.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { degradeBlock } from "./degrade.ts";
import { methodIn, serverRequests } from "./methods.ts";
import { type RevisionRow, rowOf } from "./revisions.ts";
import { modelParams, without } from "../shared/wire_keys.ts";

/** Params for the client; throws `ask_unanswerable`. */
type AskEncoder = (params: JsonObject, row: RevisionRow, capabilities: JsonObject) => JsonObject;

const encoders: ReadonlyMap<string, AskEncoder> = new Map([
  ["roots/list", (params) => params],
  ["sampling/createMessage", encodeSampling],
  ["elicitation/create", encodeElicitation],
]);

/** The question as a request; the failure names the missing capability. */
export function encodeAsk(
  ask: Ask,
  revision: string,
  capabilities: JsonObject,
): WireMessage | GatewayError {
  const encode = encoders.get(ask.method);
  const row = rowOf(revision);
  try {
    if (encode === undefined || methodIn(serverRequests, ask.method, revision) === undefined) {
      throw unanswerable(ask.method, `revision ${row.revision} has no such request`);
    }
    const params = modelParams(ask.params);
    const missing = missingCapability({ method: ask.method, params }, capabilities);
    if (missing !== undefined) {
      throw unanswerable(missing.lacks, "it did not declare this capability");
    }
    return { method: ask.method, params: encode(params, row, capabilities) };
  } catch (thrown) {
    return toGatewayError(thrown);
  }
}

function unanswerable(capability: string, reason: string): GatewayError {
  return new GatewayError(
    "ask_unanswerable",
    `Cannot ask the client for ${capability}: ${reason}`,
    {
      data: { capability },
    },
  );
}

function encodeSampling(
  params: JsonObject,
  row: RevisionRow,
  capabilities: JsonObject,
): JsonObject {
  const messages: unknown[] = Array.isArray(params.messages) ? params.messages : [];
  if (usesTools(params) && !row.samplingBlocks) {
    throw unanswerable("sampling.tools", `revision ${row.revision} has no tools in sampling`);
  }
  const kept = row.samplingContext && !isDeclared(capabilities, ["sampling", "context"])
    ? without(params, contextKeys)
    : params;
  return { ...kept, messages: messages.flatMap((message) => sampleMessages(message, row)) };
}

/** Removed for clients that did not declare `sampling.context`: without it they add no context. */
const contextKeys = new Set(["includeContext"]);

/** One message for each content block, if the revision allows only one block in a message. */
function sampleMessages(message: unknown, row: RevisionRow): unknown[] {
  if (!isJsonObject(message)) return [message];
  if (!Array.isArray(message.content)) {
    return [{ ...message, content: degradeBlock(message.content, row) }];
  }
  if (row.samplingBlocks) return [message];
  return message.content.map((block) => ({ ...message, content: degradeBlock(block, row) }));
}

function encodeElicitation(
  params: JsonObject,
  row: RevisionRow,
): JsonObject {
  if (params.mode === "url") {
    if (!row.elicitationUrl) {
      throw unanswerable("elicitation.url", `revision ${row.revision} has forms only`);
    }
    // Servers of the stateless revision send no `elicitationId`; these clients need one.
    return params.elicitationId === undefined
      ? { ...params, elicitationId: crypto.randomUUID() }
      : params;
  }
  const schema = params.requestedSchema;
  if (row.elicitationChoices || !isJsonObject(schema) || !isJsonObject(schema.properties)) {
    return params;
  }
  const properties = Object.fromEntries(
    Object.entries(schema.properties).map(([key, field]) => [key, olderField(key, field, row)]),
  );
  return { ...params, requestedSchema: { ...schema, properties } };
}

/** A form field in the form of 2025-06-18: titled choices are `enum` next to `enumNames`. */
function olderField(key: string, field: unknown, row: RevisionRow): unknown {
  if (!isJsonObject(field)) return field;
  if (field.type === "array") {
    throw unanswerable(
      "elicitation.form",
      `revision ${row.revision} has no multiple choice, which field ${JSON.stringify(key)} needs`,
    );
  }
  const { oneOf, ...rest } = field;
  if (!Array.isArray(oneOf)) return field;
  const choices = oneOf.filter(isJsonObject);
  const names = choices.map((choice) => choice.title ?? choice.const);
  return { ...rest, enum: choices.map((choice) => choice.const), enumNames: names };
}
