/**
 * Everything that CI checks, in order: format, lint, types, the suite on Bun, the same suite on
 * Deno, and the official conformance suite, alone, on both. `--static` stops after the types. A step
 * that passes says so in one line; one that fails shows its output. The last line is the sum.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { type Counts, countsOfJunit, countsOfText } from "./support/test_report.ts";

/** The version that is fetched, outside the project, where no `deno` is installed. */
const denoVersion = "2.9.6";
const stepMsMax = 8 * 60_000;
const root = dirname(import.meta.dirname);
const reports = mkdtempSync(join(tmpdir(), "mcp-wrapper-check-"));
const environment: Record<string, string | undefined> = {
  ...process.env,
  CI: "true",
  NO_COLOR: "1",
  DENO_NO_UPDATE_CHECK: "1",
};

/** What one command did. */
interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** One thing to check. Without `count` it counts as one test. */
interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly count?: (outcome: Outcome) => Counts | undefined;
}

function run(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return new Promise<Outcome>((resolve) => {
    const [program = "", ...args] = command;
    const child = spawn(program, args, {
      cwd: root,
      env: { ...environment, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output: string[] = [];
    const timer = setTimeout(() => {
      output.push(`\nGave up after ${stepMsMax / 60_000} minutes\n`);
      child.kill("SIGKILL");
    }, stepMsMax);
    const end = (ok: boolean) => {
      clearTimeout(timer);
      resolve({ ok, output: output.join("") });
    };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => output.push(chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => output.push(chunk));
    child.once("error", (error) => {
      output.push(String(error));
      end(false);
    });
    child.once("exit", (code) => end(code === 0));
  });
}

/** Puts Deno on the PATH of all steps; npm brings one where none is installed. */
function provideDeno(): void {
  if (spawnSync("deno", ["--version"], { stdio: "ignore" }).status === 0) return;
  console.log(`No deno on PATH: using deno@${denoVersion} from npm`);
  const found = spawnSync(
    "npx",
    ["-y", `deno@${denoVersion}`, "eval", "console.log(Deno.execPath())"],
    { cwd: tmpdir(), encoding: "utf8" },
  );
  const path = found.stdout?.trim().split("\n").at(-1);
  if (found.status !== 0 || !path) {
    console.error(`Cannot get Deno: install it (npm install --global deno@${denoVersion})`);
    console.error(found.stderr);
    process.exit(1);
  }
  environment["PATH"] = `${dirname(path)}${delimiter}${process.env["PATH"]}`;
}

const tsc = [process.execPath, join(root, "node_modules", ".bin", "tsc"), "--project"];

const staticSteps: readonly Step[] = [
  { name: "format", command: ["deno", "fmt", "--check"] },
  { name: "lint", command: ["deno", "lint"] },
  { name: "types of the core", command: [...tsc, "."] },
  { name: "types of the Bun side", command: [...tsc, "src/runtime"] },
  { name: "types of the Deno side", command: ["deno", "check", "src/main/deno.ts"] },
  { name: "types of tests and benchmarks", command: [...tsc, "test"] },
];

const bunReport = join(reports, "bun.xml");
const denoReport = join(reports, "deno.xml");

function readReport(path: string): Counts | undefined {
  try {
    return countsOfJunit(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** The official suite as the gateway's client in front, and as its server behind. */
const conformance = (name: string, runtime: "bun" | "deno"): readonly Step[] =>
  [
    { role: "server", program: "test/conformance/run.ts" },
    { role: "client", program: "test/conformance/run_client.ts" },
  ].map(({ role, program }) => ({
    name: `official conformance suite, gateway on ${name} as ${role}`,
    command: [process.execPath, "--no-env-file", program],
    env: { MCP_TEST_RUNTIME: runtime },
    count: ({ output }) => countsOfText(output),
  }));

const testSteps: readonly Step[] = [
  {
    name: "tests on Bun",
    command: [
      ...[process.execPath, "--no-env-file", "test"],
      ...["--reporter=junit", `--reporter-outfile=${bunReport}`],
    ],
    count: () => readReport(bunReport),
  },
  {
    name: "tests on Deno",
    command: ["deno", "task", "test", `--junit-path=${denoReport}`],
    count: () => readReport(denoReport),
  },
  ...conformance("Bun", "bun"),
  ...conformance("Deno", "deno"),
];

/** Runs one step and says how it went. A failed command never counts as passed. */
async function check(step: Step): Promise<Counts> {
  const start = performance.now();
  const outcome = await run(step.command, step.env);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const counted = step.count?.(outcome);
  const passed = counted?.passed ?? (outcome.ok && step.count === undefined ? 1 : 0);
  const sound = outcome.ok && (step.count === undefined || passed > 0);
  const failed = Math.max(counted?.failed ?? 0, sound ? 0 : 1);
  const detail = step.count === undefined ? "" : `${passed} passed, ${failed} failed, `;
  if (failed > 0) console.log(outcome.output.trimEnd());
  console.log(`${failed > 0 ? "FAILED" : "ok"}  ${step.name} (${detail}${seconds} s)`);
  return { passed, failed };
}

async function main(): Promise<void> {
  const install = await run([process.execPath, "install", "--frozen-lockfile"]);
  if (!install.ok) {
    console.error(`${install.output}\nCannot install the dependencies of bun.lock`);
    process.exit(1);
  }
  provideDeno();
  const total = { passed: 0, failed: 0 };
  const steps = process.argv.includes("--static") ? staticSteps : [...staticSteps, ...testSteps];
  for (const step of steps) {
    const { passed, failed } = await check(step);
    total.passed += passed;
    total.failed += failed;
  }
  rmSync(reports, { recursive: true, force: true });
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

await main();
