/**
 * A failure with a row in the error table, as it is thrown, and whether the failed call took effect.
 * The text of an unforeseen error never leaves the process; it goes to the log.
 */
import { type ErrorCode, type ErrorRow, errorTable } from "./error_table.ts";
import { isJsonObject } from "./json.ts";
import type { JsonObject } from "./model.ts";

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

/** An upstream's JSON-RPC error, unchanged. */
export interface UpstreamErrorBody {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What a client can have too much of at the servers of the gateway. */
export type ServerShare = "processes" | "leases";

/** Options of a GatewayError. */
export interface GatewayErrorOptions {
  /** Public members of `error.data` (never secrets, paths or stacks). */
  readonly data?: JsonObject;
  /** For `upstream_error`: the body to relay. */
  readonly upstream?: UpstreamErrorBody | undefined;
  /** For the log only. */
  readonly cause?: unknown;
  /** Whether access was denied, of which code and text say nothing. For the operator only. */
  readonly isDenial?: boolean | undefined;
  /** Of `rate_limited`: what its client has too much of. For the operator only. */
  readonly share?: ServerShare | undefined;
}

/** A failure with a place in the table; its message is public. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly data: JsonObject | undefined;
  readonly upstream: UpstreamErrorBody | undefined;
  get isDenial(): boolean {
    return this.#isDenial;
  }
  // Private, so that nothing that is written of the error tells it.
  readonly #isDenial: boolean;
  get share(): ServerShare | undefined {
    return this.#share;
  }
  readonly #share: ServerShare | undefined;

  constructor(code: ErrorCode, message?: string, options: GatewayErrorOptions = {}) {
    super(message ?? errorTable[code].text, { cause: options.cause });
    this.name = "GatewayError";
    this.code = code;
    this.data = options.data;
    this.upstream = options.upstream;
    this.#isDenial = options.isDenial === true;
    this.#share = options.share;
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
  const { code, data, upstream, cause, isDenial, share } = error;
  if (message === error.message && data?.["outcome"] === outcome) return error;
  const repeated = data?.["error"] === error.message ? { error: message } : {};
  return new GatewayError(code, message, {
    data: { ...data, ...repeated, outcome },
    upstream,
    cause,
    isDenial,
    share,
  });
}
