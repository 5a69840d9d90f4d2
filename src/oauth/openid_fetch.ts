/**
 * `fetch` for requests to the OpenID provider, on the gateway's own plain caller. Only the issuer's
 * own origin may be at a private address; what its metadata names must be public.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { toPublishedUrl } from "../outgoing/issuer_documents.ts";
import { createPlainCaller } from "../outgoing/plain_caller.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** What it is made from. */
export interface ProviderFetchOptions {
  readonly runtime: Pick<Runtime, "request">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** The issuer of the settings. */
  readonly url: string;
}

/** Sends one request, as oauth4webapi asks. */
export type ProviderFetch = (
  url: string,
  options: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly signal?: AbortSignal | undefined;
  },
) => Promise<Response>;

/** Makes it. */
export function createProviderFetch(options: ProviderFetchOptions): ProviderFetch {
  const { limits, url: issuer } = options;
  const answerBytesMax = limits.providerAnswerBytesMax;
  const caller = createPlainCaller({ ...options, server: issuer, answerBytesMax });
  return async (given, { method, headers, body, signal }) => {
    const url = toPublishedUrl(given, issuer);
    if (url === undefined) throw new Error("The provider names a URL that must not be requested");
    const answer = await caller.call({
      url,
      method,
      headers,
      ...(body === undefined || body === null ? {} : { body: String(body) }),
      timeoutMs: limits.providerRequestMs,
    }, signal ?? new AbortController().signal);
    const type = answer.headers.get("content-type");
    return new Response(await answer.text(), {
      status: answer.status,
      headers: type === null ? {} : { "content-type": type },
    });
  };
}
