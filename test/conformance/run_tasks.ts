/**
 * Runs the official suite's scenarios about the Tasks extension through the gateway: in front of a
 * server on stdio and of one on HTTP. `MCP_TEST_RUNTIME` picks the gateway's runtime, `--direct` asks
 * the server itself, without a gateway, and `--only NAME` runs one scenario.
 */
import process from "node:process";
import { gatewayRuntime, programCommand, spawnGateway } from "../support/spawn_gateway.ts";
import { startHttpProgram } from "./start_fixture.ts";
import { createSuite } from "./suite.ts";

const revision = "2026-07-28";
const fixture = "test/conformance/fixture_tasks.ts";

const scenarios = [
  "tasks-lifecycle",
  "tasks-capability-negotiation",
  "tasks-wire-fields",
  "tasks-request-state-removal",
  "tasks-mrtr-input",
  "tasks-request-headers",
  "tasks-dispatch-and-envelope",
  "tasks-status-notifications",
  "tasks-required-task-error",
  "tasks-mrtr-composition",
];

/** The suite skips every check of these: they pass when none fails. */
const skipped: ReadonlySet<string> = new Set(["tasks-status-notifications"]);

const onlyAt = process.argv.indexOf("--only");
const only = onlyAt < 0 ? undefined : process.argv[onlyAt + 1];
const suite = createSuite();
const total = { passed: 0, failed: 0 };

async function runAll(label: string, url: string): Promise<void> {
  for (const name of scenarios) {
    if (only !== undefined && only !== name) continue;
    const { scenarios: [seen], output } = await suite(
      ["server", "--url", url, "--scenario", name, "--force", "--spec-version", revision],
    );
    const ok = seen !== undefined && (seen.ok || (skipped.has(name) && seen.faults.length === 0));
    total[ok ? "passed" : "failed"] += 1;
    console.log(`${ok ? "ok" : "FAILED"}  ${name}, ${label}`);
    for (const fault of seen?.faults ?? []) console.log(`    ${fault}`);
    for (const id of seen?.warnings ?? []) console.log(`  advised, not met: ${id}`);
    if (!ok) console.log(output);
  }
}

const { url, child } = await startHttpProgram(fixture, ["--http"]);
try {
  if (process.argv.includes("--direct")) {
    await runAll("the server itself", url);
  } else {
    // The transport below the server matters little here: both are tried where there is time.
    const servers = process.env["MCP_TEST_ALL"] === "true"
      ? { http: { url }, stdio: programCommand(fixture) }
      : { http: { url } };
    const gateway = await spawnGateway({ env: { MCP_HOST: "localhost" }, servers });
    try {
      for (const name of Object.keys(servers)) {
        const label = `over ${name}, gateway on ${gatewayRuntime}`;
        await runAll(label, `http://localhost:${gateway.port}/servers/${name}/mcp`);
      }
      if (total.failed > 0) console.log(`The gateway's log:\n${gateway.log()}`);
    } finally {
      await gateway.dispose();
    }
  }
} finally {
  child.kill("SIGKILL");
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
