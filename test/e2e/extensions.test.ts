/**
 * Extensions that clients and servers declare to each other through the gateway, with the official
 * SDKs and real children, in all combinations of eras: on a surface of one server as they are, on
 * the merged surface those that the gateway relays.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { serveUpstream, sessionRules, statelessRules } from "../fault/hostile_upstream.ts";
import {
  type DeclaringClient,
  declaringClients,
  type Extensions,
  type OpenDeclaring,
} from "../support/extension_clients.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { mirror, modern } from "../support/stateless_client.ts";

type Json = Record<string, unknown>;

const testMs = 60_000;
const chart = (...args: string[]) => programCommand("test/support/chart_server.ts", args);
let gateway: SpawnedGateway;

beforeAll(async () => {
  gateway = await spawnGateway({
    servers: {
      session: chart(),
      stateless: chart("stateless"),
      dark: chart("dark"),
      shared: { ...chart(), isolation: "shared" },
    },
  });
}, testMs);
afterAll(() => gateway.dispose(), testMs);

const apps = "io.modelcontextprotocol/ui";
const tasks = "io.modelcontextprotocol/tasks";
const color = "example.com/color";
const pages = { [apps]: { mimeTypes: ["text/html;profile=mcp-app"] } };
const exotic = { [color]: { names: ["red"] }, [tasks]: {} };

/** Opens a client on a path of the gateway. */
type OpenOn = (path: string, extensions: Extensions) => Promise<DeclaringClient>;
const on = (open: OpenDeclaring): OpenOn => (path, extensions) =>
  open(`${gateway.url}${path}/mcp`, extensions);

/** Tasks pass between a client and a server that both have no session. */
const tasksOf = (client: string): Extensions => /without one$/.test(client) ? { [tasks]: {} } : {};

async function use<T>(
  opening: Promise<DeclaringClient>,
  question: (client: DeclaringClient) => Promise<T>,
) {
  const client = await opening;
  try {
    return await question(client);
  } finally {
    await client.close();
  }
}

for (const [name, openUrl] of Object.entries(declaringClients)) {
  const open = on(openUrl);
  describe(name, () => {
    for (const server of ["session", "stateless"]) {
      const path = `/servers/${server}`;

      const both = server === "stateless" ? tasksOf(name) : {};
      const what = tasks in both ? "all" : "all but tasks";
      test(`and a ${server} server declare ${what} to each other`, async () => {
        await use(open(path, { ...pages, ...exotic }), async (client) => {
          expect(client.extensions()).toEqual({
            [apps]: { themes: ["light"] },
            [color]: { depth: 8 },
            ...both,
          });
          const passed = { ...pages, [color]: exotic[color], ...both };
          expect((await client.declared()).extensions).toEqual(passed);
        });
      }, testMs);

      test(
        `gets the tools of a ${server} server for what it declares, others meanwhile theirs`,
        async () => {
          const [plain, shows, knows] = await Promise.all([
            open(path, {}),
            open(path, pages),
            open(path, { ...pages, ...exotic }),
          ]);
          for (let round = 0; round < 2; round++) {
            expect(await Promise.all([plain, shows, knows].map((client) => client.tools())))
              .toEqual([
                ["chart_as_text", "declared"],
                ["chart", "declared"],
                ["chart", "color", "declared"],
              ]);
            const heard = await Promise.all([plain, shows].map((client) => client.declared()));
            expect(heard.map(({ extensions }) => extensions)).toEqual([{}, pages]);
          }
          await Promise.all([plain, shows, knows].map((client) => client.close()));
        },
        testMs,
      );
    }

    test("and servers behind one URL declare to each other what the gateway relays", async () => {
      await use(open("", { ...pages, ...exotic }), async (client) => {
        const themes = { [apps]: { themes: ["light", "dark"] } };
        expect(client.extensions()).toEqual({ ...themes, ...tasksOf(name) });
        const tools = await client.tools();
        for (const server of ["session", "stateless", "dark"]) {
          expect(tools).toContain(`${server}__chart`);
          expect(tools).not.toContain(`${server}__color`);
          const both = server === "stateless" ? tasksOf(name) : {};
          const declared = await client.declared(`${server}__declared`);
          expect(declared.extensions).toEqual({ ...pages, ...both });
        }
      });
    }, testMs);

    test("declares nothing to a process that all clients share", async () => {
      await use(open("/servers/shared", { ...pages, ...exotic }), async (client) => {
        expect(await client.tools()).toEqual(["chart_as_text", "declared"]);
        expect((await client.declared()).extensions).toEqual({});
      });
    }, testMs);
  });
}

const headers = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};

