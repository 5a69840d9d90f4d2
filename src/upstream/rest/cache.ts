/**
 * Answers that are reused for the same request for a while, and one request for all callers who ask
 * at the same time: a caller that cancels does not end it for the others. Bounded in number and
 * size; the least recently used leave first. Not here: which requests are the same, and which
 * answers may be kept.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";

/** A loaded answer, and whether later callers may have it. */
export interface Loaded<Value> {
  readonly value: Value;
  /** Size in characters; undefined: it must not be kept. */
  readonly size: number | undefined;
}

/** Keeps answers. */
export interface AnswerCache<Value> {
  /**
   * The cached answer, or a new one. Rejects as `load` does, and with `cancelled` after `signal`.
   */
  get(
    key: string,
    keepMs: number,
    load: (signal: AbortSignal) => Promise<Loaded<Value>>,
    signal: AbortSignal,
  ): Promise<Value>;
}

/** Makes the cache of one service. */
export function createAnswerCache<Value>(
  limits: Pick<Limits, "restCacheEntriesMax" | "restCacheCharsMax">,
  clock: Clock,
): AnswerCache<Value> {
  /** Least recently used first. */
  const entries = new Map<string, { value: Value; size: number; until: number }>();
  const flights = new Map<string, Flight<Value>>();
  let chars = 0;

  const drop = (key: string) => {
    chars -= entries.get(key)?.size ?? 0;
    entries.delete(key);
  };
  const keep = (key: string, value: Value, size: number, until: number) => {
    drop(key);
    if (size > limits.restCacheCharsMax) return;
    entries.set(key, { value, size, until });
    chars += size;
    for (const oldest of entries.keys()) {
      if (chars <= limits.restCacheCharsMax && entries.size <= limits.restCacheEntriesMax) break;
      drop(oldest);
    }
  };
  const find = (key: string): { readonly value: Value } | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    entries.delete(key);
    if (entry.until > clock.monotonic()) {
      entries.set(key, entry);
      return entry;
    }
    chars -= entry.size;
    return undefined;
  };
  const start = (
    key: string,
    keepMs: number,
    load: (signal: AbortSignal) => Promise<Loaded<Value>>,
  ): Flight<Value> => {
    const controller = new AbortController();
    const work = load(controller.signal).then(({ value, size }) => {
      // The request takes memory as well, and may be the larger part.
      if (size !== undefined) keep(key, value, key.length + size, clock.monotonic() + keepMs);
      return value;
    }).finally(() => {
      if (flights.get(key) === flight) flights.delete(key);
    });
    const flight: Flight<Value> = { work, controller, waiters: 0 };
    flights.set(key, flight);
    return flight;
  };

  return {
    get(key, keepMs, load, signal) {
      const kept = find(key);
      if (kept !== undefined) return Promise.resolve(kept.value);
      const flight = flights.get(key) ?? start(key, keepMs, load);
      return join(flight, signal, () => {
        // No caller wants it any more; the next one starts again.
        flights.delete(key);
        flight.controller.abort();
      });
    },
  };
}

/** One running request for all callers of the same. */
interface Flight<Value> {
  readonly work: Promise<Value>;
  readonly controller: AbortController;
  waiters: number;
}

function join<Value>(
  flight: Flight<Value>,
  signal: AbortSignal,
  lastLeft: () => void,
): Promise<Value> {
  flight.waiters += 1;
  return new Promise((resolve, reject) => {
    const leave = () => {
      flight.waiters -= 1;
      if (flight.waiters === 0) lastLeft();
      reject(new GatewayError("cancelled"));
    };
    const settled = <Outcome>(settle: (outcome: Outcome) => void) => (outcome: Outcome) => {
      signal.removeEventListener("abort", leave);
      settle(outcome);
    };
    flight.work.then(settled(resolve), settled(reject));
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave);
  });
}
