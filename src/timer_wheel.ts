/**
 * Long timers that share one timer of the runtime. Most deadlines are cancelled before they pass,
 * each call sets several, and a timer of the runtime costs more than an entry here. A deadline is
 * never early and at most one tick late; those of one tick pass in the order of their times.
 */

/** One deadline. */
interface Entry {
  readonly dueAt: number;
  readonly run: () => void;
}

/** Deadlines by the tick in which they pass. */
export interface TimerWheel {
  /** Runs once after a time, unless cancelled by the returned function. */
  after(ms: number, run: () => void): () => void;
}

/** What a wheel is made from. */
export interface TimerWheelOptions {
  readonly tickMs: number;
  /** The longest time that a timer of the runtime takes. */
  readonly timerMsMax: number;
  /** Milliseconds since some fixed point. */
  readonly now: () => number;
  /** A timer of the runtime, and how to cancel it. */
  readonly set: (ms: number, run: () => void) => () => void;
}

/** A wheel's deadlines, and the timer that wakes it for the next of them. */
interface WheelState {
  readonly options: TimerWheelOptions;
  readonly ticks: Map<number, Set<Entry>>;
  armedTick: number;
  disarm: () => void;
}

/** Makes a wheel without deadlines. */
export function createTimerWheel(options: TimerWheelOptions): TimerWheel {
  const state: WheelState = { options, ticks: new Map(), armedTick: Infinity, disarm: () => {} };
  return { after: (ms, run) => add(state, ms, run) };
}

function add(state: WheelState, ms: number, run: () => void): () => void {
  const { ticks, options: { tickMs, now } } = state;
  const dueAt = now() + ms;
  const tick = Math.ceil(dueAt / tickMs);
  const entry: Entry = { dueAt, run };
  const entries = ticks.get(tick) ?? new Set();
  if (entries.size === 0) ticks.set(tick, entries);
  entries.add(entry);
  arm(state, tick);
  return () => {
    if (entries.delete(entry) && entries.size === 0) ticks.delete(tick);
  };
}

/** A timer that was set for a deadline which is cancelled since stays: it costs less than another. */
function arm(state: WheelState, tick: number): void {
  if (tick >= state.armedTick) return;
  const { tickMs, timerMsMax, now, set } = state.options;
  const waitMs = Math.min(Math.max(1, tick * tickMs - now()), timerMsMax);
  state.disarm();
  state.armedTick = tick;
  state.disarm = set(waitMs, () => turn(state));
}

function turn(state: WheelState): void {
  const { ticks, options: { tickMs, now, set } } = state;
  const passed = Math.floor(now() / tickMs);
  const due: (readonly [Entry, Set<Entry>])[] = [];
  let next = Infinity;
  for (const [tick, entries] of ticks) {
    if (tick > passed) {
      next = Math.min(next, tick);
      continue;
    }
    ticks.delete(tick);
    for (const entry of entries) due.push([entry, entries]);
  }
  state.armedTick = Infinity;
  if (next !== Infinity) arm(state, next);
  due.sort(([one], [other]) => one.dueAt - other.dueAt);
  for (const [entry, entries] of due) {
    // One that ran before it may have cancelled it.
    if (!entries.delete(entry)) continue;
    try {
      entry.run();
    } catch (thrown) {
      // As from a timer of its own: it is reported, and the others run.
      set(0, () => {
        throw thrown;
      });
    }
  }
}
