/**
 * The programs under measurement: the bare proxy and the gateway, of this tree or of another, each
 * started directly under the same runtime and in front of the same servers.
 */
import type { RuntimeName } from "../../test/support/runtimes.ts";
import { gatewayRuntime, programCommand, spawnGateway } from "../../test/support/spawn_gateway.ts";
import { authSettings, credentialHeaders, sampleHeaders } from "./client_credentials.ts";
import type { Endpoint } from "./rpc_client.ts";
import { type ServerSet, serverSets } from "./server_sets.ts";
import { once, startListener } from "./started_program.ts";

/** A running target. */
export interface Target {
  readonly pid: number;
  /** Where its clients of this transport go. */
  endpoint(transport: Endpoint["transport"]): Endpoint;
  close(): Promise<void>;
}

/** One column of the comparison; it starts a target for each set of servers that is needed. */
export interface Side {
  readonly name: string;
  /** Decides how long it is warmed up. */
  readonly runtime: RuntimeName | "other";
  /** The scenarios that it can serve, if not all. */
  readonly rows?: readonly string[];
  start(servers: ServerSet): Promise<Target>;
}

/** The servers behind one target: the command of each, or its URL where they run beside it. */
interface Behind {
  readonly servers: ReadonlyMap<string, { command: string; args: string[] } | { url: string }>;
  close(): Promise<void>;
}

/** The command of the echo server over stdio. */
export const echoCommand = (name: string): { command: string; args: string[] } =>
  programCommand("bench/support/echo_server.ts", [`--name=${name}`]);

const commandLine = ({ command, args }: { command: string; args: string[] }) => [command, ...args];

/** Servers with a URL are started; the others are started by the target. */
async function openBehind(set: ServerSet, launcher: readonly string[]): Promise<Behind> {
  const { names, isRemote } = serverSets[set];
  if (!isRemote) {
    return {
      servers: new Map(names.map((name) => [name, echoCommand(name)])),
      close: () => Promise.resolve(),
    };
  }
  const started = await Promise.all(names.map(async (name) => {
    const server = programCommand("bench/support/remote_echo_server.ts", [`--name=${name}`]);
    const command = [...launcher, ...commandLine(server)];
    const title = "the remote server";
    return [name, await startListener({ title, command, hasStdin: true })] as const;
  }));
  return {
    servers: new Map(
      started.map(([name, { port }]) => [name, { url: `http://127.0.0.1:${port}/mcp` }]),
    ),
    async close() {
      await Promise.all(started.map(([, { program }]) => program.close()));
    },
  };
}

const paths = { http: "/mcp", sse: "/sse" } as const;

const endpointsBelow =
  (url: string, headers: Readonly<Record<string, string>>): Target["endpoint"] => (transport) => ({
    url: `${url}${paths[transport]}`,
    transport,
    toolPrefix: "",
    headers,
  });

/** The proxy that does nothing but rewrite ids. */
export function createBareSide(launcher: readonly string[]): Side {
  return {
    name: "bare",
    runtime: gatewayRuntime,
    async start(set) {
      const behind = await openBehind(set, launcher);
      const where = [...behind.servers].map(([name, server]) =>
        [name, "url" in server ? server.url : commandLine(server)] as const
      );
      const proxy = programCommand("bench/support/bare_proxy.ts", [
        JSON.stringify(Object.fromEntries(where)),
      ]);
      try {
        const { program, port } = await startListener({
          title: "the bare proxy",
          command: [...launcher, ...commandLine(proxy)],
        });
        return {
          pid: program.pid,
          endpoint: endpointsBelow(`http://127.0.0.1:${port}`, sampleHeaders(serverSets[set].auth)),
          close: () => program.close().finally(behind.close),
        };
      } catch (thrown) {
        await behind.close();
        throw thrown;
      }
    },
  };
}

/** The gateway of the tree in `root`, with this tree's servers behind it. */
export function createGatewaySide(
  name: string,
  launcher: readonly string[],
  root?: string,
): Side {
  return {
    name,
    runtime: gatewayRuntime,
    async start(set) {
      const { isolation, listener, auth, env = {} } = serverSets[set];
      const behind = await openBehind(set, launcher);
      const settings = authSettings(auth);
      const configured = [...behind.servers]
        .map(([server, where]) => [server, { ...where, isolation }] as const);
      try {
        const gateway = await spawnGateway({
          servers: Object.fromEntries(configured),
          launcher,
          env: { MCP_LISTENER: listener, ...(root === undefined ? env : {}) },
          ...(settings !== undefined && { auth: settings }),
          ...(root !== undefined && { root }),
        });
        const close = once(() => gateway.dispose().finally(behind.close));
        const headers = await credentialHeaders(auth, gateway).catch(async (thrown) => {
          await close();
          throw thrown;
        });
        return { pid: gateway.pid, endpoint: endpointsBelow(gateway.url, headers), close };
      } catch (thrown) {
        await behind.close();
        throw thrown;
      }
    },
  };
}
