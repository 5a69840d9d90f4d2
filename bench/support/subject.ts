/**
 * What a figure is measured at: the gateway, or the program of another project that `--peer` names,
 * with the first of the servers behind it. What differs between them is here, so that the figures
 * need not know it.
 */
import { openRpcSession, type RpcSession } from "../../test/support/rpc_session.ts";
import { type GatewayOptions, spawnGateway } from "../../test/support/spawn_gateway.ts";
import { startPeer } from "../e2e/peers.ts";
import { textOption } from "./row.ts";

/** A running program. */
export interface Subject {
  /** Where its clients go, with the path. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly isPeer: boolean;
  /** How its clients name a tool of a server. */
  tool(server: string, name: string): string;
  /** Whether it serves clients. */
  isReady(): Promise<boolean>;
  /** What the gateway wrote; of another program nothing is read. */
  log(): string;
  kill9(): Promise<void>;
  /** Starts it again on the same port, after its end. */
  restart(): Promise<void>;
  dispose(): Promise<void>;
}

/** A program, with whatever else the gateway's configuration has about it. */
interface SubjectProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly [member: string]: unknown;
}

/** Servers by their names: programs, and remote ones, which a peer is never given. */
type SubjectServers = Readonly<Record<string, SubjectProgram | { readonly url: string }>>;

/** Starts the gateway, or the program that `--peer` names. */
export const openSubject = (
  servers: SubjectServers,
  options: Omit<GatewayOptions, "servers"> = {},
): Promise<Subject> => {
  const peer = textOption("peer");
  return peer === undefined ? openGateway(servers, options) : openPeer(peer, servers);
};

async function openGateway(
  servers: SubjectServers,
  options: Omit<GatewayOptions, "servers">,
): Promise<Subject> {
  const gateway = await spawnGateway({ ...options, servers });
  const isAlone = Object.keys(servers).length === 1;
  const { port, log, kill9, restart, dispose } = gateway;
  return {
    ...{ port, log, kill9, restart, dispose },
    url: `${gateway.url}/mcp`,
    get pid() {
      return gateway.pid;
    },
    isPeer: false,
    tool: (server, name) => isAlone ? name : `${server}__${name}`,
    async isReady() {
      const response = await fetch(`${gateway.url}/ready`).catch(() => undefined);
      await response?.body?.cancel();
      return response?.status === 200;
    },
  };
}

async function openPeer(name: string, servers: SubjectServers): Promise<Subject> {
  const [first] = Object.values(servers);
  if (first === undefined || !("command" in first)) {
    throw new Error(`Cannot start ${name}: the first server must be a program`);
  }
  const peer = await startPeer(name, [first.command, ...first.args]);
  const { port, kill9, restart, close, endpoint: { url } } = peer;
  return {
    ...{ url, port, kill9, restart, dispose: close },
    get pid() {
      return peer.pid;
    },
    isPeer: true,
    tool: (_, tool) => tool,
    isReady: () =>
      openSubjectSession(url).then((session) => session.end()).then(() => true, () => false),
    log: () => "",
  };
}

/** Opens a session with the whole handshake, on which some programs insist. */
export async function openSubjectSession(url: string): Promise<RpcSession> {
  const session = await openRpcSession(url);
  await session.notify("notifications/initialized");
  return session;
}
