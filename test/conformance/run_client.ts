/**
 * Runs the official suite's scenarios for clients against the gateway: the suite is the server, the
 * gateway speaks to it, and client_driver.ts stands behind the gateway. All scenarios that the suite
 * scores are run in their revisions, and those of its extensions.
 * `MCP_TEST_RUNTIME` picks the gateway's runtime; `--only NAME` runs one scenario, `--quarter N` one
 * of four parts, from 0 to 3.
 */
import process from "node:process";
import { gatewayRuntime, programCommand, thisRuntime } from "../support/spawn_gateway.ts";
import { authScenarios } from "./client_auth_settings.ts";
import { createSuite, scoredForClients } from "./suite.ts";

/** Those that are not about authorization. */
const relayed: Readonly<Record<string, readonly string[]>> = {
  "2025-11-25": [
    "initialize",
    "tools_call",
    "elicitation-sep1034-client-defaults",
    "sse-retry",
    "json-schema-2020-12-preservation",
  ],
  "2026-07-28": [
    "tools_call",
    "request-metadata",
    "sep-2322-client-request-state",
    "http-standard-headers",
    "http-custom-headers",
    "http-invalid-tool-headers",
    "json-schema-ref-no-deref",
    "json-schema-2020-12-preservation",
  ],
};

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const only = option("--only");
const quarter = option("--quarter");
const { command, args } = programCommand("test/conformance/client_driver.ts", [], thisRuntime);
const driver = [command, ...args].join(" ");
const suite = createSuite();
const total = { passed: 0, failed: 0 };

const all = [relayed, authScenarios].flatMap(Object.entries).flatMap(([revision, names]) =>
  names.map((name: string) => ({ revision, name }))
);

// What the suite scores and the tables lack is a failure: it would go unseen.
for (const revision of Object.keys(relayed)) {
  const isRun = (name: string) => all.some((one) => one.revision === revision && one.name === name);
  for (const name of scoredForClients(revision).filter((scored) => !isRun(scored))) {
    total.failed += 1;
    console.log(`FAILED  ${name}, ${revision}: the suite scores it, and it is not run`);
  }
}

async function run({ revision, name }: (typeof all)[number]): Promise<void> {
  // The suite chooses for scenarios of no revision.
  const spoken = revision === "" ? [] : ["--spec-version", revision];
  const { scenarios: [seen], output } = await suite(
    ["client", "--command", driver, "--scenario", name, ...spoken],
  );
  // Toward clients the suite counts a warning, a time-out and a failed driver as failures, too.
  const ok = seen?.ok === true && seen.warnings.length === 0 &&
    !/CLIENT (?:TIMED OUT|EXITED WITH ERROR)|Client exited with code/.test(output);
  total[ok ? "passed" : "failed"] += 1;
  const spokenName = revision === "" ? "any revision" : revision;
  console.log(`${ok ? "ok" : "FAILED"}  ${name}, ${spokenName}, gateway on ${gatewayRuntime}`);
  if (!ok) console.log(output);
}

/** Each mostly waits for three processes to start. */
const atOnce = 2;

/** Where there is little time, a log-in is played in the newest of its revisions alone. */
const isPlayed = ({ revision, name }: (typeof all)[number]) =>
  process.env["MCP_TEST_ALL"] === "true" || !name.startsWith("auth/") ||
  !all.some((other) => other.name === name && other.revision > revision);

const queue = all.filter((one) => only === undefined ? isPlayed(one) : one.name === only)
  .filter((_, place) => quarter === undefined || place % 4 === Number(quarter));

async function runNext(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) await run(next);
}

await Promise.all(Array.from({ length: atOnce }, runNext));
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
