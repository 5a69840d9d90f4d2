/**
 * The official conformance suite as a program: where it is, how one run is made, and what its checks
 * say. The suite needs Node 22 and lives outside the project. What runs against what is said by
 * run.ts (the gateway as a server), run_client.ts (as a client) and run_authorization.ts (as an
 * authorization server).
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { parse } from "yaml";
import { compileCache, provide, provideNode } from "../support/outside.ts";
import { testMsMax } from "../support/wait.ts";

const suitePackage = "@modelcontextprotocol/conformance@0.2.0-alpha.12";
const detailMax = 1_500;

/** One check of a scenario, as the suite writes it. */
interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
  readonly details?: unknown;
}

/** What a scenario came to. */
export interface Scenario {
  readonly name: string;
  readonly ok: boolean;
  /** The checks that were not met, in words. */
  readonly faults: readonly string[];
  /** What the suite advises but does not demand, by the checks' ids. */
  readonly warnings: readonly string[];
}

/** One run of the suite. */
export interface SuiteRun {
  readonly scenarios: readonly Scenario[];
  readonly output: string;
}

function inWords({ id, errorMessage, details }: Check): string {
  const shown = details === undefined ? "" : `\n      ${JSON.stringify(details)}`;
  return `${id}: ${errorMessage ?? "not met"}${shown.slice(0, detailMax)}`;
}

function scenarioOf(directory: string, name: string): Scenario {
  const checks = JSON.parse(readFileSync(join(directory, "checks.json"), "utf8")) as Check[];
  const having = (status: Check["status"]) => checks.filter((check) => check.status === status);
  const faults = having("FAILURE").map(inWords);
  return {
    name,
    ok: faults.length === 0 && having("SUCCESS").length > 0,
    faults,
    warnings: having("WARNING").map(({ id }) => id),
  };
}

function scenariosIn(directory: string, group = ""): Scenario[] {
  return readdirSync(directory, { withFileTypes: true }).sort((one, other) =>
    one.name < other.name ? -1 : 1
  ).flatMap((entry) => {
    const name = /^(?:authorization-server-|server-)?(.+?)-\d{4}-\d\d-\d\dT[\d-]+Z$/
      .exec(entry.name)?.[1];
    const path = join(directory, entry.name);
    if (name !== undefined && existsSync(join(path, "checks.json"))) {
      return [scenarioOf(path, `${group}${name}`)];
    }
    // The names of some scenarios have a slash.
    return entry.isDirectory() && name === undefined
      ? scenariosIn(path, `${group}${entry.name}/`)
      : [];
  });
}

/** The scenarios for clients that the suite scores in a revision, as it says itself. */
export function scoredForClients(revision: string): readonly string[] {
  const program = realpathSync(provide(suitePackage, "conformance"));
  const path = join(dirname(program), "..", "requirements", `${revision}.yaml`);
  const { client } = parse(readFileSync(path, "utf8")) as { client: string[] };
  return client;
}

/** Runs the suite with the arguments of its command line; `hear` gets its output as it comes. */
export type RunSuite = (
  args: readonly string[],
  hear?: (output: string) => void,
) => Promise<SuiteRun>;

/** These runs have a limit on time of their own. */
const untimed = "authorization";

/**
 * Makes a runner of the suite; it adds where results go and how long one scenario may take: a busy
 * machine must not reach that.
 */
export function createSuite(): RunSuite {
  const node = provideNode();
  const program = provide(suitePackage, "conformance");
  return (args, hear) =>
    new Promise((resolve, reject) => {
      const results = mkdtempSync(join(tmpdir(), "mcp-wrapper-conformance-"));
      const limit = args[0] === untimed ? [] : ["--timeout", String(testMsMax)];
      const options = [...limit, "--output-dir", results];
      const child = spawn(node, [program, ...args, ...options], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...compileCache },
      });
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        output += chunk;
        hear?.(output);
      });
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => output += chunk);
      child.once("error", reject);
      child.once("close", () => {
        try {
          resolve({ scenarios: scenariosIn(results), output });
        } catch (fault) {
          reject(fault);
        } finally {
          rmSync(results, { recursive: true, force: true });
        }
      });
    });
}
