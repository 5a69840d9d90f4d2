/** A moment in the future, as a person writes it: a time from now (`12h`, `90d`) or a date. */
import { msPerSecond } from "../limits.ts";
import { CommandError } from "./command_error.ts";

const minuteMs = 60 * msPerSecond;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const unitMs: Readonly<Record<string, number>> = {
  m: minuteMs,
  h: hourMs,
  d: dayMs,
  w: 7 * dayMs,
  y: 365 * dayMs,
};

/** Longer numbers are mistakes. */
const amountForm = /^(\d{1,5})([mhdwy])$/;
const dateForm = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/**
 * The moment as ISO 8601 in UTC; a date alone begins at 00:00 UTC, a time without a zone is local.
 * Throws a usage error that names the flag.
 */
export function toMoment(flag: string, text: string, now: number): string {
  const [, amount, unit = ""] = amountForm.exec(text) ?? [];
  const length = unitMs[unit];
  const moment = amount !== undefined && length !== undefined
    ? now + Number(amount) * length
    : dateForm.test(text)
    ? Date.parse(text.replace(" ", "T"))
    : NaN;
  if (Number.isNaN(moment)) {
    throw new CommandError(
      "usage",
      `Cannot use ${flag} "${text}": expected a time such as 12h, 90d or 1y, or a date as ` +
        "YEAR-MONTH-DAY",
    );
  }
  if (moment <= now) {
    throw new CommandError("usage", `Cannot use ${flag} "${text}": it is not in the future`);
  }
  return new Date(moment).toISOString();
}
