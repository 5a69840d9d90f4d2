/**
 * Programs of other projects that do a part of the same, by name: each is installed once from its
 * registry, in an exact version, started directly, and measured next to the bare proxy in the
 * scenarios that it can serve. Only its own process counts, not its servers'.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startMsMax, within } from "../../test/support/wait.ts";
import { type Endpoint, endSession, openSession } from "./rpc_client.ts";
import { once, startProgram, untilIt } from "./started_program.ts";
import { echoCommand, type Side } from "./targets.ts";

/** Where a peer starts, and in front of what. */
interface PeerStart {
  readonly port: number;
  /** The server's command line. */
  readonly server: readonly string[];
  /** A folder of its own. */
  readonly folder: string;
}

/** One row. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly registry: "npm" | "go" | "pypi";
  /** The package; and its program, below the folder it is installed in. */
  readonly source: string;
  readonly program: string;
  readonly rows: readonly string[];
  readonly endpoint: { readonly path: string } & Pick<Endpoint, "transport" | "toolPrefix">;
  /** How its sessions and the server's processes belong together, for the page. */
  readonly mode: string;
  readonly args: (start: PeerStart) => readonly string[];
}

const streamable = { path: "/mcp", transport: "http", toolPrefix: "" } as const;
const quote = (words: readonly string[]) => words.map((word) => `"${word}"`).join(" ");

function writeConfig(folder: string, config: unknown): string {
  const path = join(folder, "config.json");
  writeFileSync(path, JSON.stringify(config));
  return path;
}

const asEntry = ([command, ...args]: readonly string[]) => ({ command, args });

/** The rows. */
export const peers: readonly Peer[] = [
  {
    name: "mcp-proxy",
    version: "6.7.19",
    registry: "npm",
    source: "mcp-proxy",
    program: "node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs",
    rows: ["echo_64", "echo_16", "large_text"],
    endpoint: streamable,
    mode: "Streamable HTTP, one server process for all sessions",
    args: ({ port, server }) => [
      ...["--host", "127.0.0.1", "--port", String(port), "--server", "stream", "--"],
      ...server,
    ],
  },
  {
    name: "mcp-proxy-pypi",
    version: "0.13.0",
    registry: "pypi",
    source: "mcp-proxy",
    program: "bin/mcp-proxy",
    rows: ["echo_64", "echo_16", "large_text"],
    endpoint: streamable,
    mode: "Streamable HTTP, one server process for all sessions",
    args: ({ port, server }) => [
      ...["--host", "127.0.0.1", "--port", String(port), "--pass-environment", "--"],
      ...server,
    ],
  },
  {
    name: "supergateway",
    version: "4.0.0",
    registry: "npm",
    source: "supergateway",
    program: "node_modules/supergateway/dist/index.js",
    // 64 sessions would be 64 processes.
    rows: ["echo_16", "large_text"],
    endpoint: streamable,
    mode: "Streamable HTTP with --stateful, a server process for each session",
    args: ({ port, server }) => [
      ...["--stdio", quote(server), "--outputTransport", "streamableHttp", "--stateful"],
      ...["--port", String(port), "--logLevel", "none"],
    ],
  },
  {
    name: "mcp-hub",
    version: "4.2.1",
    registry: "npm",
    source: "mcp-hub",
    program: "node_modules/mcp-hub/dist/cli.js",
    rows: ["echo_64", "echo_16", "large_text"],
    endpoint: { path: "/mcp", transport: "sse", toolPrefix: "echo__" },
    mode: "HTTP+SSE, one server process for all sessions",
    args: ({ port, server, folder }) => [
      ...["--port", String(port), "--config"],
      writeConfig(folder, { mcpServers: { echo: asEntry(server) } }),
    ],
  },
  {
    name: "tbxark",
    version: "latest",
    registry: "go",
    source: "github.com/TBXark/mcp-proxy",
    program: "mcp-proxy",
    rows: ["echo_64", "echo_16", "large_text"],
    endpoint: { ...streamable, path: "/echo/mcp" },
    mode: "Streamable HTTP, one server process for all sessions",
    args: ({ port, server, folder }) => [
      "--config",
      writeConfig(folder, {
        mcpProxy: {
          baseURL: `http://127.0.0.1:${port}`,
          addr: `127.0.0.1:${port}`,
          name: "bench",
          version: "1",
          type: "streamable-http",
        },
        mcpServers: { echo: asEntry(server) },
      }),
    ],
  },
];

const installMsMax = 300_000;

