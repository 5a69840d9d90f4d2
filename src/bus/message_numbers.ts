/**
 * Numbers of messages between instances, by which each notices that it missed one: the engine counts
 * what was announced, and every instance compares that with what it heard, by the clock. An instance
 * that could not announce something while the engine was away takes a number later, so that the
 * others miss a message, and look.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";

/** What they are made from. */
export interface MessageNumbersOptions {
  readonly engine: Pick<RedisConnection, "key" | "send" | "get" | "onReturn">;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "busCheckMs" | "storageRetryMs">;
  readonly log: Log;
  /** A message was lost, or may have been. */
  readonly onLoss: () => void;
}

/** The numbers, as one instance sees them. */
export interface MessageNumbers {
  /** The number of the next message; undefined if there is none now. Never rejects. */
  next(): Promise<number | undefined>;
  /** A message came; without a number it does not count. */
  heard(number: number | undefined): void;
  close(): void;
}

/** Which numbers were heard. */
interface Heard {
  /** All up to this one; undefined: it is not known yet where to begin. */
  floor: number | undefined;
  /** Those beyond the next one, which came early. */
  readonly early: Set<number>;
  /** What had been announced at the last look: by now, all of it must be here. */
  due: number;
}

/** Begins with what is announced from now on. */
export function createMessageNumbers(options: MessageNumbersOptions): MessageNumbers {
  const { engine, clock, limits, log, onLoss } = options;
  const key = engine.key("bus", "count");
  const heard: Heard = { floor: undefined, early: new Set(), due: 0 };
  let isClosed = false;
  /** Something could not be announced. */
  let owes = false;
  let stopWaiting = (): void => {};
  const next = async (): Promise<number | undefined> => {
    try {
      const number = Number(await engine.send(["INCR", key]));
      note(heard, number);
      return number;
    } catch {
      owes = true;
      return undefined;
    }
  };
  const look = async (): Promise<void> => {
    try {
      const count = Number(await engine.get(key) ?? 0);
      if (!isClosed && missesAny(heard, count)) {
        log.warn("Missed a message of another instance: what it may concern is looked at again");
        onLoss();
      }
    } catch {
      // While the engine is away, nothing can change in it; its return is heard of.
    }
    lookLater();
  };
  const lookLater = (): void => {
    if (!isClosed) stopWaiting = clock.after(limits.busCheckMs, () => void look());
  };
  const stopHearing = engine.onReturn(() => {
    onLoss();
    if (!owes) return;
    owes = false;
    // After the changes that waited for the engine were written (redis_retries.ts).
    clock.after(2 * limits.storageRetryMs, () => isClosed || void next());
  });
  void look();
  return {
    next,
    heard: (number) => void (number === undefined || note(heard, number)),
    close() {
      isClosed = true;
      stopWaiting();
      stopHearing();
    },
  };
}

/** Notes one number; those before the beginning do not matter. */
function note(heard: Heard, number: number): void {
  const { early } = heard;
  if (heard.floor === undefined || number <= heard.floor) return;
  early.add(number);
  while (early.delete(heard.floor + 1)) heard.floor += 1;
}

/** Takes the count of the engine; whether a message is missing that was announced a while ago. */
function missesAny(heard: Heard, count: number): boolean {
  const { floor = count, due } = heard;
  heard.floor = floor;
  heard.due = count;
  // An engine that lost its data counts from the beginning.
  const isMissing = floor < due || count < floor;
  if (isMissing) {
    heard.floor = count;
    heard.early.clear();
  }
  return isMissing;
}
