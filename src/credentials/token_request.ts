/**
 * Requests to the issuers of credentials. No redirect is followed, answers are small JSON objects,
 * and each failure is a sentence of the gateway that quotes nothing of the answer. An unreachable
 * issuer and a refusal are different failures. The circuit of the HTTP caller is not used;
 * token_source.ts makes the pauses between failures.
 */
import { steadyNow } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import { msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import type { HttpAnswer } from "../outgoing/http_answer.ts";
import type { Authorization } from "../outgoing/authorization.ts";
import { createHttpCaller } from "../outgoing/caller.ts";
import { isRequestFault } from "../outgoing/deadline.ts";
import { readRetryAfter } from "../outgoing/retry.ts";
import { parseJson } from "../protocol/jsonrpc.ts";
import type { FetchFailure } from "./stored_token.ts";
import type { CredentialDeps } from "./provider.ts";

/** An answer with a result. */
export interface TokenResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Its JSON object; undefined if it has none. */
  readonly value: JsonObject | undefined;
}

/** One request. */
export interface TokenRequest {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** Sends the request; an overloaded or broken issuer is a failure. */
export type SendTokenRequest = (
  question: TokenRequest,
  signal: AbortSignal,
) => Promise<TokenResponse | FetchFailure>;

/** What a requester is made from. */
export interface TokenRequestOptions {
  readonly server: string;
  /** The URL from the configuration. */
  readonly url: string;
  /** The beginning of every sentence, after the server's name: "is not logged in: its log-in". */
  readonly words: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: Authorization;
}

/** What a requester needs of what providers share. */
export interface TokenRequestDeps extends Pick<CredentialDeps, "limits" | "clock" | "log"> {
  readonly runtime: Pick<CredentialDeps["runtime"], "request">;
}

/** Makes the requester of one server. */
export function createTokenRequests(
  options: TokenRequestOptions,
  deps: TokenRequestDeps,
): SendTokenRequest {
  const { words } = options;
  const { limits, clock, log } = deps;
  const caller = createHttpCaller({
    ...options,
    runtime: deps.runtime,
    limits: {
      ...limits,
      circuitFailuresMax: Infinity,
      responseBytesMax: limits.credentialBytesMax,
    },
    clock,
    log,
  });
  const toFailure = (thrown: unknown): FetchFailure => {
    log.info("Cannot ask for a credential", { error: thrown });
    const error = thrown instanceof GatewayError ? thrown : undefined;
    const isUnreachable = error !== undefined && cannotBeReached(error);
    const why = error?.code === "address_forbidden"
      ? "leads to a private address that is not in the configuration"
      : error?.code === "credentials_missing"
      ? "has no credentials"
      : isUnreachable
      ? "cannot be reached"
      : "cannot be used; the gateway's log has the reason";
    return { state: "failed", problem: `${words} ${why}`, isUnreachable, isRefusal: false };
  };
  return async (question, signal) => {
    try {
      const answer = await caller.call({
        ...question,
        timeoutMs: limits.credentialMs,
        repeatable: false,
        final: true,
      }, signal);
      const text = await answer.text();
      return judge(answer, words, readRetryAfter(answer.headers, clock)) ??
        { status: answer.status, headers: answer.headers, value: toObject(text, deps) };
    } catch (thrown) {
      return toFailure(thrown);
    }
  };
}

/** Why the status of an answer says nothing about the credential; undefined if it does. */
function judge(
  { status, isDegraded }: HttpAnswer,
  words: string,
  retryAfterMs: number | undefined,
): FetchFailure | undefined {
  const fail = (why: string, more: Pick<FetchFailure, "isUnreachable" | "isRefusal">) => ({
    state: "failed" as const,
    problem: `${words} ${why}`,
    retryAfterMs,
    ...more,
  });
  // A request that carried no credential proves nothing.
  if (isDegraded) {
    return fail("got no credentials", { isUnreachable: false, isRefusal: false });
  }
  if (status >= 500) {
    return fail(`answers with status ${status}`, { isUnreachable: true, isRefusal: false });
  }
  if (status === 408 || status === 425 || status === 429) {
    return fail(`answers with status ${status}`, { isUnreachable: false, isRefusal: false });
  }
  return undefined;
}

/** Network faults; an invalid certificate is more than that. */
const faultsOfTheWay: ReadonlySet<string> = new Set([
  "aborted",
  "broken",
  "connect",
  "timeout",
  "unknown_host",
]);

function cannotBeReached({ code, cause }: GatewayError): boolean {
  if (code === "upstream_timeout" || code === "cancelled") return true;
  return code === "upstream_unavailable" && isRequestFault(cause) && faultsOfTheWay.has(cause.kind);
}

function toObject(
  text: string,
  { limits }: Pick<CredentialDeps, "limits">,
): JsonObject | undefined {
  try {
    const value = parseJson(text, limits, false);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The end of a life in seconds, as OAuth writes it, by the steady clock; undefined for anything else. */
export function toExpiry(
  seconds: unknown,
  { clock, limits }: Pick<CredentialDeps, "clock" | "limits">,
): number | undefined {
  const number = typeof seconds === "string" && /^\d+$/.test(seconds) ? Number(seconds) : seconds;
  if (typeof number !== "number" || !(number >= 0)) return undefined;
  return steadyNow(clock) + Math.min(number * msPerSecond, limits.credentialLifeMsMax);
}
