/**
 * One attempt of a request, with its redirects: which headers and credentials go to which origin,
 * and which addresses it may connect to. Credentials are added here, at the last moment, so that no
 * error and no log line can contain them. Not here: retries, and what an answer means.
 */
import { type GatewayError, withOutcome } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { OutgoingRequest, OutgoingResponse, Runtime } from "../runtime/runtime.ts";
import { identity } from "../version.ts";
import { isPublicAddress } from "./address.ts";
import type { SecurityContext } from "./authorization.ts";
import { encodings } from "./content_encoding.ts";
import { isRequestFault } from "./deadline.ts";
import type { Failures } from "./failure.ts";
import { follow, type Hop } from "./redirect.ts";
import { sendProven } from "./request_proof.ts";

/** What a sender is made from. */
export interface SenderOptions {
  readonly runtime: Pick<Runtime, "request">;
  readonly limits: Limits;
  /** The operator's own URL. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer, and where it came from: the URL after all redirects. */
export interface Sent {
  readonly response: OutgoingResponse;
  readonly url: string;
}

/**
 * Makes one attempt; rejects with a RequestFault, or a GatewayError for a redirect that is not
 * followed.
 */
export type SendAttempt = (
  shown: { readonly hop: Hop; readonly context: SecurityContext },
  failures: Failures,
  signal: AbortSignal,
) => Promise<Sent>;

/** Makes the function that sends one attempt and follows its redirects to the final answer. */
export function createSender({ runtime, limits, url, headers }: SenderOptions): SendAttempt {
  const { origin } = new URL(url);
  const ours = toLowerCase(headers);
  const defaults = {
    "accept-encoding": encodings,
    "user-agent": `${identity.name}/${identity.version}`,
  };

  /**
   * One hop. A fault after a redirect counts as sent, because the redirecting server got the
   * request.
   */
  const request = (options: OutgoingRequest, wasSent: boolean) =>
    runtime.request(options).catch((thrown: unknown) => {
      throw wasSent && isRequestFault(thrown) ? Object.assign(thrown, { sent: true }) : thrown;
    });

  return async ({ hop: first, context }, failures, signal) => {
    let hop = first;
    /** A call that is redirected may have taken effect. */
    const refuse = (why: string): GatewayError => {
      const error = failures.create("upstream_unavailable", why, unknown);
      return first.repeatable ? error : withOutcome(error, "unknown");
    };
    for (let redirects = 0; redirects <= limits.redirectsMax; redirects += 1) {
      const { url, method, body, trusted } = hop;
      const isOperators = url.origin === origin;
      const given = { ...ours, ...hop.headers };
      const headers = trusted
        // A client's header never replaces a credential.
        ? { ...defaults, ...given, ...toHeaders(context, given) }
        : { ...defaults, ...hop.headers };
      const proof = trusted ? context.proof : undefined;
      const response = await sendProven(proof, { method, url: url.href }, (proven) =>
        request({
          url: trusted ? withQuery(url, context.query) : url.href,
          method,
          headers: { ...headers, ...proven },
          body,
          signal,
          connectMs: limits.connectMs,
          allowAddress: (address) => isOperators || isPublicAddress(address),
        }, redirects > 0), discard);
      const next = follow(hop, response.status, response.headers.get("location"));
      if (next === undefined) return { response, url: hop.url.href };
      discard(response);
      if ("problem" in next) throw refuse(next.problem);
      hop = next;
    }
    throw refuse("redirects again and again; correct its URL");
  };
}

/** A server may redirect after it has carried out the request, as 303 says. */
const unknown = { data: { outcome: "unknown" } } as const;

function withQuery(url: URL, query: SecurityContext["query"]): string {
  const more = Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
  return more === "" ? url.href : `${url.href}${url.search === "" ? "?" : "&"}${more}`;
}

function toHeaders(
  { headers, cookies }: SecurityContext,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const pairs = Object.entries(cookies).map(([name, value]) => `${name}=${value}`);
  if (pairs.length === 0) return { ...headers };
  const cookie = [...(given["cookie"] === undefined ? [] : [given["cookie"]]), ...pairs].join("; ");
  return { ...headers, cookie };
}

/** A request's first hop; `url` is the one that the operator configured. */
export function toHop(
  request: Pick<Hop, "method" | "headers" | "body" | "final" | "repeatable"> & {
    readonly url: string;
  },
  url: string,
  { baseUrl }: SecurityContext,
): Hop {
  const target = new URL(request.url);
  const isTrusted = request.url === url || originOf(url) === target.origin ||
    (baseUrl !== undefined && originOf(baseUrl) === target.origin);
  return {
    url: target,
    method: request.method,
    headers: toLowerCase(request.headers),
    body: request.body,
    repeatable: request.repeatable,
    final: request.final,
    trusted: isTrusted,
  };
}

function originOf(url: string): string {
  return new URL(url).origin;
}

function toLowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** Releases the connection of an answer that is not read. */
export function discard(response: OutgoingResponse): void {
  void response.body.cancel().catch(() => {});
}
