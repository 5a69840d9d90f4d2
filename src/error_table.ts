/**
 * Every failure that can reach a client, as one closed table: code → JSON-RPC code, HTTP status and
 * public text. Gateway faults use -32603 with `data.reason`, because the specification reserves
 * -32000 to -32099. Not here: what an error carries beside its row (errors.ts).
 */

/** One row: what a code becomes on the wire. `text` is for an error without its own message. */
export interface ErrorRow {
  readonly rpc: number;
  readonly http: number;
  readonly text: string;
  /** For temporary failures: when to try again, unless the error has its own value. */
  readonly retryAfterMs?: number;
}

/** The table. `http` is the status when the failure is the whole answer to a request. */
export const errorTable = {
  parse_error: { rpc: -32700, http: 400, text: "Cannot parse the body as JSON" },
  invalid_request: { rpc: -32600, http: 400, text: "Not a valid JSON-RPC 2.0 message" },
  method_not_found: { rpc: -32601, http: 200, text: "Method not found" },
  invalid_params: { rpc: -32602, http: 200, text: "Invalid params" },
  internal: { rpc: -32603, http: 500, text: "Internal error; the gateway's log has the details" },
  revision_unsupported: { rpc: -32600, http: 400, text: "Unsupported protocol version" },
  session_missing: {
    rpc: -32600,
    http: 400,
    text: "Missing session: open one first and name it in each request",
  },
  session_unknown: {
    rpc: -32600,
    http: 404,
    text: "Session not found: it expired, was deleted or never existed; send initialize again",
  },
  session_limit: {
    rpc: -32603,
    http: 503,
    text: "Too many sessions; retry later",
    retryAfterMs: 1_000,
  },
  store_unavailable: {
    rpc: -32603,
    http: 503,
    text: "Sessions cannot be stored at the moment; retry later",
    retryAfterMs: 1_000,
  },
  /** Both carry the authenticator's challenge as `WWW-Authenticate`. */
  unauthenticated: { rpc: -32600, http: 401, text: "Valid credentials are required" },
  forbidden: { rpc: -32600, http: 403, text: "The credentials do not cover this request" },
  issuer_unavailable: { rpc: -32603, http: 503, text: "The token's issuer cannot be reached" },
  consent_refused: { rpc: -32603, http: 200, text: "No person allowed this call" },
  access_revoked: { rpc: -32603, http: 200, text: "The right to make this call was taken away" },
  host_forbidden: { rpc: -32600, http: 403, text: "Host not allowed; add it to MCP_ALLOWED_HOSTS" },
  origin_forbidden: {
    rpc: -32600,
    http: 403,
    text: "Origin not allowed; add it to MCP_ALLOWED_ORIGINS",
  },
  leads_back: {
    rpc: -32600,
    http: 508,
    text:
      "The request comes from this gateway itself: a server in its configuration leads back to it",
  },
  path_unknown: { rpc: -32600, http: 404, text: "No such endpoint; MCP is served at /mcp" },
  method_not_allowed: {
    rpc: -32600,
    http: 405,
    text: "HTTP method not allowed here; MCP is served at /mcp",
  },
  not_acceptable: {
    rpc: -32600,
    http: 406,
    text: "Accept must allow application/json or text/event-stream",
  },
  body_too_large: { rpc: -32600, http: 413, text: "Request body too large" },
  body_timeout: { rpc: -32600, http: 408, text: "Request body took too long to arrive" },
  media_type_unsupported: { rpc: -32600, http: 415, text: "Content-Type must be application/json" },
  resource_not_found: { rpc: -32002, http: 200, text: "Resource not found" },
  cancelled: { rpc: -32603, http: 200, text: "The call was cancelled" },
  header_mismatch: { rpc: -32020, http: 400, text: "The headers contradict the message" },
  envelope_invalid: { rpc: -32602, http: 400, text: "The request's _meta lacks required fields" },
  /** `data.requiredCapabilities` is an object of capabilities. */
  capability_missing: {
    rpc: -32021,
    http: 400,
    text: "This needs a capability that the client did not declare",
  },
  /** `data.supported` and `data.requested`. */
  version_unsupported: { rpc: -32022, http: 400, text: "Unsupported protocol version" },
  park_gone: {
    rpc: -32603,
    http: 200,
    text: "The call that waited for this input is gone and will not be repeated; " +
      "whether it took effect is unknown",
  },
  address_forbidden: {
    rpc: -32603,
    http: 200,
    text: "The address is private and does not come from the configuration",
  },
  /** The server's credentials are unavailable; the call was not sent. */
  credentials_missing: { rpc: -32603, http: 200, text: "The server's credentials are unavailable" },
  /** A person has to log in at the server; the call was not sent. `data.server` names it. */
  login_required: { rpc: -32603, http: 200, text: "A person has to log in at the server first" },
  overloaded: {
    rpc: -32603,
    http: 503,
    text: "Too much work at once; retry later",
    retryAfterMs: 1_000,
  },
  /** The principal exceeds a limit of its own. */
  rate_limited: { rpc: -32603, http: 429, text: "Too many requests", retryAfterMs: 1_000 },
  starting: {
    rpc: -32603,
    http: 503,
    text: "The gateway is starting; retry later",
    retryAfterMs: 1_000,
  },
  draining: {
    rpc: -32603,
    http: 503,
    text: "The gateway is stopping; retry later",
    retryAfterMs: 1_000,
  },
  gateway_unavailable: { rpc: -32603, http: 503, text: "No gateway is running" },
  ask_unanswerable: {
    rpc: -32603,
    http: 200,
    text: "The server asked for input that this client cannot give",
  },
  upstream_unavailable: { rpc: -32603, http: 200, text: "The server cannot be reached" },
  upstream_late: { rpc: -32603, http: 200, text: "The server has not answered yet; retry later" },
  upstream_exited: {
    rpc: -32603,
    http: 200,
    text: "The server stopped while it worked on this call; whether it took effect is unknown",
  },
  upstream_timeout: { rpc: -32603, http: 200, text: "The server did not answer in time" },
  bad_upstream_response: { rpc: -32603, http: 200, text: "The server's answer was not valid" },
  outcome_unknown: {
    rpc: -32603,
    http: 200,
    text: "The gateway restarted while this call was under way; whether it took effect is unknown",
  },
  /** An upstream's own JSON-RPC error, relayed: `upstream` holds its code, message and data. */
  upstream_error: { rpc: -32603, http: 200, text: "The server answered with an error" },
} as const satisfies Record<string, ErrorRow>;

/** The name of one failure. */
export type ErrorCode = keyof typeof errorTable;
