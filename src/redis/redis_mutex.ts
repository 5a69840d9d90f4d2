/**
 * Work that one instance alone may do at a time, such as the refresh of a token that becomes invalid
 * when it is used twice. Here it queues as in one process (keyed_mutex.ts); among instances, a key of
 * the engine with a time to live names who works. Its holder renews it, and stops when it could not:
 * before the key can end.
 */
import { type Clock, sleep } from "../clock.ts";
import { createKeyedMutex, type KeyedMutex } from "../keyed_mutex.ts";
import type { Limits } from "../limits.ts";
import type { RedisCommands, RedisScript } from "./redis_commands.ts";
import { RedisFault } from "./redis_fault.ts";

/** What it is made from. */
export interface RedisMutexOptions {
  readonly engine: Pick<RedisCommands, "key" | "run">;
  /** What the names are those of. */
  readonly kind: string;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    | "engineLockMs"
    | "engineLockRenewMs"
    | "engineLockTrustMs"
    | "engineLockLookMs"
    | "engineLockWaitMs"
  >;
}

/** token, ms: takes or prolongs the key; 1 if it is this token's. */
const take: RedisScript = {
  lua: `local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`,
};

const release: RedisScript = {
  lua:
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
};

/** Makes it. Work is refused with a `RedisFault` while the engine does not answer. */
export function createRedisMutex(options: RedisMutexOptions): KeyedMutex {
  const here = createKeyedMutex();
  return (name, work) => here(name, () => workAlone(options, name, work));
}

async function workAlone<Value>(
  options: RedisMutexOptions,
  name: string,
  work: (lost: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const { engine, kind, clock, limits } = options;
  const key = engine.key("lock", kind, name);
  const token = crypto.randomUUID();
  const lost = new AbortController();
  let isOver = false;
  let stopRenewing = (): void => {};
  const takeIt = async (): Promise<boolean> =>
    await engine.run(take, [key], [token, limits.engineLockMs]) === 1;
  const renewAfter = (ms: number, trustedUntil: number): void => {
    if (!isOver) stopRenewing = clock.after(ms, () => void renew(trustedUntil));
  };
  const renew = async (trustedUntil: number): Promise<void> => {
    const sentAt = clock.monotonic();
    const isHeld = await takeIt().catch(() => undefined);
    if (isHeld === true) {
      return renewAfter(limits.engineLockRenewMs, sentAt + limits.engineLockTrustMs);
    }
    if (isHeld === false || clock.monotonic() >= trustedUntil) return lost.abort();
    renewAfter(Math.min(limits.engineLockRenewMs, trustedUntil - sentAt), trustedUntil);
  };
  try {
    const takenAt = await untilTaken(options, takeIt);
    renewAfter(limits.engineLockRenewMs, takenAt + limits.engineLockTrustMs);
    return await work(lost.signal);
  } finally {
    isOver = true;
    stopRenewing();
    // It may have been taken though no answer came.
    await engine.run(release, [key], [token]).catch(() => {});
  }
}

/** Resolves with the time when the command was sent that took the key. */
async function untilTaken(
  { clock, limits }: RedisMutexOptions,
  takeIt: () => Promise<boolean>,
): Promise<number> {
  const end = clock.monotonic() + limits.engineLockWaitMs;
  for (;;) {
    const sentAt = clock.monotonic();
    if (await takeIt()) return sentAt;
    if (clock.monotonic() >= end) {
      throw new RedisFault("refused", "another instance works on the same for too long");
    }
    await sleep(clock, limits.engineLockLookMs);
  }
}
