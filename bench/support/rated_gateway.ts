/**
 * A gateway for the benchmark of fairness: a header names the principal, `greedy` has rates, and an
 * echo server over stdio keeps state, so that each session has a process. Prints its port.
 */
import process from "node:process";
import { createGateway } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { createTestRuntime } from "../../test/support/fake_runtime.ts";
import { createHeaderAuthenticator } from "../../test/support/header_authenticator.ts";
import { programCommand } from "../../test/support/spawn_gateway.ts";
import { listen } from "./listen.ts";

const servers = { echo: programCommand("bench/support/echo_server.ts", []) };
const { config } = await readConfig({
  kinds: upstreamKinds,
  env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
  cwd: process.cwd(),
  readText: () => Promise.resolve(JSON.stringify({ mcpServers: servers })),
});
const gateway = await createGateway({
  config: { ...config, allowedHosts: ["127.0.0.1"], auth: { kinds: ["header"], settings: {} } },
  runtime: await createTestRuntime(),
  authenticators: { header: createHeaderAuthenticator },
  ratesOf: ({ id }) => id === "greedy" ? { callsPerMinute: 6_000, callsAtOnce: 8 } : {},
});
process.on("SIGTERM", () => void gateway.close().then(() => process.exit(0)));
await listen(gateway.fetch);
