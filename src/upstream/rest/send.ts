/**
 * The requests of one service: each within the rate limit that all clients share, through the one HTTP
 * caller, and not made again while its answer is kept. An answer is kept for those alone who would be
 * sent it: what is shown to the API is a part of what was asked.
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
import { createRateLimit } from "./rate_limit.ts";
import { createAnswerCache } from "./cache.ts";
import { compileProjection } from "./projection.ts";
import { readResponse, type RestResponse } from "./response.ts";
import type { RestRequest } from "./rest_request.ts";
import type { Operation, Service } from "./service.ts";

/** One request with all that goes along. */
export interface Sending {
  readonly operation: Operation;
  /** The request as it is where this is shown. */
  readonly prepare: (context: SecurityContext) => RestRequest;
  /** What is shown at first; a credential that is renewed meanwhile takes its place. */
  readonly context: SecurityContext;
  readonly authorization: Authorization;
  readonly use: CredentialUse;
  readonly timeoutMs: number;
}

/** Makes what sends requests: within the rate limit, and not again while an answer is kept. */
export function createSend(
  { name: server, headers, callTimeoutMs }: RestServerConfig,
  { baseUrl, budget: allowed, errorMessages }: Service,
  deps: UpstreamDeps,
): (sending: Sending, signal: AbortSignal) => Promise<RestResponse> {
  const { limits, clock, runtime } = deps;
  // The other half is for the request itself: clients that give up meanwhile would hear nothing.
  const waitMsMax = callTimeoutMs / 2;
  const rateLimit = createRateLimit({ budget: allowed, waitMsMax, limits, clock });
  const cache = createAnswerCache<RestResponse>(limits, clock);
  /** Where the service is; those to whom it redirects speak for themselves alone. */
  const origins = new Set<string>();
  const messages = errorMessages.map((one) => compileProjection(one, "the error messages"));
  const caller = createHttpCaller({
    ...deps,
    server,
    url: baseUrl,
    headers,
    authorization: { get: () => Promise.resolve(nothing), renew: () => Promise.resolve(false) },
    admit: (signal, { scope }) => rateLimit.admit(signal, scope),
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
    const { operation, prepare, context, authorization, use, timeoutMs } = sending;
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
      // A redirect carries no call on that may change something.
      final: !isFetch(operation.method),
      authorization,
      use,
    }, signal);
    const reading = { operation, limits, shown, headers, errorMessages: messages };
    return { received: await readResponse(answer, url, reading), shown };
  };

  return async (sending, signal) => {
    const { operation, prepare, context } = sending;
    if (operation.cacheMs === 0) return (await load(sending, signal)).received;
    const key = JSON.stringify([operation.method, prepare(context), context]);
    return await cache.get(key, operation.cacheMs, async (shared) => {
      const { received, shown } = await load(sending, shared);
      // What another credential got is no answer to this question.
      const isSame = JSON.stringify(shown) === JSON.stringify(context);
      return { value: received, size: isSame ? sizeOf(received) : undefined };
    }, signal);
  };
}

const nothing: Credential = { state: "ready", context: emptyContext, isDegraded: false };

function isFetch(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Characters that keeping an answer costs; undefined: it must not be kept. */
function sizeOf({ content, oddity, isDegraded }: RestResponse): number | undefined {
  // What is not as documented may be another one soon.
  if (isDegraded || oddity !== undefined) return undefined;
  if (content.kind === "json") return content.chars;
  if (content.kind === "text") return content.text.length;
  return content.kind === "media" ? content.data.length : 0;
}
