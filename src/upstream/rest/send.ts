/**
 * The requests of one service: each within the rate limit that all clients share, through the one
 * HTTP caller, and not repeated while its answer is cached. The credentials are part of the cache
 * key, so a caller never gets an answer to other credentials.
 */
import type { RestServerConfig } from "../../config/config.ts";
import {
  type Authorization,
  type Credential,
  type CredentialUse,
  emptyContext,
  type SecurityContext,
} from "../../outgoing/authorization.ts";
import { createHttpCaller } from "../../outgoing/caller.ts";
import type { UpstreamDeps } from "../deps.ts";
import { createRateLimit, toWindow } from "./rate_limit.ts";
import { createAnswerCache } from "./cache.ts";
import { compileProjection } from "./projection.ts";
import { readResponse, type RestResponse } from "./response.ts";
import type { RestRequest } from "./rest_request.ts";
import type { Operation, Service } from "./service.ts";

/** One request with its context. */
export interface Sending {
  readonly operation: Operation;
  /** The request with these credentials. */
  readonly prepare: (context: SecurityContext) => RestRequest;
  /** The first credentials; a renewed credential replaces them. */
  readonly context: SecurityContext;
  readonly authorization: Authorization;
  readonly use: CredentialUse;
  /** Sent with the request; it does not make two requests different. Absent: none. */
  readonly traceparent?: string | undefined;
  readonly timeoutMs: number;
}

/** Sends the requests of one service. */
export interface ServiceSender {
  /** Rejects with a GatewayError. */
  send(sending: Sending, signal: AbortSignal): Promise<RestResponse>;
  /** How many calls wait for their turn. */
  waiting(): number;
}

/** Makes the sender of one service. */
export function createSend(
  { name: server, headers, callTimeoutMs }: RestServerConfig,
  { baseUrl, budget: allowed, errorMessages }: Service,
  deps: UpstreamDeps,
): ServiceSender {
  const { limits, clock, runtime } = deps;
  // The other half is for the request itself: a client that cancels in between would get no answer.
  const waitMsMax = callTimeoutMs / 2;
  const shared = allowed && deps.budgets?.of(server, toWindow(allowed, limits.restSendingsMax));
  const rateLimit = createRateLimit({ budget: allowed, shared, waitMsMax, limits, clock });
  const cache = createAnswerCache<RestResponse>(limits, clock);
  /**
   * The service's own origins: answers from origins that it redirects to do not affect the limit.
   */
  const origins = new Set<string>();
  const messages = errorMessages.map((one) => compileProjection(one, "the error messages"));
  const caller = createHttpCaller({
    ...deps,
    server,
    url: baseUrl,
    headers,
    authorization: { get: () => Promise.resolve(nothing), renew: () => Promise.resolve(false) },
    admit: (signal, { scope, principal }) => rateLimit.admit(signal, scope, principal),
    runtime: {
      async request(options) {
        const response = await runtime.request(options);
        if (origins.has(new URL(options.url).origin)) {
          rateLimit.heard(response.status, response.headers);
        }
        return response;
      },
    },
  });

  const load = async (sending: Sending, signal: AbortSignal) => {
    const { operation, context, authorization, use, timeoutMs } = sending;
    const prepare = (shown: SecurityContext) => traced(sending, sending.prepare(shown));
    let shown = context;
    let { url } = prepare(context);
    const answer = await caller.call({
      ...prepare(context),
      prepare(now) {
        shown = now;
        const made = prepare(now);
        ({ url } = made);
        origins.add(new URL(made.url).origin);
        return made;
      },
      method: operation.method,
      timeoutMs,
      repeatable: operation.resends,
      // A call that may change something follows no redirect.
      final: !isFetch(operation.method),
      authorization,
      use,
    }, signal);
    const reading = { operation, limits, shown, headers, errorMessages: messages };
    return { received: await readResponse(answer, url, reading), shown };
  };

  const send: ServiceSender["send"] = async (sending, signal) => {
    const { operation, prepare, context } = sending;
    if (operation.cacheMs === 0) return (await load(sending, signal)).received;
    const key = JSON.stringify([operation.method, prepare(context), context]);
    return await cache.get(key, operation.cacheMs, async (shared) => {
      const { received, shown } = await load(sending, shared);
      // An answer to another credential does not answer this request.
      const isSame = JSON.stringify(shown) === JSON.stringify(context);
      return { value: received, size: isSame ? sizeOf(received) : undefined };
    }, signal);
  };
  return { send, waiting: rateLimit.waiting };
}

/** The request with the trace that it belongs to; a header that an argument set stays. */
function traced({ traceparent }: Sending, { headers, ...request }: RestRequest): RestRequest {
  if (traceparent === undefined) return { ...request, headers };
  return { ...request, headers: { traceparent, ...headers } };
}

const nothing: Credential = { state: "ready", context: emptyContext, isDegraded: false };

function isFetch(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** The size of a cached answer in characters; undefined: it must not be cached. */
function sizeOf({ content, oddity, isDegraded }: RestResponse): number | undefined {
  // An undocumented answer may differ the next time.
  if (isDegraded || oddity !== undefined) return undefined;
  if (content.kind === "json") return content.chars;
  if (content.kind === "text") return content.text.length;
  return content.kind === "media" ? content.data.length : 0;
}
