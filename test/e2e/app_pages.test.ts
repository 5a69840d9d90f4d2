/**
 * MCP Apps behind one URL, as a host drives them: it lists tools, reads the page that a tool names,
 * and forwards what the page calls, by the server's own names. Servers of both eras, each next to
 * another one from the same template, one whose page is in no list, one without pages, and one that
 * hangs; clients with sessions, over HTTP+SSE, and without sessions.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { clientKinds } from "../support/mcp_clients.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { ask } from "../support/stateless_client.ts";

const testMs = 60_000;
const mimeType = "text/html;profile=mcp-app";
const ui = { csp: { connectDomains: ["https://example.com"] }, prefersBorder: true };

const pageOf = { a: "ui://app/page.html", b: "ui://mcp-wrapper/b/app/page.html" } as const;

/** What a host sees of a gateway: results, and errors as they are. */
interface Host {
  request(method: string, params?: JsonObject): Promise<JsonObject>;
}

async function hostWithSession(url: string): Promise<Host> {
  const session = await openRpcSession(`${url}/mcp`);
  let id = 0;
  return {
    async request(method, params = {}) {
      const { result, error } = await session.request(++id, method, params);
      return result ?? { error };
    },
  };
}

function hostWithout(url: string): Host {
  const send = (method: string, path: string, init: { headers?: object; body?: unknown } = {}) =>
    fetch(url + path, {
      method,
      headers: init.headers as Record<string, string>,
      body: JSON.stringify(init.body),
    });
  return {
    async request(method, params = {}) {
      const response = await ask({ send }, method, params);
      const { result, error } = await response.json() as { result?: JsonObject; error?: unknown };
      return result ?? { error };
    },
  };
}

const items = (list: JsonObject, key: string) => list[key] as JsonObject[];
const firstText = ({ content, contents }: JsonObject) =>
  ((content ?? contents) as { text: string }[] | undefined)?.[0]?.text;

