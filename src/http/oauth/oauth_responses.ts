/** Responses of the OAuth endpoints: JSON that no cache keeps (RFC 6749, 5.1), and their errors. */
import { GatewayError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { OAuthError } from "../../oauth/oauth_error.ts";
import {
  emptyResponse,
  type HeaderPairs,
  jsonResponse,
  logFault,
  toRetryAfter,
} from "../respond.ts";

/** For answers with tokens, codes or secrets. */
const unstored: HeaderPairs = { "cache-control": "no-store", pragma: "no-cache" };

/** An answer that may have secrets in it. */
export function secretResponse(body: object, status = 200): Response {
  return jsonResponse(JSON.stringify(body), status, unstored);
}

/** A public document. */
export function documentResponse(body: object): Response {
  return jsonResponse(JSON.stringify(body), 200, { "cache-control": "public, max-age=60" });
}

/** A redirect of the browser. */
export function browserRedirect(location: string, headers: HeaderPairs = {}): Response {
  return emptyResponse(302, {
    location,
    ...unstored,
    "referrer-policy": "no-referrer",
    ...headers,
  });
}

/** A refusal (RFC 6749, 5.2); a client that sent an `Authorization` header gets a challenge. */
export function oauthErrorResponse(error: OAuthError, request: Request): Response {
  const { status, retryAfterMs } = error;
  const isChallenge = status === 401 && request.headers.has("authorization");
  return jsonResponse(JSON.stringify(error.toJson()), status, {
    ...unstored,
    ...(retryAfterMs !== undefined && toRetryAfter(retryAfterMs)),
    ...(isChallenge && { "www-authenticate": 'Basic realm="mcp-wrapper"' }),
  });
}

/** The codes of bad bodies, which are bad requests to a client of OAuth. */
const badBodies: ReadonlySet<string> = new Set([
  "parse_error",
  "invalid_request",
  "media_type_unsupported",
]);

/**
 * Any failure of an endpoint as an OAuthError; a fault of the gateway is logged, and its text is not
 * sent. Throws a GatewayError that is no matter of OAuth, such as a body that is too large.
 */
export function toOAuthError(thrown: unknown, log: Log): OAuthError {
  if (thrown instanceof OAuthError) return thrown;
  if (thrown instanceof GatewayError) {
    if (badBodies.has(thrown.code)) return new OAuthError("invalid_request", thrown.message);
    throw thrown;
  }
  logFault(log, "Cannot answer an OAuth request", thrown);
  return new OAuthError("server_error", "Internal error; the gateway's log has the details");
}
