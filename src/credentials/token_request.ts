/**
 * Requests to whoever gives credentials out: no redirect is followed, answers are small JSON objects,
 * and whatever goes wrong is a sentence of ours in which nothing of the answer stands. Tells those
 * who cannot be reached from those who refuse. Its own circuit stays closed: the pauses between
 * failures are those of stored_token.ts.
 */
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

/** An answer that says something. */
export interface TokenResponse {
  readonly status: number;
  /** Its JSON object; undefined where it is none. */
  readonly value: JsonObject | undefined;
}

/** One request. */
export interface TokenRequest {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** Asks; an overloaded or broken answerer is a failure. */
export type SendTokenRequest = (
  question: TokenRequest,
  signal: AbortSignal,
) => Promise<TokenResponse | FetchFailure>;

/** What an asker is made from. */
export interface TokenRequestOptions {
  readonly server: string;
  /** The operator's own URL. */
  readonly url: string;
  /** Begins every sentence, after the server's name: "cannot be logged in to: its log-in". */
  readonly words: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: Authorization;
}

/** Makes the asker of one server. */
export function createTokenRequests(
  options: TokenRequestOptions,
  deps: CredentialDeps,
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
      ? "leads to a private address, and the URL is not the operator's own"
      : error?.code === "credentials_missing"
      ? "cannot be shown who calls"
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
        { status: answer.status, value: toObject(text, deps) };
    } catch (thrown) {
      return toFailure(thrown);
    }
  };
}

/** Why an answer's status says nothing of the credential; undefined when it does. */
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
  // Nothing that is shown to nobody may come of it.
  if (isDegraded) {
    return fail("was not shown who calls", { isUnreachable: false, isRefusal: false });
  }
  if (status >= 500) {
    return fail(`answers with status ${status}`, { isUnreachable: true, isRefusal: false });
  }
  if (status === 408 || status === 425 || status === 429) {
    return fail(`answers with status ${status}`, { isUnreachable: false, isRefusal: false });
  }
  return undefined;
}

/** Faults of the way there; a certificate that is not right is more than that. */
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

function toObject(text: string, { limits }: CredentialDeps): JsonObject | undefined {
  try {
    const value = parseJson(text, limits, false);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds, as OAuth writes them, as the end of a life (wall clock); undefined for anything else. */
export function toExpiry(
  seconds: unknown,
  { clock, limits }: Pick<CredentialDeps, "clock" | "limits">,
): number | undefined {
  const number = typeof seconds === "string" && /^\d+$/.test(seconds) ? Number(seconds) : seconds;
  if (typeof number !== "number" || !(number >= 0)) return undefined;
  return clock.wall() + Math.min(number * msPerSecond, limits.credentialLifeMsMax);
}
