/**
 * The programs under measurement: the bare proxy and the gateway, of this tree or of another, each
 * started directly under the same runtime and in front of the same servers.
 */
import { spawn } from "node:child_process";
import { sendSignal } from "../../test/support/processes.ts";
import { programCommand, spawnGateway } from "../../test/support/spawn_gateway.ts";
import { startMsMax, within } from "../../test/support/wait.ts";

/** Which servers stand behind a target. */
export type ServerSet = "one" | "three" | "own";

/** A running target. */
export interface Target {
  /** Its MCP endpoint. */
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** One column of the comparison; it starts a target for each set of servers that is needed. */
export interface Side {
  readonly name: string;
  start(servers: ServerSet): Promise<Target>;
}

/** Names of the servers in each set, and whether sessions share their process. */
const serverSets: Readonly<
  Record<ServerSet, { names: readonly string[]; isolation: "shared" | "session" }>
> = {
  one: { names: ["echo"], isolation: "shared" },
  three: { names: ["one", "two", "three"], isolation: "shared" },
  own: { names: ["echo"], isolation: "session" },
};

/** The names of the servers in a set. */
export const serverNames = (servers: ServerSet): readonly string[] => serverSets[servers].names;

/** The second close is the first one: by then the process's id may be another's. */
function once(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => closed ??= close();
}

const commandOf = (name: string) =>
  programCommand("bench/support/echo_server.ts", [`--name=${name}`]);

/** The proxy that does nothing but rewrite ids. */
export function createBareSide(launcher: readonly string[]): Side {
  return { name: "bare", start: (servers) => startBare(servers, launcher) };
}

async function startBare(servers: ServerSet, launcher: readonly string[]): Promise<Target> {
  const commands = serverNames(servers).map((name) => {
    const { command, args } = commandOf(name);
    return [name, [command, ...args]] as const;
  });
  const { command, args } = programCommand("bench/support/bare_proxy.ts", [
    JSON.stringify(Object.fromEntries(commands)),
  ]);
  const [first = command, ...others] = [...launcher, command, ...args];
  const child = spawn(first, others, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const close = once(async () => {
    // Its servers end when their stdin does.
    sendSignal(child.pid, "SIGKILL");
    await within("the bare proxy to end", ended);
  });
  const listening = new Promise<string>((resolve, reject) => {
    ended.then(() => reject(new Error("The bare proxy ended at its start")));
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const found = /PORT (\d+)\n/.exec(text);
      if (found !== null) resolve(found[1] ?? "");
    });
  });
  try {
    const port = await within("the bare proxy's port", listening, startMsMax);
    return { url: `http://127.0.0.1:${port}/mcp`, pid: child.pid ?? -1, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** The gateway of the tree in `root`, with this tree's servers behind it. */
export function createGatewaySide(
  name: string,
  launcher: readonly string[],
  root?: string,
): Side {
  return {
    name,
    async start(servers) {
      const { names, isolation } = serverSets[servers];
      const configured = names.map((server) => [server, { ...commandOf(server), isolation }]);
      const gateway = await spawnGateway({
        servers: Object.fromEntries(configured),
        launcher,
        ...(root !== undefined && { root }),
      });
      return { url: `${gateway.url}/mcp`, pid: gateway.pid, close: once(() => gateway.dispose()) };
    },
  };
}
