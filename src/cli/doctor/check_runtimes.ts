/** The runtimes on this machine: the one of the gateway, and those that servers are run with. */
import { findProgram } from "../../config/find_program.ts";
import { isOfKind } from "../../config/server_kind.ts";
import type { StdioServerConfig } from "../../config/config.ts";
import { defaultLimits } from "../../limits.ts";
import { isProgram } from "../start/login_path.ts";
import { type Examination, type Finding, fine, warning } from "./finding.ts";

/** A runtime, the oldest version that works, and the programs that need it. */
interface RuntimeRow {
  readonly program: string;
  readonly least: readonly [number, number];
  readonly usedBy: readonly string[];
  readonly install: string;
}

const rows: readonly RuntimeRow[] = [
  {
    program: "node",
    least: [22, 13],
    usedBy: ["npx", "node", "npm"],
    install: "install Node.js 22.13 or later",
  },
  { program: "bun", least: [1, 3], usedBy: ["bunx", "bun"], install: "update Bun: bun upgrade" },
  { program: "deno", least: [2, 5], usedBy: ["deno"], install: "update Deno: deno upgrade" },
];

/** Looks for each runtime on the PATH of servers. */
export async function checkRuntimes(examination: Examination): Promise<Finding[]> {
  const { context: { platform: { runtime } }, servers } = examination;
  const commands = new Set(
    servers.flatMap((server) =>
      isOfKind<StdioServerConfig>(server, "stdio") ? [server.command] : []
    ),
  );
  const found = await Promise.all(rows.map((row) => checkRuntime(examination, row, commands)));
  return [fine(`This command runs on ${runtime.name}`), ...found.flat()];
}

async function checkRuntime(
  { context: { platform: { system }, env } }: Examination,
  { program, least, usedBy, install }: RuntimeRow,
  commands: ReadonlySet<string>,
): Promise<Finding[]> {
  const isUsed = usedBy.some((name) => commands.has(name));
  if (system.platform === "win32") return [];
  const path = findProgram(program, env["PATH"] ?? "", (one) => isProgram(one, system));
  if (path === undefined) {
    return isUsed ? [warning(`${program} is not on PATH, and servers need it`, install)] : [];
  }
  const outcome = await system.run(path, {
    args: ["--version"],
    env,
    withinMs: defaultLimits.helloMs,
    outputBytesMax: defaultLimits.loginShellBytesMax,
  }).catch(() => undefined);
  const version = /(\d+)\.(\d+)\.\d+\S*/.exec(outcome?.stdout ?? "");
  if (version === null) {
    return [warning(`${path} does not say its version`, `run ${path} --version`)];
  }
  const [text, major, minor] = version;
  const isOld = Number(major) < least[0] ||
    (Number(major) === least[0] && Number(minor) < least[1]);
  return isOld
    ? [warning(`${path} is version ${text}, older than ${least.join(".")}`, install)]
    : [fine(`${program} ${text} (${path})`)];
}
