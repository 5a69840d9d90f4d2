/**
 * A client's request of the stateless era over HTTP, checked in the order that the specification
 * and the official suite agree on: envelope, contradicting headers, revision, missing headers,
 * method, params. The result has no wire-only members. Follows "Request Metadata" and "Versioning".
 */
import { GatewayError } from "../../errors.ts";
import type { JsonObject, RequestId, Resume } from "../../model.ts";
import { cleanParams } from "../message_members.ts";
import { decodeForeign } from "../names.ts";
import { decodeCleaned } from "./decode_request.ts";
import {
  type Envelope,
  envelopeText,
  knownEnvelope,
  readEnvelope,
  rememberEnvelope,
  withoutEnvelope,
} from "./envelope.ts";
import { assertMirrored, assertNoContradiction, mirrorHeaders } from "./http_wire.ts";
import { modernRevision } from "./revision.ts";

/** One request. */
export interface DecodedRequest {
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
  readonly progressToken?: RequestId | undefined;
  readonly envelope: Envelope;
  /** What it returns to a call that ended with questions. */
  readonly resume?: Resume | undefined;
}

/**
 * Reads a request; throws a GatewayError with the status of the whole answer. `takesForeign`:
 * whether methods that are not part of the protocol may pass.
 */
export function decodeRequest(
  message: { readonly id: RequestId; readonly method: string; readonly params: JsonObject },
  headers: Headers,
  takesForeign: () => boolean = () => false,
): DecodedRequest {
  const { id, method } = message;
  const { envelope, params } = open(method, message.params);
  const sent = mirrorHeaders(headers, method);
  assertNoContradiction(sent, { method, revision: envelope.revision });
  if (envelope.revision !== modernRevision) {
    throw new GatewayError(
      "version_unsupported",
      `Cannot speak protocol version ${JSON.stringify(envelope.revision)}: use ${modernRevision}`,
      { data: { supported: [modernRevision], requested: envelope.revision } },
    );
  }
  assertMirrored(sent, { method, params });
  const own = decodeCleaned(method, params);
  const decoded = own.kind === "unknown" && takesForeign()
    ? decodeForeign(method, params) ?? own
    : own;
  switch (decoded.kind) {
    case "unknown":
      throw new GatewayError("method_not_found", `Unknown method "${method}"`);
    case "invalid":
      throw new GatewayError("invalid_params", decoded.message);
    case "ok": {
      const { progressToken, resume } = decoded;
      return { id, method, params: decoded.params, progressToken, envelope, resume };
    }
  }
}

/** The envelope and the cleaned params of a request; the params may lack the envelope's members. */
function open(method: string, given: JsonObject): { envelope: Envelope; params: JsonObject } {
  const text = envelopeText(given);
  const known = knownEnvelope(text);
  if (known !== undefined) {
    return { envelope: known, params: cleanParams(method, withoutEnvelope(given)) };
  }
  const params = cleanParams(method, given);
  const envelope = readEnvelope(params);
  rememberEnvelope(text, envelope);
  return { envelope, params };
}
