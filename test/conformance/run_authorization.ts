/**
 * Runs the official suite's scenarios for authorization servers against the gateway, in each
 * revision. The suite is the client and prints a URL; a person with a browser, who is played here,
 * logs in there and agrees. `MCP_TEST_RUNTIME` picks the gateway's runtime.
 */
import process from "node:process";
import { freePort } from "../support/free_port.ts";
import { followAuthorization } from "../support/oauth_person.ts";
import { person, spawnOAuthGateway } from "../support/oauth_real.ts";
import { gatewayRuntime } from "../support/spawn_gateway.ts";
import { createSuite } from "./suite.ts";

const revisions = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
const scenarios = ["authorization-server-metadata-endpoint", "authorization-code-grant"];
const client = "conformance";

const callbackPort = await freePort();
const settings = {
  clients: [{
    id: client,
    name: "The official suite",
    redirectUris: [`http://127.0.0.1:${callbackPort}/callback`],
  }],
};

const gateway = await spawnOAuthGateway({ settings });
const total = { passed: 0, failed: 0 };
try {
  const issuer = `http://localhost:${gateway.port}`;
  const suite = createSuite();
  for (const revision of revisions) {
    let redirected: Promise<unknown> | undefined;
    const args = ["authorization", "--url", issuer, "--client-id", client];
    const more = ["--port", String(callbackPort), "--resource", `${issuer}/mcp`];
    const { scenarios: seen, output } = await suite(
      [...args, ...more, "--spec-version", revision],
      (text) => {
        const url = /^http:\S+\/oauth\/authorize\?\S+$/m.exec(text)?.[0];
        if (url !== undefined) redirected ??= followAuthorization(url, person).then(fetch);
      },
    );
    await redirected?.catch((fault: unknown) => console.log(`The person: ${fault}`));
    for (const name of scenarios) {
      const one = seen.find((scenario) => scenario.name === name);
      const ok = one?.ok === true && one.warnings.length === 0;
      total[ok ? "passed" : "failed"] += 1;
      console.log(`${ok ? "ok" : "FAILED"}  ${name}, ${revision}, gateway on ${gatewayRuntime}`);
      for (const fault of one?.faults ?? []) console.log(`  ${fault}`);
      for (const warning of one?.warnings ?? []) console.log(`  warning: ${warning}`);
    }
    if (seen.length < scenarios.length) console.log(output);
  }
  if (total.failed > 0) console.log(`The gateway's log:\n${gateway.log()}`);
} finally {
  await gateway.dispose();
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
