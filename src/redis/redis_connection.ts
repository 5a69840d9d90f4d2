/**
 * The gateway's connection to the engine: commands with a deadline, scripts, channels, and whether
 * the engine works. A command that failed says whether it may have taken effect (redis_fault.ts);
 * scripts must bear being run twice. Not here: what is stored (src/store/), and who owns the engine
 * (engine_lease.ts).
 */
import { type Clock, withDeadline } from "../clock.ts";
import { type EngineConfig, placeOfEngine } from "../config/engine_url.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import type { Log } from "../log.ts";
import { checkEngine } from "./engine_check.ts";
import { createEngineProbe, type EngineProblem } from "./engine_probe.ts";
import { reasonOf, RedisFault } from "./redis_fault.ts";
import {
  commandsOn,
  type RedisCommands,
  type RedisReply,
  type RedisScript,
} from "./redis_commands.ts";
import { isRefusal, isUnsent, makeRedisLink, type RedisLink } from "./redis_link.ts";
import { type EngineChannels, openChannels } from "./redis_channels.ts";

export type { EngineProblem } from "./engine_probe.ts";
export type { RedisCommands, RedisReply, RedisScript } from "./redis_commands.ts";

/** The open connection. */
export interface RedisConnection extends RedisCommands, EngineChannels {
  /** The addresses and the prefix, without a login. */
  readonly place: string;
  /**
   * The engine's time, in milliseconds since 1970, at the zero of the monotonic clock: all instances
   * have it in common, whatever the clocks of their machines say.
   */
  readonly origin: number;
  /** Why the engine cannot be used, and since when; undefined while it can. */
  problem(): EngineProblem | undefined;
  /** Calls a listener each time when the engine works again: what was published may be lost. */
  onReturn(listener: () => void): () => void;
  close(): Promise<void>;
}

/** What a connection is made from. */
export interface RedisConnectionOptions {
  readonly engine: EngineConfig;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** Connects. Rejects with an error text when the engine cannot be reached or is too old. */
export async function connectRedis(options: RedisConnectionOptions): Promise<RedisConnection> {
  const { engine, clock, limits, log } = options;
  const place = placeOfEngine(engine);
  let hasGap = (): void => {};
  const link = await reachEngine(options, place, () => hasGap());
  const state = { isClosed: false, waiting: 0, heardAt: clock.monotonic() };
  const probe = createEngineProbe({
    clock,
    limits,
    log,
    place,
    probe: () =>
      deliver(state, link, options, ["SET", probeKey, "", "PX", String(limits.engineProbeKeyMs)]),
  });
  hasGap = probe.tellReturn;
  const commands = commandsOn(engine, async (args) => {
    try {
      return await deliver(state, link, options, args);
    } catch (fault) {
      if (!(fault instanceof RedisFault) || isTemporary(fault)) probe.suspect(reasonOf(fault));
      throw fault;
    }
  });
  const probeKey = commands.key("probe");
  const channels = openChannels({ link, clock, limits, log });
  let origin: number;
  try {
    await checkEngine(commands, { form: engine.form, place, log });
    origin = await originOf(commands, clock);
  } catch (fault) {
    link.close();
    throw fault;
  }
  probe.start();
  return {
    ...commands,
    ...channels,
    place,
    origin,
    problem: probe.problem,
    onReturn: probe.onReturn,
    async close() {
      if (state.isClosed) return;
      state.isClosed = true;
      probe.close();
      channels.closeChannels();
      link.close();
    },
  };
}

const timeScript: RedisScript = {
  lua: "local time = redis.call('TIME') return time[1] .. '.' .. string.format('%06d', time[2])",
};

/** See `RedisConnection.origin`. In a cluster, the time is that of the node that has the keys. */
async function originOf(commands: RedisCommands, clock: Clock): Promise<number> {
  const seconds = Number(await commands.run(timeScript, [commands.key("time")], []));
  return seconds * msPerSecond - clock.monotonic();
}

/** Opens the link for the first time. */
async function reachEngine(
  { engine, clock, limits }: RedisConnectionOptions,
  place: string,
  onGap: () => void,
): Promise<RedisLink> {
  let lastFault: unknown;
  const link = await makeRedisLink({
    engine,
    clock,
    limits,
    onFault: (fault) => lastFault = fault,
    onGap,
  });
  try {
    await withDeadline(clock, limits.engineStartMs, link.connect(), () => {
      throw new Error(lastFault === undefined ? "no answer in time" : reasonOf(lastFault));
    });
    return link;
  } catch (fault) {
    link.close();
    throw new Error(
      `Cannot reach the engine of MCP_STORE at ${place}: ${reasonOf(fault)}; ` +
        "start it, or correct MCP_STORE",
      { cause: fault },
    );
  }
}

/** What the commands of a connection have in common. */
interface CommandState {
  isClosed: boolean;
  /** Commands without an answer. */
  waiting: number;
  /** When the last answer came. */
  heardAt: number;
}

/** Sends a command; it fails at its deadline, since the library waits for an answer for ever. */
async function deliver(
  state: CommandState,
  link: RedisLink,
  { engine, clock, limits }: Pick<RedisConnectionOptions, "engine" | "clock" | "limits">,
  args: readonly string[],
): Promise<RedisReply> {
  if (state.isClosed) throw new RedisFault("not_sent", "the connection is closed");
  if (state.waiting >= limits.engineCommandsMax) {
    throw new RedisFault("not_sent", `${state.waiting} commands wait already`);
  }
  state.waiting += 1;
  const sentAt = clock.monotonic();
  try {
    const sent = link.send(keyOf(args), args);
    const reply = await withDeadline(clock, limits.engineCommandMs, sent, () => {
      // Writing keeps the socket from its own timeout, so a dead connection would stay for minutes.
      if (state.heardAt <= sentAt) link.cut();
      throw new RedisFault("unknown", `no answer within ${limits.engineCommandMs} ms`);
    });
    state.heardAt = clock.monotonic();
    return reply as RedisReply;
  } catch (thrown) {
    const fault = toFault(thrown);
    if (fault.commandOutcome === "refused") {
      state.heardAt = clock.monotonic();
      // A failover made a replica of it. The next connection leads to the server that has its name now;
      // a cluster's client finds it by itself.
      if (engine.form !== "cluster" && isReadOnly(fault)) link.cut();
    }
    throw fault;
  } finally {
    state.waiting -= 1;
  }
}

/** The key that decides which node of a cluster gets a command. */
function keyOf(args: readonly string[]): string {
  const isScript = args[0] === "EVALSHA" || args[0] === "EVAL";
  return args[isScript ? 3 : 1] ?? "";
}

function toFault(fault: unknown): RedisFault {
  if (fault instanceof RedisFault) return fault;
  const outcome = isRefusal(fault) ? "refused" : isUnsent(fault) ? "not_sent" : "unknown";
  return new RedisFault(outcome, reasonOf(fault), fault);
}

function isReadOnly({ reason }: RedisFault): boolean {
  return /^READONLY\b/.test(reason);
}

/** Whether a failure says something about the engine, and not about the command. */
function isTemporary({ commandOutcome, reason }: RedisFault): boolean {
  return commandOutcome !== "refused" ||
    /^(?:OOM|MISCONF|READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|NOAUTH|NOPERM|WRONGPASS|BUSY)\b/
      .test(reason);
}
