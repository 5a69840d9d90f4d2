/**
 * When an outgoing request is made again, and after which pause (cases P4, F6 and F9): only where
 * repeating cannot do harm, with pauses that double and are spread, and never earlier than the
 * server asks. Not here: making it.
 */
import type { Clock } from "../clock.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import type { RequestFault } from "../runtime/runtime.ts";

/** Answers that say "not now". */
const passing = new Set([429, 502, 503, 504]);

/** Whether an answer of this status may be another one a little later. */
export function isPassingStatus(status: number): boolean {
  return passing.has(status);
}

/** Whether a fault may be gone a little later, and the request do no harm when it is made again. */
export function mayRepeat(fault: RequestFault, repeatable: boolean): boolean {
  const mayPass = fault.kind === "connect" || fault.kind === "timeout" || fault.kind === "broken";
  return mayPass && (repeatable || !fault.sent);
}

/** What `Retry-After` asks for, in seconds or as a date; undefined when it says nothing clear. */
export function readRetryAfter(headers: Headers, clock: Clock): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text) * msPerSecond;
  // Every form of HTTP's dates ends in a zone or a year; a bare number is no date.
  const date = /^[A-Z][a-z]{2}.*\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.wall());
}

/**
 * The pause before the retry of this number (from 0): a random part of a span that doubles, but not
 * less than the server asked for. Undefined when the server asked for more than we wait.
 */
export function toBackoffMs(
  retry: number,
  askedMs: number | undefined,
  limits: Pick<Limits, "httpRetryMsMin" | "httpRetryMsMax">,
  clock: Clock,
): number | undefined {
  if (askedMs !== undefined && askedMs > limits.httpRetryMsMax) return undefined;
  const span = Math.min(limits.httpRetryMsMax, limits.httpRetryMsMin * 2 ** retry);
  return Math.max(askedMs ?? 0, clock.random() * span);
}
