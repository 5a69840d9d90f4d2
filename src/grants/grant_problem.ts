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
  /** For the log only. */
  readonly cause?: unknown;
}

/** A problem; the message goes on after the server's name, and has no secret in it. */
export class GrantProblem extends Error {
  readonly kind: ProblemKind;
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(kind: ProblemKind, problem: string, options: GrantProblemOptions = {}) {
    super(problem, { cause: options.cause });
    this.name = "GrantProblem";
    this.kind = kind;
    this.code = options.code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The beginning of what is said about an authorization server. */
export const issuerWords = "cannot be logged in to: its authorization server";

/** The beginning of what is said about a server's own metadata. */
export const metadataWords = "cannot be logged in to: its metadata";

/** The authorization server, or what it says, must not be used. */
export function refuseIssuer(why: string, code?: string): GrantProblem {
  return new GrantProblem("refused", `${issuerWords} ${why}`, { code });
}

/** What was thrown, as a problem; a fault of the gateway itself stays one. */
export function toGrantProblem(thrown: unknown): GrantProblem {
  if (thrown instanceof GrantProblem) return thrown;
  return new GrantProblem(
    "unreachable",
    "cannot be logged in to, because of a fault that is in the gateway's log",
    { cause: thrown },
  );
}

/** A problem as the person, or the program that asked, gets it. */
export function toLoginError(thrown: unknown, server: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const { kind, message, retryAfterMs, cause } = toGrantProblem(thrown);
  if (kind === "stranger") return new GatewayError("invalid_request", message);
  const code = kind === "unreachable" ? "upstream_unavailable" : "credentials_missing";
  return new GatewayError(code, `Server "${server}" ${message}`, {
    data: { server, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    cause,
  });
}
