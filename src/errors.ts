/**
 * Every failure that can reach a client, as one closed table: code → JSON-RPC code, HTTP status and
 * public text. Gateway faults use -32603 with `data.reason`, because the specification reserves
 * -32000 to -32099. The text of an unforeseen error never leaves the process; it goes to the log.
 */
import { isJsonObject } from "./json.ts";
import type { JsonObject } from "./model.ts";

/** One row: what a code becomes on the wire. `text` is for an error without its own message. */
interface ErrorRow {
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
  media_type_unsupported: {
    rpc: -32600,
    http: 415,
    text: "Content-Type must be application/json",
  },
  resource_not_found: { rpc: -32002, http: 200, text: "Resource not found" },
  cancelled: { rpc: -32603, http: 200, text: "The call was cancelled" },
  header_mismatch: { rpc: -32020, http: 400, text: "The headers contradict the message" },
  envelope_invalid: {
    rpc: -32602,
    http: 400,
    text: "The request's _meta lacks required fields",
  },
  /** `data.requiredCapabilities` is an object of capabilities. */
  capability_missing: {
    rpc: -32021,
    http: 400,
    text: "This needs a capability that the client did not declare",
  },
  /** `data.supported` and `data.requested`. */
  version_unsupported: { rpc: -32022, http: 400, text: "Unsupported protocol version" },
  /** The call that waited for a client's answers no longer exists. */
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
  credentials_missing: {
    rpc: -32603,
    http: 200,
    text: "The server's credentials are unavailable",
  },
  overloaded: {
    rpc: -32603,
    http: 503,
    text: "Too much work at once; retry later",
    retryAfterMs: 1_000,
  },
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
  /** The server is starting or still working; nothing is known to be wrong with it. */
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

/** Codes of upstreams that a codec treats specially instead of only relaying them. */
export const upstreamCodes = {
  urlElicitationRequired: -32042,
  /** The code by which older servers refuse a request that fits no session. */
  badRequest: -32000,
} as const;

/**
 * Whether a code concerns one hop alone. The specification reserves this range, and its codes there
 * describe the message of a direct sender. The one code of older revisions is an exception.
 */
function isOfOneHop(code: number): boolean {
  return code >= -32099 && code <= -32020 && code !== upstreamCodes.urlElicitationRequired;
}

/**
 * Whether a failed call took effect at its server, as `data.outcome` of its error:
 * - `not_sent`: the server never got the call; it is safe to repeat.
 * - `refused`: the server refused the call before it began to work.
 * - `unknown`: the call may have taken effect.
 */
export type Outcome = "not_sent" | "refused" | "unknown";

/** Codes by which a server refuses a request before it does any work. */
const refusals: ReadonlySet<number> = new Set([
  -32700,
  -32600,
  -32601,
  -32602,
  errorTable.resource_not_found.rpc,
  errorTable.header_mismatch.rpc,
  errorTable.capability_missing.rpc,
  errorTable.version_unsupported.rpc,
  upstreamCodes.urlElicitationRequired,
]);

/** The SDKs also use the code for invalid params when a result does not match its output schema. */
const aboutResult = /output (?:validation|schema)|structured ?content/i;

/** The outcome of a server's own error. Of the outcomes that it claims, only "unknown" counts. */
function outcomeOf({ code, message, data }: UpstreamErrorBody): Outcome {
  const isRefusal = refusals.has(code) && !aboutResult.test(message) &&
    (data as JsonObject | null | undefined)?.["outcome"] !== "unknown";
  return isRefusal ? "refused" : "unknown";
}

/** A server's error data with the outcome; data that is no object becomes the member `value`. */
function withOutcomeIn(data: unknown, outcome: Outcome): JsonObject {
  if (isJsonObject(data)) return { ...data, outcome };
  return data === undefined ? { outcome } : { value: data, outcome };
}

/** The name of one failure. */
export type ErrorCode = keyof typeof errorTable;

/** An upstream's JSON-RPC error, unchanged. */
export interface UpstreamErrorBody {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** Options of a GatewayError. */
export interface GatewayErrorOptions {
  /** Public members of `error.data` (never secrets, paths or stacks). */
  readonly data?: JsonObject;
  /** For `upstream_error`: the body to relay. */
  readonly upstream?: UpstreamErrorBody | undefined;
  /** For the log only. */
  readonly cause?: unknown;
}

/** A failure with a place in the table; its message is public. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly data: JsonObject | undefined;
  readonly upstream: UpstreamErrorBody | undefined;

  constructor(code: ErrorCode, message?: string, options: GatewayErrorOptions = {}) {
    super(message ?? errorTable[code].text, { cause: options.cause });
    this.name = "GatewayError";
    this.code = code;
    this.data = options.data;
    this.upstream = options.upstream;
  }

  /** The HTTP status when this failure is the whole answer. */
  get status(): number {
    return errorTable[this.code].http;
  }

  /** Whether the call took effect, as far as this error says. */
  get outcome(): Outcome | undefined {
    const outcome = this.data?.["outcome"] as Outcome | undefined;
    return outcome ?? (this.upstream && outcomeOf(this.upstream));
  }

  /**
   * The JSON-RPC `error` member: an upstream's own error if it can be relayed, else the table's.
   */
  toRpc(): { code: number; message: string; data?: unknown } {
    const { upstream, outcome } = this;
    if (upstream !== undefined && outcome !== undefined && !isOfOneHop(upstream.code)) {
      const { code, message, data } = upstream;
      return { code, message, data: withOutcomeIn(data, outcome) };
    }
    const { rpc, retryAfterMs }: ErrorRow = errorTable[this.code];
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    const told = upstream === undefined ? this.data : { ...this.data, outcome };
    const data = rpc === -32603 ? { reason: this.code, ...wait, ...told } : told;
    return data === undefined
      ? { code: rpc, message: this.message }
      : { code: rpc, message: this.message, data };
  }
}

/** Any thrown value as a GatewayError; an unforeseen one becomes `internal`. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError("internal", undefined, { cause: thrown });
}

const effectUnknown = /[;,] whether (?:it|the call) took effect is unknown$/;

/** The same failure with this outcome, which its message also states. */
export function withOutcome(error: GatewayError, outcome: Outcome): GatewayError {
  const plain = error.message.replace(effectUnknown, "");
  // A server's own words stay unchanged.
  const message = outcome === "unknown" && error.upstream === undefined
    ? `${plain}; whether it took effect is unknown`
    : plain;
  const { code, data, upstream, cause } = error;
  if (message === error.message && data?.["outcome"] === outcome) return error;
  const repeated = data?.["error"] === error.message ? { error: message } : {};
  return new GatewayError(code, message, {
    data: { ...data, ...repeated, outcome },
    upstream,
    cause,
  });
}