/** The result or error of one request by hand. */
async function post(
  path: string,
  method: string,
  params: Json,
  more: Readonly<Record<string, string>> = {},
): Promise<Json> {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { ...headers, ...more },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const text = await response.text();
  return JSON.parse(text.startsWith("{") ? text : text.split("data: ").at(-1) ?? "") as Json;
}

const stateless = (path: string, method: string, extensions: unknown, params: Json = {}) =>
  post(path, method, {
    ...params,
    _meta: {
      "io.modelcontextprotocol/protocolVersion": modern,
      "io.modelcontextprotocol/clientCapabilities": { extensions },
    },
  }, mirror(method, params));

const initialize = (path: string, extensions: unknown) =>
  post(path, "initialize", {
    protocolVersion: "2025-11-25",
    capabilities: { extensions },
    clientInfo: { name: "by-hand", version: "1" },
  });

describe("a declaration", () => {
  const large = { [color]: { text: "x".repeat(9_000) } };

  test("that is no map, or has settings that are none, counts as absent", async () => {
    const odd = [null, "x", 7, false, { [apps]: "yes", [color]: null }, { "a\u0000b": {} }];
    for (const extensions of odd) {
      const params = { name: "declared", arguments: {} };
      const { result } = await stateless(
        "/servers/stateless/mcp",
        "tools/call",
        extensions,
        params,
      );
      const { content: [{ text }] } = result as { content: [{ text: string }] };
      expect(JSON.parse(text).extensions).toEqual({});
      expect((await initialize("/servers/session/mcp", extensions))["error"]).toBe(undefined);
    }
  }, testMs);

  test("that is too large is refused with its size", async () => {
    const limit = { error: { code: -32602, message: expect.stringContaining("8192") } };
    expect(await initialize("/servers/session/mcp", large)).toMatchObject(limit);
    expect(await stateless("/servers/session/mcp", "tools/list", large)).toMatchObject(limit);
  }, testMs);

  test(
    "of ever new extensions by stateless clients starts a few processes, not one for each",
    async () => {
      const pids = new Set<number>();
      for (let count = 0; count < 12; count++) {
        const extensions = { ...pages, [`example.com/x${count}`]: {} };
        const params = { name: "declared", arguments: {} };
        const { result } = await stateless("/servers/dark/mcp", "tools/call", extensions, params);
        const { content: [{ text }] } = result as { content: [{ text: string }] };
        const heard = JSON.parse(text) as { pid: number; extensions: Json };
        pids.add(heard.pid);
        expect(heard.extensions[apps]).toEqual(pages[apps]);
      }
      expect(pids.size).toBeLessThanOrEqual(5);
    },
    testMs,
  );
});

test(
  "a client with pages gets its tools after others were served, also after a restart",
  async () => {
    const own = await spawnGateway({ servers: { fresh: chart() } });
    try {
      const open = declaringClients["the first SDK"] as OpenDeclaring;
      for (let run = 0; run < 2; run++) {
        const plain = await open(`${own.url}/mcp`, {});
        const shows = await open(`${own.url}/mcp`, pages);
        expect(shows.extensions()).toEqual({ [apps]: { themes: ["light"] } });
        expect(await plain.tools()).toEqual(["chart_as_text", "declared"]);
        expect(await shows.tools()).toEqual(["chart", "declared"]);
        await Promise.all([plain.close(), shows.close()]);
        if (run > 0) break;
        await own.stop();
        await own.restart();
      }
    } finally {
      await own.dispose();
    }
  },
  testMs,
);

test("a remote server of either era gets what a session or a request declares", async () => {
  const seen: unknown[] = [];
  const session = sessionRules();
  const rules = statelessRules();
  const note = (capabilities: unknown) => void seen.push((capabilities as Json)["extensions"]);
  const remotes = {
    handshake: await serveUpstream({
      ...session,
      initialize(visit) {
        note(visit.params["capabilities"]);
        session["initialize"]?.(visit);
      },
    }),
    requests: await serveUpstream({
      ...rules,
      "tools/call"(visit) {
        const meta = visit.params["_meta"] as Json;
        note(meta["io.modelcontextprotocol/clientCapabilities"]);
        rules["tools/call"]?.(visit);
      },
    }),
  };
  const urls = Object.entries(remotes).map(([name, { url }]) => [name, { url }] as const);
  const own = await spawnGateway({
    servers: Object.fromEntries(urls),
    env: { MCP_TRY_SERVERS: "false" },
  });
  const declared = { ...pages, [color]: {} };
  try {
    for (const [name] of urls) {
      for (const open of Object.values(declaringClients)) {
        seen.length = 0;
        const client = await open(`${own.url}/servers/${name}/mcp`, declared);
        await client.call("echo");
        expect(seen).toContainEqual(declared);
        await client.close();
      }
    }
  } finally {
    await own.dispose();
    await Promise.all(Object.values(remotes).map((remote) => remote.close()));
  }
}, testMs);
