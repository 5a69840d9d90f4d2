/** Failures that every kind of upstream puts in the same words. */
import { GatewayError } from "../../errors.ts";
import type { Quote } from "./server_text.ts";

/** The error of a call whose connection ended; `died` gives the reason for an unexpected end. */
export function exitedError(server: string, died: string | undefined): GatewayError {
  const what = died === undefined ? "was stopped" : `stopped (${died})`;
  return new GatewayError(
    "upstream_exited",
    `Server "${server}" ${what} while it worked on this call; whether it took effect is unknown`,
    { data: { server, outcome: "unknown" } },
  );
}

/** A server cannot be started, or will not be, for this reason. */
export function startError(server: string, why: string): GatewayError {
  return new GatewayError("upstream_unavailable", `Cannot start server "${server}": ${why}`, {
    data: { server, outcome: "not_sent" },
  });
}

/** A call waited for its server's turn to start for as long as a start may take. */
export function queuedError(
  { name, startTimeoutMs }: { readonly name: string; readonly startTimeoutMs: number },
): GatewayError {
  return new GatewayError(
    "upstream_late",
    `Server "${name}" has waited ${startTimeoutMs} ms for its turn to start; retry later`,
    { data: { server: name, outcome: "not_sent", retryAfterMs: startTimeoutMs } },
  );
}

/** Why a start failed; what the server said itself must not sound like the gateway's own words. */
export function toStartReason({ code, message }: GatewayError, quote: Quote): string {
  return code === "upstream_error"
    ? withWords("it refused its first message", quote(message))
    // The reason follows the server's name.
    : message.replace(/^Server "[^"]*" /, "it ");
}

/** A reason, and the server's own words where there are any. */
export function withWords(reason: string, words: string): string {
  return words === "" ? reason : `${reason}; ${words}`;
}
