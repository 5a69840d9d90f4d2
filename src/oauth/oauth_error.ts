/**
 * The errors of the authorization server's endpoints, as one table: the code on the wire with its
 * HTTP status (RFC 6749, 4.1.2.1 and 5.2; RFC 7591, 3.2.2; RFC 8707, 2).
 */

/** The statuses of all codes. */
const statuses = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  access_denied: 403,
  interaction_required: 400,
  request_not_supported: 400,
  request_uri_not_supported: 400,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  temporarily_unavailable: 503,
  too_many_requests: 429,
  server_error: 500,
} as const;

/** One code. */
export type OAuthErrorCode = keyof typeof statuses;

/** A refusal; code and message are public. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode;
  /** When to try again; absent: that says nothing. */
  readonly retryAfterMs: number | undefined;

  constructor(code: OAuthErrorCode, message: string, retryAfterMs?: number) {
    super(message);
    this.name = "OAuthError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** The HTTP status. */
  get status(): number {
    return statuses[this.code];
  }

  /** Code and message, for events. */
  get reason(): string {
    return `${this.code}: ${this.message}`;
  }

  /** The JSON body, in the characters that RFC 6749 allows in a description. */
  toJson(): { readonly error: OAuthErrorCode; readonly error_description: string } {
    return { error: this.code, error_description: describe(this.message) };
  }
}

/** A text without quotes, backslashes and characters beyond ASCII (RFC 6749, 5.2). */
export function describe(text: string): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x7e]|\\/g, "?");
}
