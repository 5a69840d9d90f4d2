/**
 * The rate of one principal at all instances. Each instance lets calls in by its own bucket, without
 * a wait, and reports what it spent to a table that all share: at once when a fiftieth of the bucket
 * is spent, else within a second. The answer says what is left in all, which may be a debt, and how
 * many of the principal's calls run elsewhere. Not here: what happens beyond a rate
 * (principal_rates.ts).
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { RateTable } from "../rate_table.ts";
import type { AccessRates } from "./access_rates.ts";

/** What a shared rate is made from. */
export interface SharedRateOptions {
  readonly table: RateTable;
  readonly consumer: string;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "rateReportMs" | "rateOpenReportMs">;
  /** The calls that run here now. */
  readonly calls: () => number;
  /** So many tokens are left now, in all. */
  readonly onTokens: (tokens: number) => void;
}

/** The rate of one principal. */
export interface SharedRate {
  /** A token was taken here, or the number of running calls changed. */
  changed(rates: AccessRates, tokens: number): void;
  /** Calls that ran at other instances, by the latest report. */
  openElsewhere(): number;
  /** A call was refused because of calls elsewhere: asks soon whether they still run. */
  lookSoon(): void;
}

/** The part of a rate that an instance uses without a report. */
const unreportedPart = 0.02;

/** Makes it; nothing is reported before something changes. */
export function createSharedRate(options: SharedRateOptions): SharedRate {
  const { table, consumer, clock, limits, calls, onTokens } = options;
  // One that is forgotten and made again counts from the beginning.
  const reporter = crypto.randomUUID();
  const known = { spent: 0, reported: 0, reportedOpen: 0, elsewhere: 0, isNew: true };
  let rates: AccessRates = {};
  let isReporting = false;
  /** Whether the next report was asked for by a refused call. */
  let willLook = false;
  let stopWaiting: (() => void) | undefined;
  const isDue = (): boolean => {
    const { callsPerMinute = Infinity, callsAtOnce = Infinity } = rates;
    return known.isNew ||
      known.spent - known.reported >= Math.max(1, callsPerMinute * unreportedPart) ||
      Math.abs(calls() - known.reportedOpen) >= Math.max(1, callsAtOnce * unreportedPart);
  };
  const report = async (): Promise<void> => {
    stopWaiting?.();
    stopWaiting = undefined;
    willLook = false;
    isReporting = true;
    const [to, open] = [known.spent, calls()];
    try {
      const { callsPerMinute: perMinute } = rates;
      const state = await table.report(consumer, {
        reporter,
        from: known.reported,
        to,
        perMinute,
        open,
      });
      Object.assign(known, { reported: to, reportedOpen: open, isNew: false });
      known.elsewhere = state.openElsewhere;
      if (perMinute !== undefined) onTokens(state.tokens - (known.spent - to));
    } catch {
      // Each instance keeps the rate by itself while the table is away.
      known.elsewhere = 0;
      isReporting = false;
      return later();
    }
    isReporting = false;
    if (isDue()) void report();
    else later();
  };
  /** Reports again what was not reported yet, or where others would forget what runs here. */
  const later = (): void => {
    if (stopWaiting !== undefined) return;
    const isReported = known.reported === known.spent && known.reportedOpen === calls();
    if (isReported && (known.reportedOpen === 0 || rates.callsAtOnce === undefined)) return;
    const ms = isReported ? limits.rateOpenReportMs : limits.rateReportMs;
    stopWaiting = clock.after(ms, () => void report());
  };
  return {
    changed(latest, tokens) {
      rates = latest;
      known.spent += tokens;
      if (isReporting) return;
      if (isDue()) void report();
      else later();
    },
    openElsewhere: () => known.elsewhere,
    lookSoon() {
      if (isReporting || willLook) return;
      willLook = true;
      stopWaiting?.();
      stopWaiting = clock.after(limits.rateReportMs, () => void report());
    },
  };
}
