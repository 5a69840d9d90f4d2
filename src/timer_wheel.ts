/**
 * Long timers that share one timer of the runtime. Most deadlines are cancelled before they pass,
 * each call sets several, and a timer of the runtime costs more than an entry here. A deadline is
 * never early and at most one tick late; those of one tick pass in the order of their times.
 */

/** One deadline, in the ring of its tick, which it leaves without a search. */
class Entry {
  readonly dueAt: number;
  readonly tick: number;
  readonly run: () => void;
  /** `due`: it has passed and left its ring, and is about to run. */
  state: "waiting" | "due" | "over" = "waiting";
  previous: Entry = this;
  next: Entry = this;

  constructor(dueAt: number, tick: number, run: () => void) {
    this.dueAt = dueAt;
    this.tick = tick;
    this.run = run;
  }
}

/** Deadlines by the tick in which they pass. */
export interface TimerWheel {
  /** Runs once after a time, unless cancelled by the returned function. */
  after(ms: number, run: () => void): () => void;
}

/** What a wheel is made from. */
export interface TimerWheelOptions {
  readonly tickMs: number;
  /** How long a timer of the runtime may stay, and keep the program, when no deadline is left. */
  readonly lingerMs: number;
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
  /** One entry of the ring of each tick. */
  readonly ticks: Map<number, Entry>;
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
  const entry = new Entry(dueAt, tick, run);
  const ring = ticks.get(tick);
  if (ring === undefined) ticks.set(tick, entry);
  else {
    entry.previous = ring.previous;
    entry.next = ring;
    ring.previous = ring.previous.next = entry;
  }
  arm(state, tick);
  return () => cancel(state, entry);
}

function cancel(state: WheelState, entry: Entry): void {
  const { ticks, options: { tickMs, lingerMs, now } } = state;
  const { state: was, tick, previous, next } = entry;
  entry.state = "over";
  if (was !== "waiting") return;
  if (next !== entry) {
    previous.next = next;
    next.previous = previous;
    letGo(entry);
    if (ticks.get(tick) === entry) ticks.set(tick, next);
    return;
  }
  ticks.delete(tick);
  const isLast = ticks.size === 0 && state.armedTick !== Infinity;
  if (isLast) arm(state, Math.ceil((now() + lingerMs) / tickMs));
}

/** Unlinks an entry: its cancel function may live long and must not keep the rest of its tick. */
function letGo(entry: Entry): void {
  entry.previous = entry.next = entry;
}

/**
 * A timer that was set for a deadline which is cancelled since stays, for it costs less than
 * another; where it was the last one, it stays for `lingerMs`.
 */
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
  const due: Entry[] = [];
  let next = Infinity;
  for (const [tick, ring] of ticks) {
    if (tick > passed) {
      next = Math.min(next, tick);
      continue;
    }
    ticks.delete(tick);
    for (let entry = ring; entry.state === "waiting";) {
      const { next } = entry;
      entry.state = "due";
      letGo(entry);
      due.push(entry);
      entry = next;
    }
  }
  state.armedTick = Infinity;
  if (next !== Infinity) arm(state, next);
  due.sort((one, other) => one.dueAt - other.dueAt);
  const [only] = due;
  if (due.length === 1 && only !== undefined) return pass(state, only);
  // As timers of their own: what waits for one goes on before the next passes, and may cancel it.
  for (const each of due) set(0, () => pass(state, each));
}

function pass({ options: { set } }: WheelState, entry: Entry): void {
  // One that passed before it may have cancelled it.
  if (entry.state === "over") return;
  entry.state = "over";
  try {
    entry.run();
  } catch (thrown) {
    // As from a timer of its own: it is reported, and the others run.
    set(0, () => {
      throw thrown;
    });
  }
}
