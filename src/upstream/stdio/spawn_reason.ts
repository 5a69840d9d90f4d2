/**
 * Why a program could not be started, for callers: which key of its configuration is wrong and what
 * to do, but never the command line, an argument or a path. The operator's log has the system's own
 * text.
 */
import type { StdioServerConfig } from "../../config/config.ts";
import type { SpawnFault } from "../../runtime/runtime.ts";

/** The reason of a failed spawn. */
export function toSpawnReason(
  { code, folderMissing }: Pick<SpawnFault, "code" | "folderMissing">,
  { command }: Pick<StdioServerConfig, "command">,
): string {
  if (folderMissing) return 'the directory in its "cwd" does not exist; correct or create it';
  if (isNowhere.has(code) && /\s/.test(command.trim())) {
    return '"command" must name one program, not a command line; ' +
      'move what follows the program to "args"';
  }
  return reasons[code]?.(command) ?? `the system refused to start it (${code})`;
}

/** No program has this name. */
const isNowhere: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);

const reasons: Readonly<Record<string, (command: string) => string>> = {
  ENOENT: notFound,
  ENOTDIR: notFound,
  EACCES: (command) => `${nameOf(command)} is not executable; check its permissions`,
  EINVAL: (command) =>
    `an argument cannot be passed to ${nameOf(command)}; remove line breaks from its "args"`,
  E2BIG: (command) => `the command line of ${nameOf(command)} is too long; shorten its "args"`,
  ENOEXEC: (command) =>
    `${nameOf(command)} is not a program; its first line may lack the interpreter`,
};

function notFound(command: string): string {
  if (/[\\/]/.test(command)) {
    return `${nameOf(command)} does not exist at the path in its "command"; correct the path`;
  }
  const install = suppliers.find(([programs]) => programs.includes(command))?.[1] ?? "install it";
  return `${nameOf(command)} is not on PATH; ${install} or set "command" to its full path`;
}

/** How to install the programs that commonly start servers. */
const suppliers: readonly (readonly [readonly string[], string])[] = [
  [["npx", "npm", "node"], "install Node.js"],
  [["uvx", "uv"], "install uv"],
  [["bun", "bunx"], "install Bun"],
  [["deno"], "install Deno"],
  [["python", "python3"], "install Python"],
  [["docker"], "install Docker"],
];

/** The last part of a path; a text that is no plain name may contain anything. */
function nameOf(command: string): string {
  const name = command.split(/[\\/]/).at(-1) ?? "";
  return /^[\w.@+-]{1,64}$/.test(name) ? `program "${name}"` : "the program";
}