for (const era of ["handshake", "stateless"]) {
  describe(`apps of servers with ${era}`, () => {
    let gateway: SpawnedGateway;
    beforeAll(async () => {
      const program = (name: string, ...options: string[]) =>
        programCommand("test/support/app_server.ts", [
          `--name=${name}`,
          ...options.map((option) => `--${option}`),
          ...(era === "stateless" ? ["--stateless"] : []),
        ]);
      gateway = await spawnGateway({
        servers: {
          plain: program("plain", "plain"),
          a: program("a"),
          b: program("b"),
          c: {
            ...program("c", "unlisted"),
            tools: { deny: ["poll"], rename: { "c-only": "new" } },
          },
        },
      });
    }, testMs);
    afterAll(() => gateway.dispose());

    const hosts = [
      ["with a session", () => hostWithSession(gateway.url)],
      ["without one", () => Promise.resolve(hostWithout(gateway.url))],
    ] as const;

    for (const [kind, open] of hosts) {
      test(`each tool names its own server's page, which can be read: a host ${kind}`, async () => {
        const host = await open();
        const tools = items(await host.request("tools/list"), "tools");
        const named = (name: string) => tools.find((tool) => tool["name"] === name)?.["_meta"];
        const resources = items(await host.request("resources/list"), "resources");
        for (const server of ["a", "b"] as const) {
          const uri = pageOf[server];
          expect(named(`${server}__show`)).toEqual({
            ui: { resourceUri: uri },
            "ui/resourceUri": uri,
            "openai/outputTemplate": uri,
            other: pageOf.a,
          });
          expect(named(`${server}__poll`)).toEqual({ ui: { visibility: ["app"] } });
          expect(resources).toContainEqual({ uri, name: "page", mimeType, _meta: { ui } });
          expect((await host.request("resources/read", { uri }))["contents"]).toEqual([
            { uri, mimeType, text: `${pageOf.a} of ${server}`, _meta: { ui } },
          ]);
        }
        expect(resources.length).toBe(2);
      }, testMs);

      test(`what a result names leads to the server of the result: a host ${kind}`, async () => {
        const host = await open();
        for (const server of ["a", "b"] as const) {
          const result = await host.request("tools/call", { name: `${server}__show` });
          const uri = pageOf[server];
          expect(result["_meta"]).toMatchObject({
            ui: { resourceUri: uri },
            "ui/resourceUri": uri,
            "openai/outputTemplate": uri,
          });
          const link = items(result, "content")[1]?.["uri"];
          expect(link).toMatch(/^ui:\/\//);
          const read = await host.request("resources/read", { uri: link });
          expect(items(read, "contents")[0]?.["uri"]).toBe(link);
          expect(firstText(read)).toBe(`ui://app/linked.html of ${server}`);
        }
      }, testMs);

      test(
        `a page that no list has can be read before anything is listed: a host ${kind}`,
        async () => {
          const host = await open();
          const uri = "ui://c/page.html";
          expect(firstText(await host.request("resources/read", { uri }))).toBe(`${uri} of c`);
          const unknown = await host.request("resources/read", { uri: "ui://c/other.html" });
          expect(unknown["error"]).toMatchObject({
            message: 'Resource not found: "ui://c/other.html"',
          });
        },
        testMs,
      );

      test(
        `a page calls what its server offers to pages, and nothing else: a host ${kind}`,
        async () => {
          const host = await open();
          const call = (name: string) => host.request("tools/call", { name });
          expect(firstText(await call("a-only"))).toBe("a-only of a");
          expect(firstText(await call("c-only"))).toBe("c-only of c");
          // Of a server without pages, for the model alone, and of no server.
          for (const name of ["plain-only", "advise", "nothing"]) {
            expect((await call(name))["error"]).toMatchObject({
              code: -32602,
              message: expect.stringContaining(`Unknown tool "${name}"`),
            });
          }
        },
        testMs,
      );
    }

    test("the page that a session read last decides among servers with one tool", async () => {
      const host = await hostWithSession(gateway.url);
      const poll = () => host.request("tools/call", { name: "poll" });
      const candidates = ["a__poll", "b__poll"];
      expect((await poll())["error"]).toMatchObject({ code: -32602, data: { candidates } });
      for (const server of ["b", "a", "b"] as const) {
        await host.request("resources/read", { uri: pageOf[server] });
        expect(firstText(await poll())).toBe(`poll of ${server}`);
      }
      // The page means the tool of its own server, which the filter hides.
      await host.request("resources/read", { uri: "ui://c/page.html" });
      expect((await poll())["error"]).toMatchObject({
        code: -32602,
        message: expect.stringContaining('Unknown tool "poll"'),
      });
      await host.request("resources/read", { uri: pageOf.a });
      expect(firstText(await poll())).toBe("poll of a");
      const stranger = await hostWithSession(gateway.url);
      expect((await stranger.request("tools/call", { name: "poll" }))["error"]).toMatchObject({
        data: { candidates },
      });
    }, testMs);

    test("clients that do not authenticate share no memory of pages", async () => {
      const host = hostWithout(gateway.url);
      await host.request("resources/read", { uri: pageOf.b });
      const { error } = await host.request("tools/call", { name: "poll" });
      expect(error).toMatchObject({ code: -32602, data: { candidates: ["a__poll", "b__poll"] } });
    }, testMs);

    for (const kind of clientKinds.filter(({ name }) => name.includes("SSE"))) {
      test(`a page is read and calls its tool: ${kind.name}`, async () => {
        const client = await kind.open(gateway.url);
        expect(await client.resourceUris()).toEqual([pageOf.a, pageOf.b]);
        expect(await client.readResource(pageOf.b)).toBe(`${pageOf.a} of b`);
        expect((await client.callTool("poll")).text).toBe("poll of b");
        await client.close();
      }, testMs);
    }
  });
}

test("a server that hangs holds up no page of another one", async () => {
  const program = (name: string, ...options: string[]) =>
    programCommand("test/support/app_server.ts", [`--name=${name}`, ...options]);
  const gateway = await spawnGateway({
    servers: { hung: program("hung", "--hangs"), a: program("a"), b: program("b", "--unlisted") },
  });
  try {
    const session = await hostWithSession(gateway.url);
    for (const host of [hostWithout(gateway.url), session]) {
      // As soon as the other servers are known.
      for (const name of ["a__poll", "b__poll"]) await host.request("tools/call", { name });
      const begun = performance.now();
      for (const name of ["a-only", "b-only"]) {
        expect(firstText(await host.request("tools/call", { name }))).toMatch(`${name} of`);
      }
      expect(performance.now() - begun).toBeLessThan(2_000);
    }
    const begun = performance.now();
    const uri = "ui://b/page.html";
    expect(firstText(await session.request("resources/read", { uri }))).toBe(`${uri} of b`);
    expect(performance.now() - begun).toBeLessThan(2_000);
  } finally {
    await gateway.dispose();
  }
}, testMs);
