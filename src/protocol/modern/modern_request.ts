/**
 * A client's request of the stateless era, checked in the order that the specification and the
 * official suite agree on: envelope, contradicting headers, revision, missing headers, method,
 * params. What comes out is free of wire-only members. Follows "Request Metadata" and "Versioning".
 */
import * as v from "valibot";
import { GatewayError } from "../../errors.ts";
import type { JsonObject, RequestId, Resume } from "../../model.ts";
import { isSafeText } from "../jsonrpc.ts";
import { modelParams, progressTokenOf } from "../shared/wire_keys.ts";
import { cleanParams } from "../message_members.ts";
import { decodeForeign } from "../names.ts";
import { type Envelope, readEnvelope } from "./envelope.ts";
import { assertMirrored, assertNoContradiction } from "./http_wire.ts";
import { pausable, problemIn, requests, resumeSchema } from "./methods.ts";
import { modernRevision } from "./revision.ts";

/** One request. */
export interface DecodedRequest {
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
  readonly progressToken?: RequestId | undefined;
  readonly envelope: Envelope;
  /** What it brings back to a call that ended by questions. */
  readonly resume?: Resume | undefined;
}

/**
 * Reads a request; throws a GatewayError, whose status is that of the whole answer. `takesForeign`:
 * methods that are not the protocol's may pass.
 */
export function decodeRequest(
  message: { readonly id: RequestId; readonly method: string; readonly params: JsonObject },
  headers: Headers,
  takesForeign = false,
): DecodedRequest {
  const { id, method } = message;
  const params = cleanParams(method, message.params);
  const envelope = readEnvelope(params);
  assertNoContradiction(headers, { method, params });
  if (envelope.revision !== modernRevision) {
    throw new GatewayError(
      "version_unsupported",
      `Cannot speak protocol version ${JSON.stringify(envelope.revision)}: use ${modernRevision}`,
      { data: { supported: [modernRevision], requested: envelope.revision } },
    );
  }
  assertMirrored(headers, { method, params });
  const schema = requests.get(method);
  if (schema === undefined) {
    const foreign = takesForeign ? decodeForeign(method, params) : undefined;
    if (foreign === undefined) {
      throw new GatewayError("method_not_found", `Unknown method "${method}"`);
    }
    return { id, method, params: foreign.params, progressToken: foreign.progressToken, envelope };
  }
  const problem = problemIn(schema, method, params);
  if (problem !== undefined) throw new GatewayError("invalid_params", problem);
  const resume = pausable.has(method) ? readResume(method, params) : undefined;
  return {
    id,
    method,
    params: modelParams(params),
    progressToken: progressTokenOf(params),
    envelope,
    resume,
  };
}

function readResume(method: string, params: JsonObject): Resume | undefined {
  const problem = problemIn(resumeSchema, method, params);
  if (problem !== undefined) throw new GatewayError("invalid_params", problem);
  const { inputResponses, requestState } = v.parse(resumeSchema, params);
  if (inputResponses === undefined && requestState === undefined) return undefined;
  const answers = Object.entries(inputResponses ?? {}).filter(([key]) => isSafeText(key));
  return { answers: Object.fromEntries(answers), state: requestState };
}
