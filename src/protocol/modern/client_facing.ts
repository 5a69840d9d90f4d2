/**
 * The stateless era's codec toward clients: results with their kind and freshness, questions as the
 * result of a request, notices, errors and descriptions of surfaces. It drops what the era does not
 * know (tasks of the handshake era, `execution`, codes); the rest passes as it is. Follows
 * basic/index, patterns/mrtr, utilities/caching and server/discover of 2026-07-28.
 */
import { errorTable } from "../../error_table.ts";
import { type GatewayError, upstreamCodes } from "../../errors.ts";
import {
  type Description,
  type Freshness,
  type InputRequired,
  type JsonObject,
  listKinds,
  type Notice,
  type RequestId,
  type Result,
} from "../../model.ts";
import type {
  ClientWords,
  EncodedError,
  Identity,
  Recipient,
  RetryWords,
  WireMessage,
} from "../codec.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { cleanParams } from "../message_members.ts";
import { isLoudEnough } from "../shared/log_severity.ts";
import { foreignParams, modelParams, plainResult, without } from "../shared/wire_keys.ts";
import { isNamed } from "../names.ts";
import { shownInfo } from "../shown_info.ts";
import { decodeCleaned } from "./decode_request.ts";
import { signed } from "./envelope.ts";
import { notifications } from "./methods.ts";
import { modernRevision } from "./revision.ts";
import { encodeTask, isTaskRequest } from "./task_messages.ts";
import { problemOf } from "./tool_headers.ts";

/** The `_meta` key for the `serverInfo` of the only server behind a surface. */
const upstreamInfoKey = "mcp-wrapper/serverInfo";

/** Results that say how long they may be kept. */
const cacheable: ReadonlySet<string> = new Set([
  ...Object.values(listKinds).map(({ method }) => method),
  "resources/read",
  "resources/directory/read",
  "skills/get",
  "server/discover",
]);

const executionKeys = new Set(["execution"]);
const taskKeys = new Set(["tasks"]);
/** Handshake-era servers use this id to report that a web page is done; this era has no such id. */
const questionKeys = new Set(["elicitationId"]);

/** Makes the codec for clients of 2026-07-28. */
export function createModernClientCodec(identity: Identity): ClientWords & RetryWords {
  return {
    asks: "result",
    decodeRequest: (method, params) => decodeCleaned(method, cleanParams(method, params)),
    encodeResult: (method, result) => encodeResult(method, result, identity),
    encodeInputRequired: (ending) => encodeInputRequired(ending, identity),
    encodeNotice,
    encodeError,
    encodeDescription: (description) => encodeDescription(description, identity),
  };
}

const complete = { resultType: "complete" } as const;

/** A result as the client gets it. */
function encodeResult(
  method: string,
  { value, freshness, isTask }: Result,
  identity: Identity,
): JsonObject {
  if (isTask) return signed(encodeTask(value), identity, { resultType: "task" });
  if (isTaskRequest(method)) return signed(encodeTask(value), identity, complete);
  const plain = isNamed(method) ? plainResult(value) : foreignParams(value);
  const result = method === "tools/list" ? withToolsOfTheEra(plain) : plain;
  return signed(
    result,
    identity,
    cacheable.has(method) ? { ...complete, ...hintsOf(freshness) } : complete,
  );
}

function hintsOf(freshness: Freshness | undefined): JsonObject {
  return {
    ttlMs: Math.max(0, Math.trunc(freshness?.ttlMs ?? 0)),
    cacheScope: freshness?.isShared === true ? "public" : "private",
  };
}

/** Clients must drop tools with invalid header markings, so the gateway does not send them. */
function withToolsOfTheEra(result: JsonObject): JsonObject {
  if (!Array.isArray(result.tools)) return result;
  const tools = result.tools.filter(isJsonObject)
    .filter(({ inputSchema }) => problemOf(inputSchema) === undefined)
    .map((tool) => tool.execution === undefined ? tool : without(tool, executionKeys));
  return { ...result, tools };
}

/** Questions as the result of a request. */
function encodeInputRequired(
  { questions, state }: InputRequired,
  identity: Identity,
): JsonObject {
  const asked = questions.map(({ key, method, params }) =>
    [key, { method, params: without(modelParams(params), questionKeys) }] as const
  );
  return signed({
    resultType: "input_required",
    ...(asked.length === 0 ? {} : { inputRequests: Object.fromEntries(asked) }),
    ...(state === undefined ? {} : { requestState: state }),
  }, identity);
}

/**
 * A notice of a request; undefined if the era has no such notice, or this client does not want it.
 */
function encodeNotice(
  notice: Notice,
  { logLevel }: Recipient,
  progressToken: RequestId | undefined,
): WireMessage | undefined {
  const { method } = notice;
  if (!isNamed(method)) return { method, params: foreignParams(notice.params) };
  if (!notifications.has(method)) return undefined;
  const params = modelParams(notice.params);
  if (method === "notifications/message") {
    const isWanted = logLevel !== undefined && isLoudEnough(params.level, logLevel);
    return isWanted ? { method, params } : undefined;
  }
  if (method !== "notifications/progress") return { method, params };
  return progressToken === undefined ? undefined : { method, params: { ...params, progressToken } };
}

/** The statuses that the transport gives to codes; others keep the error table's. */
const statuses: ReadonlyMap<number, number> = new Map([
  [errorTable.method_not_found.rpc, 404],
  [errorTable.header_mismatch.rpc, 400],
  [errorTable.capability_missing.rpc, 400],
  [errorTable.version_unsupported.rpc, 400],
]);

/** Codes that only the handshake era has. */
const replaced: ReadonlyMap<number, number> = new Map([
  [errorTable.resource_not_found.rpc, errorTable.invalid_params.rpc],
  [upstreamCodes.urlElicitationRequired, errorTable.internal.rpc],
]);

/** An error as the client gets it. */
function encodeError(failure: GatewayError, request?: WireMessage): EncodedError {
  const { code, message, data } = failure.toRpc();
  const uri = request?.params.uri;
  const isUnknownUri = code === errorTable.resource_not_found.rpc && uri !== undefined;
  const told = isUnknownUri ? { ...(isJsonObject(data) ? data : {}), uri } : data;
  const error = {
    code: replaced.get(code) ?? code,
    message,
    ...(told === undefined ? {} : { data: told }),
  };
  return { error, status: statuses.get(error.code) ?? failure.status };
}

/** The answer to `server/discover`. */
function encodeDescription(
  { capabilities, instructions, serverInfo }: Description,
  identity: Identity,
): JsonObject {
  return signed({
    resultType: "complete",
    supportedVersions: [modernRevision],
    capabilities: without(capabilities, taskKeys),
    ...(instructions === undefined ? {} : { instructions }),
    ...hintsOf(undefined),
    // The server's own info, if there is only one behind the surface.
    ...(serverInfo === undefined ? {} : { _meta: { [upstreamInfoKey]: serverInfo } }),
  }, shownInfo(identity, serverInfo, { titles: true, icons: true }));
}

const groups = ["tools", "prompts", "resources"];

/** The capability that a method needs; undefined if it needs none. */
export function capabilityOf(method: string): string | undefined {
  if (method === "completion/complete") return "completions";
  if (!isNamed(method)) return undefined;
  return groups.find((group) => method.startsWith(`${group}/`));
}
