/** Why there is no grant, as it is thrown within src/grants. */
import { GatewayError } from "../errors.ts";

/** What came of it. */
export type ProblemKind =
  /** The other side did not answer, or not with what it is asked for. */
  | "unreachable"
  /** The other side refused, or said something that must not be believed. */
  | "refused"
  /** The answer of a log-in belongs to no open log-in. */
  | "stranger";

/** What a problem may carry. */
export interface GrantProblemOptions {
  /** The error word of OAuth, if one was given. */
  readonly code?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** What the person does next; it goes on after the message and a semicolon. */
  readonly advice?: string | undefined;
  /** For the log only. */
  readonly cause?: unknown;
}

/** A problem; the message goes on after the server's name, and has no secret in it. */
export class GrantProblem extends Error {
  readonly kind: ProblemKind;
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly advice: string | undefined;

  constructor(kind: ProblemKind, problem: string, options: GrantProblemOptions = {}) {
    super(problem, { cause: options.cause });
    this.name = "GrantProblem";
    this.kind = kind;
    this.code = options.code;
    this.retryAfterMs = options.retryAfterMs;
    this.advice = options.advice;
  }
}

/** The beginning of what is said about an authorization server. */
export const issuerWords = "cannot be logged in to: its authorization server";

/** The beginning of what is said about a server's own metadata. */
export const metadataWords = "cannot be logged in to: its metadata";

/** The next step where the other side says something wrong about itself. */
const metadataAdvice =
  'check the "url" in mcp.json; if it is right, ask the operator of the server to correct this';

/** The authorization server, or what it says, must not be used. */
export function refuseIssuer(why: string, code?: string): GrantProblem {
  return new GrantProblem("refused", `${issuerWords} ${why}`, { code });
}

/** The same for what an authorization server says about itself. */
export function refuseIssuerMetadata(why: string): GrantProblem {
  return new GrantProblem("refused", `${issuerWords} ${why}`, { advice: metadataAdvice });
}

/** What a server says about itself must not be used. */
export function refuseMetadata(why: string): GrantProblem {
  return new GrantProblem("refused", `${metadataWords} ${why}`, { advice: metadataAdvice });
}

/** What was thrown, as a problem; a fault of the gateway itself stays one. */
export function toGrantProblem(thrown: unknown): GrantProblem {
  if (thrown instanceof GrantProblem) return thrown;
  if (thrown instanceof GatewayError && thrown.code === "store_unavailable") {
    return new GrantProblem("unreachable", "cannot be logged in to: the store does not answer");
  }
  return new GrantProblem(
    "unreachable",
    "cannot be logged in to, because of a fault that is in the gateway's log",
    { cause: thrown },
  );
}

/** A problem as the person, or the program that asked, gets it. */
export function toLoginError(thrown: unknown, server: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const { kind, message, advice, retryAfterMs, cause } = toGrantProblem(thrown);
  if (kind === "stranger") return new GatewayError("invalid_request", message);
  const code = kind === "unreachable" ? "upstream_unavailable" : "credentials_missing";
  const text = advice === undefined ? message : `${message}; ${advice}`;
  return new GatewayError(code, `Server "${server}" ${text}`, {
    data: { server, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    cause,
  });
}
