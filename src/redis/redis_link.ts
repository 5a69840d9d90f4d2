/**
 * The client library behind one small interface, whatever the form of the engine: one server,
 * Sentinels, or a cluster. The library is loaded with the first link. It reconnects by itself, one
 * attempt at a time. Not here: deadlines and scripts (redis_connection.ts).
 */
import type { RedisClientOptions } from "@redis/client";
import type { Clock } from "../clock.ts";
import type { EngineConfig, EngineForm, EngineLogin } from "../config/engine_url.ts";
import type { Limits } from "../limits.ts";

/** What a link is made from. */
export interface RedisLinkOptions {
  readonly engine: EngineConfig;
  readonly clock: Pick<Clock, "random">;
  readonly limits: Limits;
  /** Called with each fault of a connection; the library goes on by itself. */
  readonly onFault: (fault: unknown) => void;
}

/** A way to the engine. Its commands have no deadline. */
export interface RedisLink {
  connect(): Promise<void>;
  /** Sends a command to where its key is. Rejects with the library's own errors. */
  send(key: string, args: readonly string[]): Promise<unknown>;
  publish(channel: string, text: string): Promise<unknown>;
  /** Listens from the time when it resolves; the library subscribes again after a fault. */
  subscribe(channel: string, listener: (text: string) => void): Promise<void>;
  unsubscribe(channel: string, listener: (text: string) => void): Promise<void>;
  close(): void;
}

type Library = typeof import("@redis/client");
type NodeOptions = Omit<RedisClientOptions, "modules" | "functions" | "scripts">;

/** What all clients of the library share. */
interface Client {
  on(event: "error", listener: (fault: unknown) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
}

const makers: Readonly<
  Record<EngineForm, (library: Library, options: RedisLinkOptions) => RedisLink>
> = { single: makeSingle, sentinel: makeSentinel, cluster: makeCluster };

/** Loads the library and makes a link, which is not connected yet. */
export async function makeRedisLink(options: RedisLinkOptions): Promise<RedisLink> {
  const library = await import("@redis/client");
  return makers[options.engine.form](library, options);
}

/** Whether the engine itself refused a command, so that it took no effect. */
export function isRefusal(fault: unknown): fault is Error {
  return fault instanceof Error && /^(?:SimpleError|BlobError|ErrorReply|MultiErrorReply)$/
    .test(fault.constructor.name);
}

/** Whether a command was never written. */
export function isUnsent(fault: unknown): boolean {
  if (!(fault instanceof Error)) return false;
  return fault.constructor.name === "ClientOfflineError" || fault.message === "The queue is full";
}

function nodeOptions(
  { engine, clock, limits }: RedisLinkOptions,
  login: EngineLogin,
): NodeOptions {
  let isFirst = true;
  const socket = {
    connectTimeout: limits.engineConnectMs,
    socketTimeout: limits.engineSilenceMs,
    reconnectStrategy(retries: number, cause: Error): number | Error {
      // A wrong password does not get better by itself; later it may be a change under way.
      if (isFirst && isRefusal(cause)) return cause;
      isFirst = false;
      const longest = Math.min(limits.engineRetryMsMax, limits.engineRetryMsMin * 2 ** retries);
      return Math.round(longest * (1 + clock.random()) / 2);
    },
  };
  return {
    socket: engine.tls ? { ...socket, tls: true } : socket,
    ...(login.username !== undefined && { username: login.username }),
    ...(login.password !== undefined && { password: login.password }),
    name: "mcp-wrapper",
    // The library never gives a written command up: a silent connection is cut.
    pingInterval: limits.enginePingMs,
    disableOfflineQueue: true,
    commandsQueueMaxLength: limits.engineCommandsMax,
  };
}

function addressOf({ engine }: RedisLinkOptions) {
  const [node = { host: "localhost", port: 0 }] = engine.nodes;
  return node;
}

/** Opens a client, with the listener without which a fault would end the process. */
function heard<Made extends Client>(client: Made, { onFault }: RedisLinkOptions): Made {
  client.on("error", onFault);
  return client;
}

function closing(clients: readonly Client[]): () => void {
  return () => {
    for (const client of clients) {
      try {
        const closed = client.destroy();
        if (closed instanceof Promise) closed.catch(() => {});
      } catch {
        // It was never open.
      }
    }
  };
}

function makeSingle(library: Library, options: RedisLinkOptions): RedisLink {
  const { engine } = options;
  const common = nodeOptions(options, engine);
  const own = {
    ...common,
    socket: { ...common.socket, ...addressOf(options) } as RedisClientOptions["socket"] & object,
    database: engine.database,
  };
  const client = heard(library.createClient(own), options);
  // A connection with subscriptions takes no other commands.
  const hearing = heard(library.createClient(own), options);
  let opening: Promise<unknown> | undefined;
  return {
    async connect() {
      await client.connect();
    },
    send: (_, args) => client.sendCommand(args),
    publish: (channel, text) => client.sendCommand(["PUBLISH", channel, text]),
    async subscribe(channel, listener) {
      await (opening ??= hearing.connect());
      await hearing.subscribe(channel, listener);
    },
    unsubscribe: (channel, listener) => hearing.unsubscribe(channel, listener),
    close: closing([client, hearing]),
  };
}

function makeSentinel(library: Library, options: RedisLinkOptions): RedisLink {
  const { engine } = options;
  const sentinel = heard(
    library.createSentinel({
      name: engine.master ?? "",
      sentinelRootNodes: [...engine.nodes],
      nodeClientOptions: { ...nodeOptions(options, engine), database: engine.database } as never,
      sentinelClientOptions: nodeOptions(options, engine.sentinel ?? {}) as never,
      passthroughClientErrorEvents: true,
    }),
    options,
  );
  return {
    async connect() {
      await sentinel.connect();
    },
    send: (_, args) => sentinel.sendCommand(false, [...args]),
    publish: (channel, text) => sentinel.sendCommand(false, ["PUBLISH", channel, text]),
    async subscribe(channel, listener) {
      await sentinel.subscribe(channel, listener as never);
    },
    async unsubscribe(channel, listener) {
      await sentinel.unsubscribe(channel, listener as never);
    },
    close: closing([sentinel]),
  };
}

function makeCluster(library: Library, options: RedisLinkOptions): RedisLink {
  const { engine } = options;
  const common = nodeOptions(options, engine);
  const cluster = heard(
    library.createCluster({
      rootNodes: engine.nodes.map((node) => ({ socket: { ...node } })),
      defaults: common as never,
    }),
    options,
  );
  return {
    async connect() {
      await cluster.connect();
    },
    send: (key, args) => cluster.sendCommand(key, false, [...args]),
    // A sharded channel stays on the node of its slot; another would pass through all of them.
    publish: (channel, text) => cluster.sendCommand(channel, false, ["SPUBLISH", channel, text]),
    async subscribe(channel, listener) {
      await cluster.sSubscribe(channel, listener);
    },
    async unsubscribe(channel, listener) {
      await cluster.sUnsubscribe(channel, listener);
    },
    close: closing([cluster]),
  };
}
