/**
 * The requests of the client that have no answer yet, by their ids, and what becomes of them: an
 * answer of the gateway, an error of the bridge, or nothing if the client cancelled. Each gets one
 * answer at most.
 */
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject, RequestId } from "../../model.ts";
import { errorText } from "../../protocol/jsonrpc.ts";
import type { RelayedLine, RelayedRequest } from "../../protocol/relayed_line.ts";
import type { LineOutput } from "./line_output.ts";

/** One request. */
export interface ClientRequest extends RelayedRequest {
  /** The line by which the client gave it up: it does not wait for an answer any more. */
  cancellation: RelayedLine | undefined;
  isAnswered: boolean;
  /** Aborts when the client cancels it. */
  readonly cancelled: AbortController;
}

/** The open requests of one client. */
export interface ClientRequests {
  readonly size: () => number;
  /** Undefined if the id belongs to a request that is still open. */
  add(request: RelayedRequest): ClientRequest | undefined;
  find(id: RequestId): ClientRequest | undefined;
  remove(request: ClientRequest): void;
}

/** A number and a text are different ids. */
const keyOf = (id: RequestId): string => JSON.stringify(id);

/** Makes the table, empty. */
export function createClientRequests(): ClientRequests {
  const open = new Map<string, ClientRequest>();
  return {
    size: () => open.size,
    add(request) {
      const key = keyOf(request.id);
      if (open.has(key)) return undefined;
      const entry = {
        ...request,
        cancellation: undefined,
        isAnswered: false,
        cancelled: new AbortController(),
      };
      open.set(key, entry);
      return entry;
    },
    find: (id) => open.get(keyOf(id)),
    remove({ id }) {
      open.delete(keyOf(id));
    },
  };
}

/** Whether nothing more can come for these requests. */
export function areOver(requests: readonly ClientRequest[]): boolean {
  return requests.every(({ isAnswered }) => isAnswered);
}

/** Passes a message of the gateway on, unless it answers a request that was cancelled. */
export async function deliver(
  out: LineOutput,
  text: string,
  requests: readonly ClientRequest[],
  seen?: (result: JsonObject, request: ClientRequest) => void,
): Promise<void> {
  if (requests.length > 0) {
    const value = parse(text);
    const items = Array.isArray(value) ? value : [value];
    const answered = items.flatMap((item) => requestOf(item, requests) ?? []);
    for (const { request, result } of answered) {
      request.isAnswered = true;
      if (result !== undefined) seen?.(result, request);
    }
    if (answered.length > 0 && answered.every(isUnwanted)) return;
  }
  await out.write(text);
}

function isUnwanted({ request }: { readonly request: ClientRequest }): boolean {
  return request.cancellation !== undefined;
}

function requestOf(item: unknown, requests: readonly ClientRequest[]) {
  if (!isJsonObject(item) || item.method !== undefined) return undefined;
  const request = requests.find(({ id, isAnswered }) => id === item.id && !isAnswered);
  const { result } = item;
  return request && { request, result: isJsonObject(result) ? result : undefined };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GatewayError("bad_upstream_response", "The gateway's answer is not JSON");
  }
}

/** Answers what is still open with an error. */
export async function fail(
  out: LineOutput,
  requests: readonly ClientRequest[],
  error: GatewayError | {
    readonly code: number;
    readonly message: string;
    readonly data?: unknown;
  },
): Promise<void> {
  const rpc = error instanceof GatewayError ? error.toRpc() : error;
  for (const request of requests) {
    if (request.isAnswered) continue;
    request.isAnswered = true;
    if (!isUnwanted({ request })) await out.write(errorText(request.id, rpc));
  }
}
