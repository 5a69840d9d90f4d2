/**
 * One connection of the client library to one server, which ends for good when it is lost: opening
 * the next one is the caller's. The server is the one that the URL names, or the one that Sentinels
 * name now. Not here: clusters (redis_link.ts).
 */
import type { RedisClientOptions } from "@redis/client";
import { withDeadline } from "../clock.ts";
import type { EngineLogin, EngineNode } from "../config/engine_url.ts";
import { reasonOf } from "./redis_fault.ts";
import type { RedisLibrary, RedisLinkOptions } from "./redis_link.ts";

/** An open connection to a server. */
export interface ServerLine {
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
  destroy(): void;
}

/** What all connections of the library have in common, and the numbers of their sockets. */
export function lineOptions({ engine, limits }: RedisLinkOptions, login: EngineLogin) {
  const socket = {
    connectTimeout: limits.engineConnectMs,
    socketTimeout: limits.engineSilenceMs,
  };
  return {
    socket: engine.tls ? { ...socket, tls: true as const } : socket,
    ...(login.username !== undefined && { username: login.username }),
    ...(login.password !== undefined && { password: login.password }),
    name: "mcp-wrapper",
    // The library never gives a written command up: a silent connection is cut.
    pingInterval: limits.enginePingMs,
    disableOfflineQueue: true,
    commandsQueueMaxLength: limits.engineCommandsMax,
  };
}

/** Connects to the server that the engine's URL means. Rejects with the library's own errors. */
export async function dialEngine(
  library: RedisLibrary,
  options: RedisLinkOptions,
  lost: () => void,
): Promise<ServerLine> {
  const { engine } = options;
  if (engine.form !== "sentinel") {
    const [node = { host: "localhost", port: 0 }] = engine.nodes;
    return await dial(library, options, node, engine, engine.database, lost);
  }
  const node = await findMaster(library, options);
  const line = await dial(library, options, node, engine, engine.database, lost);
  try {
    const info = String(await line.sendCommand(["INFO", "replication"]));
    if (/^role:master\r?$/m.test(info)) return line;
    throw new Error(`${node.host}:${node.port}, which the Sentinel names, takes no writes yet`);
  } catch (fault) {
    line.destroy();
    throw fault;
  }
}

/** Asks the Sentinels in turn which server is the master now. */
async function findMaster(library: RedisLibrary, options: RedisLinkOptions): Promise<EngineNode> {
  const { nodes, master = "", sentinel = {} } = options.engine;
  let last: unknown;
  for (const node of nodes) {
    try {
      const line = await dial(library, options, node, sentinel, 0, () => {});
      try {
        const answer = await line.sendCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
        if (Array.isArray(answer)) return { host: String(answer[0]), port: Number(answer[1]) };
        last = new Error(`the Sentinel at ${node.host}:${node.port} watches no "${master}"`);
      } finally {
        line.destroy();
      }
    } catch (fault) {
      last = new Error(`the Sentinel at ${node.host}:${node.port}: ${reasonOf(fault)}`, {
        cause: fault,
      });
    }
  }
  throw last;
}

/** Connects to one server within the time for an attempt. */
async function dial(
  library: RedisLibrary,
  options: RedisLinkOptions,
  { host, port }: EngineNode,
  login: EngineLogin,
  database: number,
  lost: () => void,
): Promise<ServerLine> {
  const { clock, limits, onFault } = options;
  const common = lineOptions(options, login);
  const socket: RedisClientOptions["socket"] = {
    ...common.socket,
    host,
    port,
    reconnectStrategy: false,
  };
  const client = library.createClient({ ...common, socket, database });
  // Without a listener, a fault would end the process.
  client.on("error", onFault);
  client.once("end", lost);
  client.once("terminated", lost);
  try {
    await withDeadline(clock, limits.engineConnectMs, client.connect(), () => {
      throw new Error(`${host}:${port} did not answer within ${limits.engineConnectMs} ms`);
    });
  } catch (fault) {
    client.destroy();
    throw fault;
  }
  return client as unknown as ServerLine;
}
