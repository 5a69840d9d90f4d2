/**
 * The one error of the engine's connection. The sender of a command learns whether it may have taken
 * effect; clients learn only that the store is unavailable. Not here: which errors the client
 * library throws (redis_link.ts).
 */
import { GatewayError } from "../errors.ts";

/**
 * What is known of a failed command: it was never sent, the engine refused it, or it was cut while
 * it was under way, so that it may have taken effect.
 */
export type CommandOutcome = "not_sent" | "refused" | "unknown";

/** A command that failed. */
export class RedisFault extends GatewayError {
  readonly commandOutcome: CommandOutcome;
  /** The engine's or the system's own words, for the log. */
  readonly reason: string;

  constructor(commandOutcome: CommandOutcome, reason: string, cause?: unknown) {
    super("store_unavailable", undefined, { cause: cause ?? reason });
    this.name = "RedisFault";
    this.commandOutcome = commandOutcome;
    this.reason = reason;
  }
}

/** The words of any thrown value; some errors of the client library have no message. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof RedisFault) return thrown.reason;
  if (thrown instanceof AggregateError && thrown.errors.length > 0) {
    return reasonOf(thrown.errors[0]);
  }
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.message === "" ? thrown.constructor.name : thrown.message;
}
