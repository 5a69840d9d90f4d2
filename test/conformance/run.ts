/**
 * Runs the official conformance suite against the gateway, with the fixture behind it, twice: cold
 * (every process starts during the run) and against what the first run left warm. All scored
 * scenarios of the revision must pass; the unscored ones are reported. The suite needs Node 22 and
 * lives outside the project. `MCP_TEST_RUNTIME` picks the gateway's runtime.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cacheDirectory } from "../support/python.ts";
import {
  gatewayRuntime,
  programCommand,
  spawnGateway,
  thisRuntime,
} from "../support/spawn_gateway.ts";

const suite = "@modelcontextprotocol/conformance@0.2.0-alpha.12";
const node = "node@22.23.3";
const revision = "2025-11-25";
const scoredCount = 30;
const runMsMax = 3 * 60_000;

const installed = (name: string) => join(cacheDirectory, "node_modules", ".bin", name);

/** Installs a package into the folder outside the project, unless its program is there. */
function provide(packageName: string, program: string): string {
  const path = installed(program);
  if (existsSync(path)) return path;
  mkdirSync(cacheDirectory, { recursive: true });
  const args = ["install", "--no-audit", "--no-fund", "--prefix", cacheDirectory, packageName];
  const done = spawnSync("npm", args, { encoding: "utf8", cwd: cacheDirectory });
  if (!existsSync(path)) throw new Error(`Cannot install ${packageName}: ${done.stderr}`);
  return path;
}

/** A Node that is new enough for the suite. */
function provideNode(): string {
  const version = spawnSync("node", ["--version"], { encoding: "utf8" }).stdout ?? "";
  return Number(/^v(\d+)/.exec(version)?.[1]) >= 22 ? "node" : provide(node, "node");
}

/** The suite's summary: which scenarios passed, which did not. */
interface Summary {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/** Reads the suite's output: the summary, less what it says is not scored. */
function summaryOf(output: string): Summary {
  const summary = output.slice(output.lastIndexOf("=== SUMMARY ==="));
  const [scoredPart = "", unscoredPart = ""] = summary.split(/^Not scored for /m);
  const unscored = new Set(
    [...unscoredPart.matchAll(/^\s*[✓✗] ([\w-]+)/gm)].map((found) => found[1]),
  );
  const rows = [...scoredPart.matchAll(/^([✓✗]) ([\w-]+): (\d+) passed, (\d+) failed/gm)]
    .map(([, , name = "", passes, failures]) => ({
      name,
      ok: Number(passes) > 0 && Number(failures) === 0,
    }))
    .filter(({ name }) => !unscored.has(name));
  return {
    passed: rows.filter(({ ok }) => ok).map(({ name }) => name),
    failed: rows.filter(({ ok }) => !ok).map(({ name }) => name),
  };
}

function runSuite(nodePath: string, suitePath: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = [suitePath, "server", "--url", url, "--requirements", revision];
    const child = spawn(nodePath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), runMsMax);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => output += chunk);
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => output += chunk);
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(timer);
      resolve(output);
    });
  });
}

/** One run; a scored scenario that is missing from the output counts as failed. */
async function runOnce(label: string, nodePath: string, suitePath: string, url: string) {
  const output = await runSuite(nodePath, suitePath, url);
  const { passed, failed } = summaryOf(output);
  const missing = Math.max(0, scoredCount - passed.length - failed.length);
  console.log(`${label}: ${passed.length} of ${scoredCount}`);
  if (failed.length + missing > 0) console.log(output);
  for (const name of failed) console.log(`  failed: ${name}`);
  const unscored = output.split(/^Not scored for /m)[1]?.trim();
  if (unscored !== undefined) console.log(`  not scored: ${unscored.replaceAll("\n", "\n  ")}`);
  return { passed: passed.length, failed: failed.length + missing };
}

const nodePath = provideNode();
const suitePath = provide(suite, "conformance");
const gateway = await spawnGateway({
  env: { MCP_HOST: "localhost" },
  servers: { fixture: programCommand("test/conformance/fixture_stdio.ts", [], thisRuntime) },
});
const url = `http://localhost:${gateway.port}/servers/fixture/mcp`;
const total = { passed: 0, failed: 0 };
try {
  for (const label of ["cold", "warm"]) {
    const counts = await runOnce(
      `${label}, gateway on ${gatewayRuntime}`,
      nodePath,
      suitePath,
      url,
    );
    total.passed += counts.passed;
    total.failed += counts.failed;
  }
  if (total.failed > 0) console.log(`The gateway's log:\n${gateway.log()}`);
} finally {
  await gateway.dispose();
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
