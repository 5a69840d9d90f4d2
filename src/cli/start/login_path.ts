/**
 * PATH where the process lacks what the login shell has: a gateway that a graphical program or a
 * service starts finds no program that was installed for one account. The shell is asked once, only
 * if that may help a server, and never where other machines can reach the gateway.
 */
import { type Clock, systemClock, withDeadline } from "../../clock.ts";
import { buildEnvironment } from "../../config/child_environment.ts";
import type { GatewayConfig, ServerConfig, StdioServerConfig } from "../../config/config.ts";
import { findProgram, isSystemPath, splitPath } from "../../config/find_program.ts";
import { isLoopback } from "../../config/loopback.ts";
import { noDirectory } from "../../config/places.ts";
import { isOfKind } from "../../config/server_kind.ts";
import { defaultLimits, msPerSecond } from "../../limits.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { System } from "../../runtime/system.ts";
import type { Platform } from "../platform.ts";

/** What became of PATH. */
export interface LoginPath {
  /** The PATH for servers; undefined: that of the process. */
  readonly path?: string;
  /** A sentence for the log. */
  readonly note?: { readonly level: "info" | "warn"; readonly text: string };
}

type Variables = Readonly<Record<string, string>>;

/** How each shell reads the files of a login, by its name. */
const shells: Readonly<Record<string, readonly string[]>> = {
  bash: ["-l", "-i", "-c"],
  zsh: ["-l", "-i", "-c"],
  fish: ["-l", "-i", "-c"],
  sh: ["-l", "-c"],
  dash: ["-l", "-c"],
  ash: ["-l", "-c"],
  ksh: ["-l", "-c"],
  mksh: ["-l", "-c"],
};

/** The places of a shell's own files. */
const shellVariables = ["ZDOTDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"];

/** Asks the login shell if that may help. Never rejects. */
export async function findLoginPath(
  platform: Platform,
  env: Variables,
  config: Pick<GatewayConfig, "host" | "servers" | "dataDirectory">,
): Promise<LoginPath> {
  const { runtime, system } = platform;
  const shell = env["SHELL"] ?? "";
  const args = shells[shell.slice(shell.lastIndexOf("/") + 1)];
  const own = env["PATH"] ?? "";
  if (system.platform === "win32" || !isLoopback(config.host) || hasTerminal(system)) return {};
  if (!shell.startsWith("/") || args === undefined || !mayHelp(platform, own, config)) return {};
  const answer = await askShell(runtime, systemClock, { shell, args, env });
  if ("problem" in answer) {
    const text = `Cannot read the PATH of the login shell ${shell}: ${answer.problem}; ` +
      "programs of servers are looked up in the PATH of this process";
    return { note: { level: "warn", text } };
  }
  const login = splitPath(answer.path);
  const lacking = login.filter((folder) => !splitPath(own).includes(folder));
  if (lacking.length === 0) return {};
  const path = [...login, ...splitPath(own).filter((folder) => !login.includes(folder))].join(":");
  const text =
    `Uses the PATH of the login shell ${shell} for servers: that of this process lacks ` +
    lacking.slice(0, shownMax).join(", ") +
    (lacking.length > shownMax ? ` and ${lacking.length - shownMax} more` : "");
  return { path, note: { level: "info", text } };
}

/** Folders that one line of the log names. */
const shownMax = 10;

/** A program that a person starts in a terminal has the PATH of that terminal's shell. */
function hasTerminal(system: System): boolean {
  return system.isTerminal("stdin") || system.isTerminal("stdout") || system.isTerminal("stderr");
}

function mayHelp(
  { runtime, system }: Platform,
  path: string,
  { servers, dataDirectory }: Pick<GatewayConfig, "servers" | "dataDirectory">,
): boolean {
  const commands = servers.filter(isBare);
  if (commands.some((server) => !isFound(server, system))) return true;
  // The registry, in the database, may have more of them.
  const mayHaveMore = dataDirectory !== noDirectory &&
    runtime.exists(`${dataDirectory}/mcp-wrapper.db`);
  return (commands.length > 0 || mayHaveMore) && isSystemPath(path);
}

/** Whether PATH decides which program a server is. */
function isBare(server: ServerConfig): server is StdioServerConfig {
  return isOfKind<StdioServerConfig>(server, "stdio") && !server.command.includes("/");
}

/** Whether the program of a server is on its PATH. */
export function isFound({ command, environment }: StdioServerConfig, system: System): boolean {
  return findProgram(command, environment["PATH"] ?? "", (path) => isProgram(path, system)) !==
    undefined;
}

const executable = 0o111;

/** Whether a file can be run. */
export function isProgram(path: string, system: System): boolean {
  try {
    const facts = system.describe(path);
    return facts?.kind === "file" && (facts.mode & executable) !== 0;
  } catch {
    return false;
  }
}

/** How a shell is asked. */
interface ShellCall {
  readonly shell: string;
  readonly args: readonly string[];
  readonly env: Variables;
}

/** What a shell answers: its PATH between two marks, since its files may print anything around it. */
async function askShell(
  runtime: Runtime,
  clock: Clock,
  { shell, args, env }: ShellCall,
): Promise<{ readonly path: string } | { readonly problem: string }> {
  const { loginShellMs, loginShellBytesMax, stopMs } = defaultLimits;
  const mark = `path-${crypto.randomUUID()}`;
  const script = `printf %s ${mark}; printenv PATH; printf %s ${mark}`;
  const environment = buildEnvironment(env, shellVariables, new Map([["TERM", "dumb"]]));
  try {
    const child = runtime.spawn({ command: shell, args: [...args, script], env: environment });
    child.stdin.close();
    void child.stderr.pipeTo(new WritableStream()).catch(() => {});
    const kill = () => void runtime.signalGroup(child.pid, "SIGKILL");
    const late = { problem: `no answer in ${loginShellMs / msPerSecond} s` };
    const answer = await withDeadline(
      clock,
      loginShellMs,
      readAnswer(child.stdout, mark, loginShellBytesMax),
      () => late,
    );
    // The answer is here before the shell has ended; what its files started in the background stays.
    if ("path" in answer) void withDeadline(clock, stopMs, child.exited.then(() => {}), kill);
    else kill();
    return answer;
  } catch (fault) {
    return { problem: fault instanceof Error ? fault.message : String(fault) };
  }
}

async function readAnswer(
  output: ReadableStream<Uint8Array>,
  mark: string,
  bytesMax: number,
): Promise<{ readonly path: string } | { readonly problem: string }> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of output) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) return { problem: "its files print too much" };
    text += decoder.decode(chunk, { stream: true });
    const [, found = "", ...rest] = text.split(mark);
    const path = found.trim();
    if (rest.length > 0) return path === "" ? { problem: "it names none" } : { path };
  }
  return { problem: "it ended without an answer" };
}
