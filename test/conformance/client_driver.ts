/**
 * What the official suite starts when it tests clients: a gateway whose only server is the suite's
 * (its URL is the last argument), and a real client that does through the gateway what the scenario
 * wants to see. The scenario's name, revision and data come in the environment. It fails when the
 * client cannot do its part; whether the gateway did its own is for the suite to say.
 */
import process from "node:process";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { spawnGateway } from "../support/spawn_gateway.ts";
import { within } from "../support/wait.ts";
import { authParts, settingsFor } from "./client_auth_settings.ts";
import { callProtected } from "./client_login.ts";
import type { Json } from "./fixture_model.ts";

const scenario = process.env["MCP_CONFORMANCE_SCENARIO"] ?? "";
const revision = process.env["MCP_CONFORMANCE_PROTOCOL_VERSION"] ?? "2025-11-25";
const context = JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}") as Json & {
  toolCalls?: { name: string; arguments: Json }[];
};

const call = (client: Client, name: string, args: Json = {}) =>
  client.callTool({ name, arguments: args });

/** An argument for each property that a schema demands. */
function argumentsFor(schema: Json): Json {
  const required = (schema["required"] ?? []) as string[];
  return Object.fromEntries(required.map((name) => [name, "any"]));
}

async function callEverything(client: Client): Promise<void> {
  for (const { name, inputSchema } of (await client.listTools()).tools) {
    await call(client, name, argumentsFor(inputSchema));
  }
}

async function visitEverything(client: Client): Promise<void> {
  await callEverything(client);
  for (const { uri } of (await client.listResources()).resources) {
    await client.readResource({ uri });
  }
  for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name });
}

async function answerQuestions(client: Client): Promise<void> {
  client.setRequestHandler("elicitation/create", async () => {
    // Between the two rounds of one tool another is called, which must not notice.
    await call(client, "test_mrtr_unrelated");
    return { action: "accept", content: { confirmed: true } };
  });
  await client.listTools();
  for (const name of ["test_mrtr_echo_state", "test_mrtr_no_state", "test_mrtr_no_result_type"]) {
    await call(client, name);
  }
}

async function callAsTold(client: Client): Promise<void> {
  await client.listTools();
  for (const { name, arguments: args } of context.toolCalls ?? []) await call(client, name, args);
}

async function echoSchema(client: Client): Promise<void> {
  const { tools } = await client.listTools();
  const seen = tools.find(({ name }) => name === "json_schema_2020_12_tool");
  await call(client, "json_schema_echo", { schema: seen?.inputSchema });
}

const list = async (client: Client) => void await client.listTools();

/** What is left out of the answer is filled in by the client, from the defaults of the schema. */
async function acceptDefaults(client: Client): Promise<void> {
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: {} }));
  await callEverything(client);
}

/** What each scenario wants to see done. */
const parts: Readonly<Record<string, (client: Client) => Promise<void>>> = {
  initialize: list,
  tools_call: async (client) => {
    await list(client);
    await call(client, "add_numbers", { a: 5, b: 3 });
  },
  "elicitation-sep1034-client-defaults": acceptDefaults,
  "sse-retry": async (client) => {
    await list(client);
    await call(client, "test_reconnection");
  },
  "request-metadata": list,
  "sep-2322-client-request-state": answerQuestions,
  "http-standard-headers": visitEverything,
  "http-custom-headers": callAsTold,
  "http-invalid-tool-headers": callEverything,
  "json-schema-ref-no-deref": list,
  "json-schema-2020-12-preservation": echoSchema,
  ...Object.fromEntries(
    [...authParts].map(([name, part]) => [name, (client) => callProtected(client, part)]),
  ),
};

const play = parts[scenario];
if (play === undefined) throw new Error(`No part for scenario ${JSON.stringify(scenario)}`);
const peer = { url: process.argv.at(-1), ...settingsFor(scenario, context) };
const gateway = await spawnGateway({ servers: { peer } });
try {
  const client = new Client({ name: "conformance-driver", version: "1.0.0" }, {
    capabilities: {
      elicitation: {
        form: { applyDefaults: true },
        ...(authParts.get(scenario)?.showsPages === true ? { url: {} } : {}),
      },
      sampling: {},
      roots: {},
    },
    versionNegotiation: { mode: revision < "2026" ? "legacy" : { pin: revision } },
  });
  const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/servers/peer/mcp`));
  await client.connect(transport);
  // A suite that gives up first would leave this process and the gateway behind.
  await within("the client's part", play(client));
  await client.close();
} catch (fault) {
  console.error(fault, `\nThe gateway's log:\n${gateway.log()}`);
  process.exitCode = 1;
} finally {
  await gateway.dispose();
}
