/**
 * Runs the official suite's scenarios for clients against the gateway: the suite is the server, the
 * gateway speaks to it, and client_driver.ts stands behind the gateway. Only scenarios that are about
 * a relay are run, and those about authorization for which client_auth_settings.ts has settings.
 * `MCP_TEST_RUNTIME` picks the gateway's runtime; `--only NAME` runs one scenario.
 */
import process from "node:process";
import { gatewayRuntime, programCommand, thisRuntime } from "../support/spawn_gateway.ts";
import { settledScenarios } from "./client_auth_settings.ts";
import { createSuite } from "./suite.ts";

const anyRevision = "any revision";

const scenarios: Readonly<Record<string, readonly string[]>> = {
  "2025-11-25": ["initialize", "tools_call", "sse-retry", "json-schema-2020-12-preservation"],
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
  // Extensions belong to no revision: the suite takes its latest.
  [anyRevision]: settledScenarios,
};

const onlyAt = process.argv.indexOf("--only");
const only = onlyAt < 0 ? undefined : process.argv[onlyAt + 1];
const { command, args } = programCommand("test/conformance/client_driver.ts", [], thisRuntime);
const driver = [command, ...args].join(" ");
const suite = createSuite();
const total = { passed: 0, failed: 0 };
for (const [revision, names] of Object.entries(scenarios)) {
  for (const name of names) {
    if (only !== undefined && only !== name) continue;
    const spoken = revision === anyRevision ? [] : ["--spec-version", revision];
    const { scenarios: [seen], output } = await suite(
      ["client", "--command", driver, "--scenario", name, ...spoken],
    );
    // Toward clients the suite counts a warning, a time-out and a failed driver as failures, too.
    const ok = seen?.ok === true && seen.warnings.length === 0 &&
      !/CLIENT (?:TIMED OUT|EXITED WITH ERROR)/.test(output);
    total[ok ? "passed" : "failed"] += 1;
    console.log(`${ok ? "ok" : "FAILED"}  ${name}, ${revision}, gateway on ${gatewayRuntime}`);
    if (!ok) console.log(output);
  }
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
