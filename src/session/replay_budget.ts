/**
 * The bytes that the event logs of all sessions may keep together. When they keep more, the sessions
 * that keep the most give way, down to one level for all of them: a session below that level loses
 * nothing for another's flood. Not here: the bounds of one session (event_log.ts).
 */
import type { Limits } from "../limits.ts";

/** A log that keeps bytes. */
export interface ReplayKeeper {
  bytesKept(): number;
  /** Drops its oldest frames until it keeps so many bytes at most. */
  shrinkTo(bytes: number): void;
}

/** The part of the budget that stays: one removal makes room for many frames. */
const keptPart = 0.9;

/** The budget of all logs. */
export class ReplayBudget {
  readonly #bytesMax: number;
  /** Those that keep something. */
  readonly #keepers = new Set<ReplayKeeper>();
  #bytes = 0;

  constructor({ replayTotalBytesMax }: Pick<Limits, "replayTotalBytesMax">) {
    this.#bytesMax = replayTotalBytesMax;
  }

  /** Bytes that all logs keep. */
  bytes(): number {
    return this.#bytes;
  }

  /** A log keeps so many more bytes, or fewer (negative), than before. */
  note(keeper: ReplayKeeper, change: number): void {
    this.#bytes += change;
    if (change < 0) {
      if (keeper.bytesKept() === 0) this.#keepers.delete(keeper);
      return;
    }
    this.#keepers.add(keeper);
    if (this.#bytes > this.#bytesMax) this.#shrink();
  }

  /** A log whose session left memory counts no longer. */
  remove(keeper: ReplayKeeper): void {
    if (this.#keepers.delete(keeper)) this.#bytes -= keeper.bytesKept();
  }

  #shrink(): void {
    const level = levelFor(
      [...this.#keepers].map((keeper) => keeper.bytesKept()),
      this.#bytesMax * keptPart,
    );
    for (const keeper of [...this.#keepers]) {
      if (keeper.bytesKept() > level) keeper.shrinkTo(level);
    }
  }
}

/** The size to which the largest must shrink, so that all together are no larger than `sum`. */
export function levelFor(sizes: readonly number[], sum: number): number {
  let left = sum;
  const ascending = [...sizes].sort((one, other) => one - other);
  for (const [at, size] of ascending.entries()) {
    const share = left / (ascending.length - at);
    if (size > share) return Math.floor(share);
    left -= size;
  }
  return Infinity;
}
