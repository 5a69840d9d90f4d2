/**
 * `fetch` for requests to the OpenID provider, on the gateway's own HTTP caller: addresses are
 * checked and pinned, redirects are not followed, answers are bounded, nothing is repeated. Only the
 * issuer's own origin may be at a private address; what its metadata names must be public.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { noAuthorization } from "../outgoing/authorization.ts";
import { createHttpCaller } from "../outgoing/caller.ts";
import { toPublishedUrl } from "../outgoing/issuer_documents.ts";
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
  const caller = createHttpCaller({
    ...options,
    server: issuer,
    limits: {
      ...limits,
      circuitFailuresMax: Infinity,
      httpRetriesMax: 0,
      responseBytesMax: limits.providerAnswerBytesMax,
    },
    headers: {},
    authorization: noAuthorization,
  });
  return async (given, { method, headers, body, signal }) => {
    const url = toPublishedUrl(given, issuer);
    if (url === undefined) throw new Error("The provider names a URL that must not be requested");
    const answer = await caller.call({
      url,
      method,
      headers,
      ...(body === undefined || body === null ? {} : { body: String(body) }),
      timeoutMs: limits.providerRequestMs,
      repeatable: false,
      final: true,
    }, signal ?? new AbortController().signal);
    const type = answer.headers.get("content-type");
    return new Response(await answer.text(), {
      status: answer.status,
      headers: type === null ? {} : { "content-type": type },
    });
  };
}
