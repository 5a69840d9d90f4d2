/** What clients see of the server behind a URL, and what servers see of the calling client. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client as ClientTwo, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;
const witness = programCommand("test/support/witness_server.ts");
const stateless = programCommand("test/support/witness_server.ts", ["stateless"]);
let gateway: SpawnedGateway;

beforeAll(async () => {
  gateway = await spawnGateway({
    servers: {
      own: witness,
      shared: { ...witness, isolation: "shared" },
      quiet: { ...witness, identify: false },
      stateless,
      secretive: { ...stateless, identify: false },
    },
  });
}, testMs);
afterAll(() => gateway.dispose(), testMs);

const info = { name: "desk", version: "3", title: "The Desk\u0007\nApp" };
const us = { name: "mcp-wrapper", version: expect.any(String) };

interface Opened {
  shown(): unknown;
  who(): Promise<unknown>;
  close(): Promise<void>;
}

type OpenOn = (path: string, info: { name: string; version: string }) => Promise<Opened>;

function face(client: ClientOne | ClientTwo): Opened {
  return {
    shown: () => client.getServerVersion(),
    async who() {
      const { content } = await client.callTool({ name: "who", arguments: {} });
      return JSON.parse((content as { text: string }[])[0]?.text ?? "null");
    },
    close: () => client.close(),
  };
}

const openSse: OpenOn = async (path, info) => {
  const client = new ClientOne(info);
  await client.connect(new SSEClientTransport(new URL(`${gateway.url}${path}/sse`)));
  return face(client);
};

const openTwo = (mode: "legacy" | { pin: string }): OpenOn => async (path, info) => {
  const client = new ClientTwo(info, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${gateway.url}${path}/mcp`)));
  return face(client);
};

const clients: Readonly<Record<string, OpenOn>> = {
  "a session over HTTP+SSE": openSse,
  "a session over Streamable HTTP": openTwo("legacy"),
  "a stateless client": openTwo({ pin: "2026-07-28" }),
};

async function ask<T>(open: OpenOn, path: string, question: (client: Opened) => T, who = info) {
  const client = await open(path, who);
  try {
    return await question(client);
  } finally {
    await client.close();
  }
}

describe("a client", () => {
  for (const [name, open] of Object.entries(clients)) {
    test(`sees title, icons and website of the one server behind its URL: ${name}`, async () => {
      for (const server of ["own", "stateless"]) {
        expect(await ask(open, `/servers/${server}`, (client) => client.shown())).toEqual({
          ...us,
          title: "The Witness",
          websiteUrl: "https://example.com/witness",
          icons: [
            { src: "https://example.com/witness.png", mimeType: "image/png", sizes: ["48x48"] },
          ],
        });
      }
    }, testMs);

    test(`sees only the gateway if several servers are behind the URL: ${name}`, async () => {
      expect(await ask(open, "", (client) => client.shown())).toEqual(us);
    }, testMs);
  }

  test("of an older revision sees the members of that revision", async () => {
    const shownTo = async (protocolVersion: string) => {
      const response = await fetch(`${gateway.url}/servers/own/mcp`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          jsonrpc: "2.0",
          id: 1,
          method: "initialize",
          params: { protocolVersion, capabilities: {}, clientInfo: info },
        }),
      });
      const { result } = await response.json() as { result: { serverInfo: unknown } };
      return result.serverInfo;
    };
    expect(await shownTo("2024-11-05")).toEqual(us);
    expect(await shownTo("2025-03-26")).toEqual(us);
    expect(await shownTo("2025-06-18")).toEqual({ ...us, title: "The Witness" });
  }, testMs);
});

describe("a server", () => {
  const named = { ...us, title: "The Desk App" };

  test("with a process for each session sees the client's name in the title", async () => {
    const { [`a stateless client`]: _, ...sessions } = clients;
    for (const open of Object.values(sessions)) {
      const heard = ask(open, "/servers/own", (client) => client.who());
      expect(await heard).toEqual(named);
      const other = { name: "x".repeat(300), version: "1" };
      const long = ask(open, "/servers/own", (client) => client.who(), other as typeof info);
      expect(await long).toEqual({ ...us, title: `${"x".repeat(99)}…` });
    }
  }, testMs);

  test("of the stateless era sees the client's name in each request", async () => {
    for (const open of Object.values(clients)) {
      expect(await ask(open, "/servers/stateless", (client) => client.who())).toEqual(named);
    }
  }, testMs);

  test("that many clients share sees only the gateway", async () => {
    for (const open of Object.values(clients)) {
      expect(await ask(open, "/servers/shared", (client) => client.who())).toEqual(us);
    }
    const open = clients["a stateless client"] as OpenOn;
    expect(await ask(open, "/servers/own", (client) => client.who())).toEqual(us);
  }, testMs);

  test('with "identify": false hears the gateway alone', async () => {
    for (const open of Object.values(clients)) {
      for (const server of ["quiet", "secretive"]) {
        expect(await ask(open, `/servers/${server}`, (client) => client.who())).toEqual(us);
      }
    }
  }, testMs);
});
