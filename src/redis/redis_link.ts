/**
 * The client library behind one small interface, whatever the form of the engine: one server,
 * Sentinels, or a cluster. The library is loaded with the first link. Not here: deadlines and
 * scripts (redis_connection.ts), and when a lost connection is opened again (redis_redial.ts).
 */
import { RedisFault } from "./redis_fault.ts";
import { createRedial, type Redial } from "./redis_redial.ts";
import {
  dialEngine,
  lineOptions,
  type RedisLibrary,
  type RedisLinkOptions,
  type ServerLine,
} from "./redis_server.ts";

/** A way to the engine. Its commands have no deadline. */
export interface RedisLink {
  /** Resolves when it is open for the first time; rejects if that is in vain. */
  connect(): Promise<void>;
  /** Sends a command to where its key is. Rejects with the library's own errors. */
  send(key: string, args: readonly string[]): Promise<unknown>;
  publish(channel: string, text: string): Promise<unknown>;
  /** Listens from the time when it resolves, and again after each fault. */
  subscribe(channel: string, listener: (text: string) => void): Promise<void>;
  unsubscribe(channel: string, listener: (text: string) => void): Promise<void>;
  /** Opens another connection: this one is silent, or its server is not the right one. */
  cut(): void;
  close(): void;
}

/** Loads the library and makes a link, which is not connected yet. */
export async function makeRedisLink(options: RedisLinkOptions): Promise<RedisLink> {
  const library = await import("@redis/client");
  const make = options.engine.form === "cluster" ? makeClusterLink : makeServerLink;
  return make(library, options);
}

/** Whether the engine itself refused a command, so that it took no effect. */
export function isRefusal(fault: unknown): fault is Error {
  return fault instanceof Error && /^(?:SimpleError|BlobError|ErrorReply|MultiErrorReply)$/
    .test(fault.constructor.name);
}

/** Whether a command was never written. */
export function isUnsent(fault: unknown): boolean {
  if (!(fault instanceof Error)) return false;
  return /^(?:ClientOfflineError|ClientClosedError)$/.test(fault.constructor.name) ||
    fault.message === "The queue is full";
}

/** The open connection; throws if there is none. */
function now<Line>(redial: Redial<Line>): Line {
  const line = redial.current();
  if (line === undefined) throw new RedisFault("not_sent", "the engine is not connected");
  return line;
}

/** Channels and their listeners, which the next connection hears as well. */
type Subscriptions = Map<string, Set<(text: string) => void>>;

function note(all: Subscriptions, channel: string, listener: (text: string) => void): void {
  const listeners = all.get(channel) ?? new Set();
  all.set(channel, listeners.add(listener));
}

function unnote(all: Subscriptions, channel: string, listener: (text: string) => void): void {
  const listeners = all.get(channel);
  listeners?.delete(listener);
  if (listeners?.size === 0) all.delete(channel);
}

async function hearAll(
  all: Subscriptions,
  subscribe: (channel: string, listener: (text: string) => void) => Promise<unknown>,
): Promise<void> {
  for (const [channel, listeners] of all) {
    for (const listener of listeners) await subscribe(channel, listener);
  }
}

function makeServerLink(library: RedisLibrary, options: RedisLinkOptions): RedisLink {
  const { onFault, onGap } = options;
  const common = { ...options, isFinal: isRefusal, end: (line: ServerLine) => line.destroy() };
  const redial = createRedial<ServerLine>({
    ...common,
    onFault,
    dial: (lost) => dialEngine(library, options, lost),
  });
  const all: Subscriptions = new Map();
  let hasHeard = false;
  // A connection with subscriptions takes no other commands. It comes second, so that an engine
  // which is away is tried by one connection.
  const hearing = createRedial<ServerLine>({
    ...common,
    onFault,
    isFinal: () => false,
    async dial(lost) {
      await redial.open();
      const line = await dialEngine(library, options, lost);
      try {
        await hearAll(all, (channel, listener) => line.subscribe(channel, listener));
      } catch (fault) {
        line.destroy();
        throw fault;
      }
      if (hasHeard) onGap();
      hasHeard = true;
      return line;
    },
  });
  return {
    connect: async () => void await redial.open(),
    send: async (_, args) => await now(redial).sendCommand(args),
    publish: async (channel, text) => await now(redial).sendCommand(["PUBLISH", channel, text]),
    async subscribe(channel, listener) {
      note(all, channel, listener);
      await (await hearing.open()).subscribe(channel, listener);
    },
    async unsubscribe(channel, listener) {
      unnote(all, channel, listener);
      await hearing.current()?.unsubscribe(channel, listener);
    },
    cut: redial.cut,
    close() {
      redial.close();
      hearing.close();
    },
  };
}

/** What the link needs of the library's cluster. */
interface ClusterLine {
  on(event: "error" | "node-error", listener: (fault: unknown) => void): unknown;
  on(event: "node-ready", listener: () => void): unknown;
  connect(): Promise<unknown>;
  sendCommand(key: string, isReadonly: boolean, args: readonly string[]): Promise<unknown>;
  sSubscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
  sUnsubscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
  destroy(): unknown;
}

/** The library opens the connections to nodes again by itself, and looks where the slots are. */
function makeClusterLink(library: RedisLibrary, options: RedisLinkOptions): RedisLink {
  const { engine, clock, limits, onFault, onGap } = options;
  const common = lineOptions(options, engine);
  const reconnectStrategy = (retries: number): number => {
    const longest = Math.min(limits.engineRetryMsMax, limits.engineRetryMsMin * 2 ** retries);
    return Math.round(longest * (1 + clock.random()) / 2);
  };
  const all: Subscriptions = new Map();
  const redial = createRedial<ClusterLine>({
    ...options,
    isFinal: isRefusal,
    end: (line) => void Promise.resolve(line.destroy()).catch(() => {}),
    async dial() {
      const cluster = library.createCluster({
        rootNodes: engine.nodes.map((node) => ({ socket: { ...node } })),
        defaults: { ...common, socket: { ...common.socket, reconnectStrategy } } as never,
        // All keys are in one slot.
        minimizeConnections: true,
      }) as unknown as ClusterLine;
      // What the library rejects with at last says only that no node could be used.
      let cause: unknown;
      cluster.on("error", (fault) => {
        cause = fault;
        onFault(fault);
      });
      cluster.on("node-error", onFault);
      cluster.on("node-ready", onGap);
      await cluster.connect().catch((fault) => {
        throw cause ?? fault;
      });
      try {
        await hearAll(all, (channel, listener) => cluster.sSubscribe(channel, listener));
      } catch (fault) {
        cluster.destroy();
        throw fault;
      }
      return cluster;
    },
  });
  return {
    connect: async () => void await redial.open(),
    send: async (key, args) => await now(redial).sendCommand(key, false, [...args]),
    // A sharded channel stays on the node of its slot; another would pass through all of them.
    publish: async (channel, text) =>
      await now(redial).sendCommand(channel, false, ["SPUBLISH", channel, text]),
    async subscribe(channel, listener) {
      note(all, channel, listener);
      await (await redial.open()).sSubscribe(channel, listener);
    },
    async unsubscribe(channel, listener) {
      unnote(all, channel, listener);
      await redial.current()?.sUnsubscribe(channel, listener);
    },
    cut: redial.cut,
    close: redial.close,
  };
}