/** The command lines that install a peer into its folder. */
const installs: Readonly<Record<Peer["registry"], (peer: Peer, folder: string) => string[][]>> = {
  npm({ source, version }, folder) {
    writeFileSync(join(folder, "package.json"), '{"private":true}');
    return [[
      ...["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts"],
      `${source}@${version}`,
    ]];
  },
  go: ({ source, version }) => [["go", "install", `${source}@${version}`]],
  pypi: ({ source, version }, folder) => [
    ["python3", "-m", "venv", folder],
    [join(folder, "bin", "pip"), "install", "--quiet", `${source}==${version}`],
  ],
};

/** Installs a peer if needed; returns the start of its command line, or why it is missing. */
function install(peer: Peer): { command: string[] } | { reason: string } {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "mcp-wrapper-bench", `${peer.name}@${peer.version}`);
  const program = join(folder, peer.program);
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    for (const [first = "", ...args] of installs[peer.registry](peer, folder)) {
      const { status, stderr, error } = spawnSync(first, args, {
        encoding: "utf8",
        timeout: installMsMax,
        env: { ...process.env, GOBIN: folder },
      });
      const said = stderr?.trim().split("\n")[0] ?? "";
      if (status !== 0) return { reason: error?.message ?? said };
    }
    if (!existsSync(program)) return { reason: `no program ${program}` };
  }
  return { command: peer.registry === "npm" ? ["node", program] : [program] };
}

/** A port that was free a moment ago: these programs cannot let the system choose one. */
async function freePort(): Promise<number> {
  const server = createServer();
  const listening = new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await within("a free port", listening);
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Whether a session can be opened. */
async function answers(endpoint: Endpoint): Promise<true | undefined> {
  try {
    await endSession(await within("a session", openSession(endpoint, 0), startMsMax));
    return true;
  } catch {
    return undefined;
  }
}

/** A peer that runs. */
export interface RunningPeer {
  readonly pid: number;
  readonly port: number;
  readonly endpoint: Endpoint;
  /** Starts it again on the same port, after its end. */
  restart(): Promise<void>;
  /** `kill -9`; its servers end when their stdin does. */
  kill9(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** Starts an installed peer in front of a server, and waits until it opens sessions. */
async function startInstalled(
  peer: Peer,
  command: readonly string[],
  server: readonly string[],
): Promise<RunningPeer> {
  const { name, endpoint: { path, transport, toolPrefix } } = peer;
  const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-peer-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const port = await freePort();
  const endpoint = { url: `http://127.0.0.1:${port}${path}`, transport, toolPrefix };
  const start = async () => {
    const program = startProgram({
      title: name,
      command: [...command, ...peer.args({ port, server, folder })],
      isQuiet: true,
      env: { XDG_STATE_HOME: folder },
    });
    await untilIt(name, program, () => answers(endpoint));
    return program;
  };
  try {
    let program = await start();
    return {
      get pid() {
        return program.pid;
      },
      port,
      endpoint,
      async restart() {
        program = await start();
      },
      kill9: () => program.close(),
      close: once(() => program.close().finally(remove)),
    };
  } catch (thrown) {
    remove();
    throw thrown;
  }
}

/** Installs a peer if needed and starts it in front of a server; throws if it cannot. */
export async function startPeer(name: string, server: readonly string[]): Promise<RunningPeer> {
  const peer = peers.find((one) => one.name === name);
  if (peer === undefined) {
    const known = peers.map((one) => one.name).join(", ");
    throw new Error(`Cannot use the program "${name}": expected ${known}`);
  }
  const installed = install(peer);
  if ("command" in installed) return await startInstalled(peer, installed.command, server);
  throw new Error(`Cannot install ${name}: ${installed.reason}`);
}

function toSide(peer: Peer, command: readonly string[], launcher: readonly string[]): Side {
  return {
    name: peer.name,
    runtime: "other",
    rows: peer.rows,
    async start() {
      const { command: server, args } = echoCommand("echo");
      const { pid, endpoint, close } = await startInstalled(
        peer,
        [...launcher, ...command],
        [server, ...args],
      );
      return { pid, endpoint: () => endpoint, close };
    },
  };
}

/** The sides of these peers; one that cannot be installed is left out, and the output says why. */
export function openPeerSides(names: readonly string[], launcher: readonly string[]): Side[] {
  return peers.filter(({ name }) => names.includes(name)).flatMap((peer) => {
    const installed = install(peer);
    if ("command" in installed) return [toSide(peer, installed.command, launcher)];
    console.log(`Without ${peer.name}: cannot install it: ${installed.reason}`);
    return [];
  });
}
