/**
 * The handshake era's codec toward clients: which messages a revision has, and how it writes
 * results, notices, questions and errors. The differences between revisions are data in
 * `revisions.ts` and `methods.ts`; `degrade.ts` and `ask.ts` bridge them. Not here: sessions, ids
 * and streams (http/legacy).
 */
import { errorTable } from "../../error_table.ts";
import type { GatewayError } from "../../errors.ts";
import { handshakeCapabilities } from "../../extensions.ts";
import type { Description, JsonObject, Notice, RequestId } from "../../model.ts";
import type {
  ClientWords,
  Decoded,
  EncodedError,
  Identity,
  Recipient,
  SessionWords,
  WireMessage,
} from "../codec.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { cleanParams } from "../message_members.ts";
import { isNamed } from "../names.ts";
import { shownInfo } from "../shown_info.ts";
import { encodeAsk } from "./ask.ts";
import { degradeResult } from "./degrade.ts";
import {
  clientNotifications,
  clientRequests,
  methodIn,
  type MethodTable,
  serverNotifications,
} from "./methods.ts";
import { rowOf } from "./revisions.ts";
import { isLoudEnough } from "../shared/log_severity.ts";
import { problemIn } from "../shared/method_params.ts";
import { isPlainRequest } from "../shared/plain_requests.ts";
import { foreignParams, modelParams, progressTokenOf, without } from "../shared/wire_keys.ts";

/** Makes the codec for clients of 2024-11-05 to 2025-11-25. */
export function createLegacyClientCodec(identity: Identity): ClientWords & SessionWords {
  // By revision: every handshake with a running server sends the same description.
  const encoded = new WeakMap<Description, Map<string, JsonObject>>();
  return {
    asks: "request",
    decodeRequest: (method, params, revision) => decode(clientRequests, method, params, revision),
    decodeNotification: (method, params, revision) =>
      decode(clientNotifications, method, params, revision),
    encodeResult: (method, { value }, { revision }) => degradeResult(method, value, revision),
    encodeNotice,
    encodeAsk: (ask, { revision, capabilities }) => encodeAsk(ask, revision, capabilities),
    encodeError,
    encodeDescription(description, { revision }) {
      const byRevision = encoded.get(description) ?? new Map<string, JsonObject>();
      const before = byRevision.get(revision);
      if (before !== undefined) return before;
      const result = encodeDescription(description, revision, identity);
      encoded.set(description, byRevision.set(revision, result));
      return result;
    },
  };
}

function decode(
  methods: MethodTable,
  method: string,
  given: JsonObject,
  revision: string,
): Decoded {
  const row = methodIn(methods, method, revision);
  if (row === undefined) return { kind: "unknown" };
  const params = cleanParams(method, given);
  const message = isPlainRequest(method, params)
    ? undefined
    : problemIn(row.params, method, params);
  if (message !== undefined) return { kind: "invalid", message };
  const progressToken = progressTokenOf(params);
  const { task } = params;
  const asTask = method === "tools/call" && task !== undefined && rowOf(revision).tasks;
  const plain = modelParams(params);
  return { kind: "ok", method, params: asTask ? { ...plain, task } : plain, progressToken };
}

function encodeNotice(
  notice: Notice,
  { revision, logLevel }: Recipient,
  progressToken: RequestId | undefined,
): WireMessage | undefined {
  const { method } = notice;
  if (!isNamed(method)) return { method, params: foreignParams(notice.params) };
  if (methodIn(serverNotifications, method, revision) === undefined) return undefined;
  const params = modelParams(notice.params);
  if (method === "notifications/message" && logLevel !== undefined) {
    return isLoudEnough(params.level, logLevel) ? { method, params } : undefined;
  }
  if (method !== "notifications/progress") return { method, params };
  return progressToken === undefined ? undefined : { method, params: { ...params, progressToken } };
}

/** Replaces codes that clients of this era do not know. */
function encodeError(failure: GatewayError, request?: WireMessage): EncodedError {
  const { status } = failure;
  const { code, ...rest } = failure.toRpc();
  const isUnknownUri = request?.method === "resources/read" &&
    code === errorTable.invalid_params.rpc &&
    isJsonObject(rest.data) && typeof rest.data.uri === "string";
  const told = failure.code === "capability_missing"
    ? errorTable.internal.rpc
    : isUnknownUri
    ? errorTable.resource_not_found.rpc
    : code;
  return { error: { code: told, ...rest }, status };
}

/** The `_meta` key for the `serverInfo` of the only server behind a surface. */
const upstreamInfoKey = "mcp-wrapper/serverInfo";
const taskKeys = new Set(["tasks"]);
const laterCapabilities = new Set(["tasks", "completions"]);

function encodeDescription(
  description: Description,
  revision: string,
  identity: Identity,
): JsonObject {
  const row = rowOf(revision);
  const capabilities = handshakeCapabilities(description.capabilities);
  const result: JsonObject = {
    protocolVersion: revision,
    capabilities: row.tasks
      ? capabilities
      : without(capabilities, row.completions ? taskKeys : laterCapabilities),
    serverInfo: shownInfo(identity, description.serverInfo, row),
    // The server's own info, if there is only one behind the surface.
    ...(description.serverInfo === undefined
      ? {}
      : { _meta: { [upstreamInfoKey]: description.serverInfo } }),
  };
  const { instructions } = description;
  return instructions === undefined ? result : { ...result, instructions };
}
