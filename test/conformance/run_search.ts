/**
 * Runs the official suite against the surface whose tools are found by a search: both sets of
 * requirements, in front of a server that speaks both eras. Names on that surface are not those of
 * the suite's fixture, so all scenarios count that ask for no tool and no prompt by its name; they
 * must pass. `MCP_TEST_RUNTIME` picks the gateway's runtime.
 */
import process from "node:process";
import { gatewayRuntime, programCommand, spawnGateway } from "../support/spawn_gateway.ts";
import { createSuite, type Scenario } from "./suite.ts";

const requirements = [
  // How many scenarios count: one that is missing has not run.
  { revision: "2025-11-25", counted: 14 },
  { revision: "2026-07-28", counted: 12 },
];

/** Scenarios that call a tool or get a prompt by a name that the suite knows. */
const byName = new RegExp(
  "^(?:tools-call-|prompts-get-|completion-|elicitation-|input-required-result-|tasks-" +
    "|json-schema-|server-sse-polling|http-custom-header-)",
);

/** What a check says that wants a tool of the suite's own. */
const wantsTool = /: Not testable: server does not list the diagnostic tool /;

const passes = ({ ok, faults }: Scenario): boolean =>
  ok || (faults.length > 0 && faults.every((fault) => wantsTool.test(fault)));

const suite = createSuite();
const total = { passed: 0, failed: 0 };
const fixture = programCommand("test/conformance/fixture_stdio.ts", ["--era", "dual"]);
const gateway = await spawnGateway({ env: { MCP_HOST: "localhost" }, servers: { all: fixture } });
try {
  const url = `http://localhost:${gateway.port}/search/mcp`;
  for (const { revision, counted } of requirements) {
    const { scenarios, output } = await suite(["server", "--url", url, "--requirements", revision]);
    const asked = scenarios.filter(({ name }) => !byName.test(name));
    const passed = asked.filter(passes);
    console.log(`${revision}, gateway on ${gatewayRuntime}: ${passed.length} of ${counted}`);
    for (const { name, faults, warnings } of asked.filter((one) => !passes(one))) {
      console.log(`  failed: ${name}`);
      for (const fault of faults) console.log(`    ${fault}`);
      for (const id of warnings) console.log(`  advised, not met: ${name}: ${id}`);
    }
    if (scenarios.length === 0) console.log(output);
    total.passed += passed.length;
    total.failed += Math.max(counted, asked.length) - passed.length;
  }
  if (total.failed > 0) console.log(`The gateway's log:\n${gateway.log()}`);
} finally {
  await gateway.dispose();
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
