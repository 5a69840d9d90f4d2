/**
 * The engine belongs to one gateway at a time: two that know nothing of each other would end each
 * other's sessions. The owner renews its lease; without a renewal it sends nothing more, well before
 * another gateway may take over.
 */
import { type Clock, sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { commandsOn, type RedisScript } from "./redis_commands.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { reasonOf, RedisFault } from "./redis_fault.ts";

/** What a lease is made from. */
export interface EngineLeaseOptions {
  readonly connection: RedisConnection;
  readonly prefix: string;
  /** Names this gateway to one that finds the engine taken. */
  readonly holder: string;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    "engineLeaseMs" | "engineLeaseRenewMs" | "engineLeaseTrustMs" | "engineLeaseLookMs"
  >;
  readonly log: Log;
}

/** Takes the lease if it is free, renews it if it is this gateway's; returns who has it. */
const take: RedisScript = {
  lua: `local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`,
};

const release: RedisScript = {
  lua:
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
};

/**
 * Takes the engine for this gateway, and returns the connection whose commands fail when the lease
 * is lost. Waits until the lease of a gateway that died runs out; rejects with an error text while
 * another one renews it.
 */
export async function ownEngine(options: EngineLeaseOptions): Promise<RedisConnection> {
  const { connection, prefix, holder, clock, limits, log } = options;
  const key = connection.key("lease");
  // The same name twice is still two gateways.
  const token = JSON.stringify({ holder, run: crypto.randomUUID() });
  await waitForLease(options, key, token);
  let renewedAt = clock.monotonic();
  let isClosed = false;
  let other: string | undefined;
  let cancel = (): void => {};
  const renew = async (): Promise<void> => {
    const sentAt = clock.monotonic();
    const held = await connection.run(take, [key], [token, limits.engineLeaseMs]);
    if (held === token) {
      renewedAt = sentAt;
      if (other !== undefined) log.info("The engine belongs to this gateway again");
      other = undefined;
      return;
    }
    if (other === undefined) {
      log.error("Another gateway has taken the engine", { holder: nameIn(held) });
    }
    other = nameIn(held);
  };
  const renewLater = (): void => {
    cancel = clock.after(limits.engineLeaseRenewMs, () => {
      renew().catch(() => {}).finally(() => isClosed || renewLater());
    });
  };
  renewLater();
  const stopHearing = connection.onReturn(() => void renew().catch(() => {}));
  const isHeld = (): boolean =>
    other === undefined && clock.monotonic() - renewedAt < limits.engineLeaseTrustMs;
  return {
    ...connection,
    ...commandsOn({ prefix }, async (args) => {
      if (!isHeld()) throw new RedisFault("not_sent", lostReason(other));
      return await connection.send(args);
    }),
    problem() {
      const problem = connection.problem();
      if (problem !== undefined || isHeld()) return problem;
      return { since: renewedAt, cause: lostReason(other) };
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      cancel();
      stopHearing();
      await connection.run(release, [key], [token]).catch(() => {});
      await connection.close();
    },
  };
}

/** Resolves when the lease is this gateway's; rejects when another one is alive. */
async function waitForLease(options: EngineLeaseOptions, key: string, token: string) {
  const { connection, limits } = options;
  const takeIt = async (): Promise<unknown> => {
    const held = await connection.run(take, [key], [token, limits.engineLeaseMs]).catch((fault) => {
      throw new Error(`Cannot take the engine at ${connection.place}: ${reasonOf(fault)}`);
    });
    return held === token ? null : held;
  };
  await untilFree(options, key, takeIt, (name) =>
    `another gateway uses it (${name}); ` +
    "stop that gateway, or give this one a prefix of its own in MCP_STORE");
}

/**
 * Resolves when the engine is free for instances: no command, such as `store copy`, has it for
 * itself. Rejects with an error text while one works.
 */
export async function assertUnleased(
  options: Omit<EngineLeaseOptions, "prefix" | "holder">,
): Promise<void> {
  const { connection } = options;
  const key = connection.key("lease");
  await untilFree(
    options,
    key,
    async () => await connection.get(key) ?? null,
    (name) => `${name} works on it; start the gateway when that has ended`,
  );
}

/** Waits until a lease that is not renewed runs out; rejects with `reason` if it is renewed. */
async function untilFree(
  { connection, clock, limits, log }: Omit<EngineLeaseOptions, "prefix" | "holder">,
  key: string,
  /** Who has the lease, or null. */
  look: () => Promise<unknown>,
  reason: (holder: string) => string,
): Promise<void> {
  let seenEnd = Infinity;
  for (;;) {
    const held = await look();
    if (held === null) return;
    const name = nameIn(held);
    const endsAt = Number(await connection.send(["PEXPIRETIME", key]));
    // It was renewed since the last look: its owner is alive.
    if (endsAt > seenEnd) {
      throw new Error(`Cannot use the engine at ${connection.place}: ${reason(name)}`);
    }
    if (seenEnd === Infinity) {
      log.info("Waiting until the lease of another gateway runs out", { holder: name });
    }
    seenEnd = endsAt;
    await sleep(clock, limits.engineLeaseLookMs);
  }
}

function lostReason(other: string | undefined): string {
  return other === undefined
    ? "the lease of the engine could not be renewed"
    : `another gateway has taken the engine (${other})`;
}

/** The name in a lease, which another version may have written. */
function nameIn(held: unknown): string {
  try {
    const value: unknown = JSON.parse(String(held));
    return String((value as { holder?: unknown }).holder ?? "unnamed");
  } catch {
    return "unnamed";
  }
}
