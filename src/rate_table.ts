/**
 * What instances report to each other of the principals that have rates. Types only: the gateway keeps the
 * rates (gateway/shared_rate.ts), and a store the table (store/redis_rates.ts).
 */

/** What an instance reports of one principal. It may come twice. */
export interface RateReport {
  /** Names who counts: an instance, as long as it remembers the principal. */
  readonly reporter: string;
  /** Tokens that it spent in all: at the last report that was answered, and now. */
  readonly from: number;
  readonly to: number;
  /** The size of the bucket, which fills in a minute; undefined: there is none. */
  readonly perMinute: number | undefined;
  /** Calls that run here. */
  readonly open: number;
}

/** What all instances know together. */
export interface RateState {
  /** Tokens that are left; below zero if more were spent. */
  readonly tokens: number;
  /** Calls that run at other instances. */
  readonly openElsewhere: number;
}

/** The table that all instances share. Rejects if it cannot be reached. */
export interface RateTable {
  report(consumer: string, report: RateReport): Promise<RateState>;
}
