/**
 * Members that belong to the wire of one hop and are never part of the model: progress tokens,
 * tasks that servers ask of clients (not relayed), and members that only the stateless revision
 * 2026-07-28 has. They are listed in one place, so that none leaks into a revision that does not
 * know it.
 */
import type { JsonObject, RequestId } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";

const metaKeys: ReadonlySet<string> = new Set([
  "progressToken",
  ...[
    "protocolVersion",
    "clientCapabilities",
    "clientInfo",
    "logLevel",
    "serverInfo",
    "subscriptionId",
  ].map((name) => `io.modelcontextprotocol/${name}`),
]);

const resultKeys: ReadonlySet<string> = new Set([
  "resultType",
  "ttlMs",
  "cacheScope",
  "inputRequests",
  "requestState",
]);

/** Codecs read these members themselves; no other client can set an answer or a request state. */
const paramKeys: ReadonlySet<string> = new Set(["task", "inputResponses", "requestState"]);

const noKeys: ReadonlySet<string> = new Set();

/** A shallow copy without some members. */
export function without(value: JsonObject, keys: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.has(key)));
}

/** Returns the same object if it has none of the keys, as most messages. */
function cleaned(value: JsonObject, keys: ReadonlySet<string>): JsonObject {
  const rest = hasAny(value, keys) ? without(value, keys) : value;
  if (!isJsonObject(rest._meta)) return rest;
  const meta = ownMeta(rest._meta);
  if (meta === rest._meta) return rest;
  const { _meta: _, ...others } = rest;
  return meta === undefined ? others : { ...others, _meta: meta };
}

/** The members of `_meta` that are no hop's own; undefined if there are none. */
function ownMeta(meta: JsonObject): JsonObject | undefined {
  let [own, all] = [0, 0];
  for (const key in meta) {
    all += 1;
    if (!metaKeys.has(key)) own += 1;
  }
  if (own === 0) return undefined;
  return own === all ? meta : without(meta, metaKeys);
}

/**
 * Runs for every message, so it makes no list of the keys. Parsed JSON has no inherited members.
 */
function hasAny(value: JsonObject, keys: ReadonlySet<string>): boolean {
  for (const key in value) if (keys.has(key)) return true;
  return false;
}

/** Params as the model has them: `_meta` has only vendor keys, or is absent. */
export function modelParams(params: JsonObject): JsonObject {
  return cleaned(params, paramKeys);
}

/**
 * Params or a result of a foreign method, without the members of `_meta` that belong to one hop.
 */
export function foreignParams(params: JsonObject): JsonObject {
  return cleaned(params, noKeys);
}

/** A result without the keys of other revisions. */
export function plainResult(result: JsonObject): JsonObject {
  return cleaned(result, resultKeys);
}

/** The progress token of params that were already checked. */
export function progressTokenOf(params: JsonObject): RequestId | undefined {
  const meta = params._meta;
  return isJsonObject(meta) ? meta.progressToken as RequestId | undefined : undefined;
}

/** Params with a progress token. */
export function withProgressToken(params: JsonObject, token: RequestId | undefined): JsonObject {
  if (token === undefined) return params;
  const meta = isJsonObject(params._meta) ? params._meta : {};
  return { ...params, _meta: { ...meta, progressToken: token } };
}
