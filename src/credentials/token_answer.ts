/**
 * What an authorization server answers to a token request (RFC 6749, section 5): a token, or why
 * there is none. Of an answer that refuses, errors quote only error words of the RFCs: it may
 * contain anything else, even secrets.
 */
import { steadyNow } from "../clock.ts";
import { msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { issuerWords } from "./issuing_server.ts";
import { type CredentialDeps, refuse } from "./provider.ts";
import type { FetchFailure, StoredToken } from "./stored_token.ts";
import { toExpiry, type TokenResponse } from "./token_request.ts";

/** What is expected of an answer. */
export interface ExpectedToken {
  /** The token must be bound to the gateway's key. */
  readonly isBound: boolean;
  /** The end of the sentence for an error word; other words get a usual one. */
  readonly advice: Readonly<Record<string, string>>;
}

/**
 * RFC 6749, section 5.2, RFC 8707, RFC 9449, section 5, and RFC 8693, section 2.2.2.
 */
const codes: ReadonlySet<unknown> = new Set([
  "invalid_client",
  "invalid_dpop_proof",
  "invalid_grant",
  "invalid_request",
  "invalid_scope",
  "invalid_target",
  "unauthorized_client",
  "unsupported_grant_type",
  "use_dpop_nonce",
]);

/** The words of refusals that a wrong clock may cause. */
const clockCodes: ReadonlySet<unknown> = new Set([
  "invalid_client",
  "invalid_dpop_proof",
  "invalid_grant",
]);

/** A token, with the refresh token that came along, or the refusal in words. */
export function readTokenAnswer(
  answer: TokenResponse,
  { isBound, advice }: ExpectedToken,
  deps: Pick<CredentialDeps, "clock" | "limits">,
): StoredToken | FetchFailure {
  const { status, value } = answer;
  if (status !== 200 || value === undefined) return refuseIt(whyRefused(answer, advice, deps));
  const { access_token: token, token_type: type, expires_in: seconds } = value;
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    return refuseIt("answers without a token");
  }
  const problem = tokenTypeProblem(type, isBound, "credentials.dpop");
  if (problem !== undefined) return refuseIt(problem);
  const expiresAt = toExpiry(seconds, deps);
  const replaced = value["refresh_token"];
  return {
    token,
    obtainedAt: steadyNow(deps.clock),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(typeof replaced === "string" && replaced !== "" ? { refreshToken: replaced } : {}),
  };
}

/** A refusal, after which a person has to change something. */
export function refuseIt(why: string): FetchFailure {
  return { ...refuse(`${issuerWords} ${why}`), isRefusal: true };
}

/**
 * Why an answer has no token, in words of the gateway; `key`: where the server stands in the
 * configuration.
 */
export function whyRefused(
  { status, headers, value }: TokenResponse,
  advice: ExpectedToken["advice"],
  deps: Pick<CredentialDeps, "clock" | "limits">,
  key = "credentials",
): string {
  if (status === 200) return "answers with an unreadable body";
  if (status >= 300 && status < 400) {
    return `redirects, which secrets do not follow; correct ${key}.tokenUrl`;
  }
  const code = value?.["error"];
  const reason = codes.has(code) ? String(code) : `status ${status}`;
  const own = typeof code === "string" && Object.hasOwn(advice, code) ? advice[code] : undefined;
  const why = own ?? `refuses to issue a token (${reason}); correct ${key}`;
  return `${why}${clockHint(headers, value, deps)}`;
}

/** Why a token of this type is not used; `key`: what decides about the binding. */
export function tokenTypeProblem(
  type: unknown,
  isBound: boolean,
  key: string,
): string | undefined {
  const isDpop = /^dpop$/i.test(String(type));
  // A token that is not bound is of use to a thief (RFC 9449, section 5).
  if (isBound) {
    return isDpop
      ? undefined
      : `issues a token that is not bound to the gateway's key; remove ${key}`;
  }
  if (type === undefined || /^bearer$/i.test(String(type))) return undefined;
  return isDpop
    ? `issues tokens that are bound to a key; set ${key} to true`
    : "issues tokens of another type than Bearer, which are not supported";
}

/** Assertions and proofs contain the time; without this sentence nothing points to the clock. */
function clockHint(
  headers: Headers,
  value: JsonObject | undefined,
  { clock, limits }: Pick<CredentialDeps, "clock" | "limits">,
): string {
  const there = Date.parse(headers.get("date") ?? "");
  const aheadMs = clock.wall() - there;
  if (!clockCodes.has(value?.["error"]) || !(Math.abs(aheadMs) > limits.clockHintMs)) return "";
  const seconds = Math.round(Math.abs(aheadMs) / msPerSecond);
  const side = aheadMs > 0 ? "ahead of" : "behind";
  return ` (this machine's clock is ${seconds} seconds ${side} its clock)`;
}
