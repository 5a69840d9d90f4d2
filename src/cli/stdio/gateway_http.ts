/**
 * HTTP to the gateway that runs at the moment. A request that did not reach any gateway is sent to
 * the next one; a request that may have reached one is never repeated.
 */
import { type Clock, sleep, withDeadline } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { Limits } from "../../limits.ts";
import type { OutgoingResponse, RequestFault, Runtime } from "../../runtime/runtime.ts";
import type { GatewayEndpoint, GatewaySource } from "./gateway_source.ts";

/** What HTTP to the gateway needs. */
export interface GatewayHttp {
  readonly source: GatewaySource;
  readonly request: Runtime["request"];
  readonly clock: Clock;
  readonly limits: Limits;
}

/** One request. */
export interface GatewayRequest {
  readonly method: "POST" | "GET" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Whether a gateway is started if none runs; otherwise it fails. */
  readonly mayStart: boolean;
  /** The only instance of the gateway that knows what the request is about. */
  readonly instance?: string;
  /** Called when an attempt begins (true), and when it did not reach the gateway (false). */
  readonly onSend?: (isSent: boolean) => void;
}

/** The head of an answer, and its body. */
export interface GatewayAnswer {
  readonly endpoint: GatewayEndpoint;
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
  /** Whether the body is an event stream. */
  readonly isStream: boolean;
}

/** Sends a request; rejects with a GatewayError that says whether it took effect. */
export async function send(http: GatewayHttp, wanted: GatewayRequest): Promise<GatewayAnswer> {
  const { source, clock, limits } = http;
  const { signal, mayStart, instance } = wanted;
  const since = clock.monotonic();
  for (let failures = 0;; failures += 1) {
    const endpoint = await untilAborted(http, source.endpoint(mayStart), signal);
    if (instance !== undefined && endpoint.instance !== instance) throw lost();
    wanted.onSend?.(true);
    const answer = await attempt(http, endpoint, wanted);
    if (!(answer instanceof GatewayError)) return answer;
    wanted.onSend?.(false);
    source.lost(endpoint);
    if (!mayStart || clock.monotonic() - since >= limits.bridgeAwayMs) throw answer;
    await sleep(clock, backOff(limits, failures), signal);
  }
}

/** The wait after some failures in a row. */
export function backOff(
  { bridgeRetryMsMin, bridgeRetryMsMax }: Limits,
  failures: number,
): number {
  return Math.min(bridgeRetryMsMax, bridgeRetryMsMin * 2 ** Math.min(failures, 16));
}

/** The failure of a request that may have been carried out. */
export function lost(): GatewayError {
  return new GatewayError("outcome_unknown", undefined, { data: { outcome: "unknown" } });
}

function untilAborted<Value>(
  { clock, limits }: GatewayHttp,
  promise: Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  const late = (): never => {
    throw signal.aborted ? new GatewayError("cancelled") : notThere("it does not start in time");
  };
  return withDeadline(clock, limits.bridgeAwayMs, promise, late, signal);
}

/** One attempt; resolves with an error if no gateway took the request. */
async function attempt(
  { request, limits }: GatewayHttp,
  endpoint: GatewayEndpoint,
  { method, headers, body, signal }: GatewayRequest,
): Promise<GatewayAnswer | GatewayError> {
  let response: OutgoingResponse;
  try {
    response = await request({
      url: endpoint.url,
      method,
      headers: { ...endpoint.headers, ...headers },
      body,
      signal,
      connectMs: limits.connectMs,
      allowAddress: () => true,
    });
  } catch (thrown) {
    if (signal.aborted) throw new GatewayError("cancelled");
    const { sent, message } = thrown as RequestFault;
    // A fault that says nothing about the connection is one of the request itself.
    if (sent === undefined) throw new GatewayError("invalid_request", message, { cause: thrown });
    return sent ? throwLost() : notThere(message);
  }
  const type = (response.headers.get("content-type") ?? "").split(";")[0]?.trim();
  const answer = { ...response, endpoint, isStream: type === "text/event-stream" };
  if (response.status !== unavailableStatus && response.status !== staleTokenStatus) return answer;
  const text = await readText(response.body, limits.bridgeWordsBytesMax).catch(() => "");
  const reason = reasonIn(text);
  return response.status === staleTokenStatus || notOpen.has(reason)
    ? notThere(response.status === staleTokenStatus ? "it refuses the owner's token" : "it stops")
    : { ...answer, body: new Blob([text]).stream() };
}

const unavailableStatus = 503;
/** The token belongs to a gateway that ran before this one. */
const staleTokenStatus = 401;
/** Of a gateway that takes no new work. */
const notOpen: ReadonlySet<unknown> = new Set(["draining", "starting"]);

function throwLost(): never {
  throw lost();
}

function notThere(why: string): GatewayError {
  return new GatewayError("gateway_unavailable", `Cannot reach the gateway: ${why}`, {
    data: { outcome: "not_sent" },
  });
}

/** Why the gateway refuses: `code` of an admin error, or `data.reason` of a JSON-RPC error. */
function reasonIn(text: string): unknown {
  const error = memberOf(parse(text), "error");
  return memberOf(memberOf(error, "data"), "reason") ?? memberOf(error, "code");
}

function memberOf(value: unknown, name: string): unknown {
  return isJsonObject(value) ? value[name] : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The JSON-RPC error in a body; undefined if there is none. */
export function errorIn(
  text: string,
): { readonly code: number; readonly message: string; readonly data?: unknown } | undefined {
  const error = memberOf(parse(text), "error");
  if (!isJsonObject(error)) return undefined;
  const { code, message, data } = error;
  if (typeof code !== "number" || typeof message !== "string") return undefined;
  return { code, message, ...(data === undefined ? {} : { data }) };
}

/** A whole body as text; rejects if it is longer than the bound, or breaks off. */
export async function readText(
  body: ReadableStream<Uint8Array>,
  bytesMax: number,
): Promise<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let bytes = 0;
  let text = "";
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) {
      const message = `Cannot pass the answer on: it is longer than ${bytesMax} bytes`;
      throw new GatewayError("bad_upstream_response", message, { data: { outcome: "unknown" } });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** A signal that aborts with either of two, until it is released. */
export function eitherOf(one: AbortSignal, other: AbortSignal) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const signal of [one, other]) {
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  }
  return {
    signal: controller.signal,
    release() {
      for (const signal of [one, other]) signal.removeEventListener("abort", abort);
    },
  };
}

/** The headers of every POST. */
export const postHeaders: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};
