/**
 * Large results and long lists through the whole gateway, for clients of every revision: real SDK
 * clients, many clients at once, and what no other client may read.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  Client as ClientTwo,
  StreamableHTTPClientTransport as HttpTwo,
} from "@modelcontextprotocol/client";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpOne } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { resultExchange } from "../../src/gateway/exchange.ts";
import type { JsonObject } from "../../src/model.ts";
import type { ResultCutEvent } from "../../src/telemetry/client_events.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  type AccessOptions,
  startWithAccess,
} from "../support/access_gateway.ts";
import { serveApi } from "../support/api_server.ts";
import { createTestClock } from "../support/clock.ts";
import { createFakeUpstream } from "../support/fake_upstream.ts";

const people = Object.fromEntries(
  ["ann", "ben", ...Array.from({ length: 20 }, (_, n) => `person${n}`)].map((id) => [
    id,
    { id: `user:${id}` },
  ]),
);

const tool = (name: string) => ({ name, inputSchema: { type: "object" } });
/** Lines that say whose they are: 80,000 are two megabytes. */
const linesFor = (who: unknown, count = 8_000) =>
  Array.from({ length: count }, (_, n) => `${n} belongs to ${who}\n`).join("");

function log() {
  const fake = createFakeUpstream("log", {
    tools: [tool("read"), ...Array.from({ length: 130 }, (_, n) => tool(`tool_${n}`))],
  });
  fake.reply = ({ params }) => {
    const { who, count } = (params["arguments"] ?? {}) as { who: string; count?: number };
    return resultExchange({ content: [{ type: "text", text: linesFor(who, count) }] });
  };
  return fake;
}

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function start(options: Partial<AccessOptions> = {}): Promise<AccessGateway> {
  const own = await startWithAccess({ servers: { log: log() }, people, ...options });
  opened.push(own);
  return own;
}

/** How a client makes a request. */
type Ask = (method: string, params?: JsonObject) => Promise<AccessAnswer>;

const eras: Readonly<
  Record<string, (own: AccessGateway, who: string, client: string) => Promise<Ask>>
> = {
  "a session": async (own, who, client) => (await own.connect(who, { client })).request,
  "a stateless client": (own, who, client) =>
    Promise.resolve((method, params) =>
      own.ask(who, method, params, { meta: { clientInfo: { name: client, version: "1" } } })
    ),
};

const call = (request: Ask, who: string, count?: number) =>
  request("tools/call", { name: "log__read", arguments: { who, count } });

const blocksOf = ({ result }: AccessAnswer) => result?.["content"] as JsonObject[];
const uriIn = (answer: AccessAnswer) =>
  String(blocksOf(answer).find((block) => block["type"] === "resource_link")?.["uri"]);

async function readWhole(request: Ask, first: string): Promise<string> {
  let whole = "";
  for (let uri: unknown = first; uri !== undefined;) {
    const { result, error } = await request("resources/read", { uri });
    if (result === undefined) throw new Error(error?.message);
    whole += String((result["contents"] as JsonObject[])[0]?.["text"]);
    uri = (result["_meta"] as JsonObject)["mcp-wrapper/next"];
  }
  return whole;
}

for (const [who, connect] of Object.entries(eras)) {
  describe(who, () => {
    test("gets two megabytes within its limit, and reads them on", async () => {
      const own = await start();
      const cuts: ResultCutEvent[] = [];
      own.gateway.observe((event) => void (event.type === "result_cut" && cuts.push(event)));
      const request = await connect(own, "ann", "claude-code");
      const answer = await call(request, "ann", 80_000);
      expect(answer.text.length <= 55_000).toBe(true);
      expect(await readWhole(request, uriIn(answer))).toBe(linesFor("ann", 80_000));
      expect(cuts).toMatchObject([{ server: "log", item: "log__read", client: "claude-code 1" }]);
      expect(own.gateway.counts()["result_cut"]).toBe(1);
      // A client of which nothing is known gets all of it.
      const whole = await call(await connect(own, "ann", "my-agent"), "ann");
      expect(blocksOf(whole)).toEqual([{ type: "text", text: linesFor("ann") }]);
    });

    test("reads nothing that another one got", async () => {
      const own = await start();
      const [ann, ben] = [
        await connect(own, "ann", "claude-code"),
        await connect(own, "ben", "claude-code"),
      ];
      const uri = uriIn(await call(ann, "ann"));
      const unknown = `mcp-wrapper-result:${"f".repeat(32)}`;
      const [foreign, none] = [
        await ben("resources/read", { uri }),
        await ben("resources/read", { uri: unknown }),
      ];
      expect(foreign.error?.message.replace(uri, unknown)).toBe(String(none.error?.message));
      expect(foreign.error?.code).toBe(none.error?.code ?? 0);
      expect(await readWhole(ann, uri)).toBe(linesFor("ann"));
    });

    test("reads on until the result has expired", async () => {
      const clock = createTestClock();
      const own = await start({ clock });
      const request = await connect(own, "ann", "claude-code");
      const uri = uriIn(await call(request, "ann"));
      clock.advance(3_500_000);
      expect((await request("resources/read", { uri })).result).toBeDefined();
      clock.advance(200_000);
      expect((await request("resources/read", { uri })).error?.message).toContain("has expired");
    });

    test("is one of many at the same time, each with its own", async () => {
      const own = await start();
      const names = Array.from({ length: 20 }, (_, n) => `person${n}`);
      const all = await Promise.all(names.map(async (name) => {
        const request = await connect(own, name, "claude-code");
        return { name, request, uri: uriIn(await call(request, name)) };
      }));
      expect(new Set(all.map(({ uri }) => uri)).size).toBe(names.length);
      await Promise.all(all.map(async ({ name, request, uri }, at) => {
        expect(await readWhole(request, uri)).toBe(linesFor(name));
        const other = all[(at + 1) % all.length]?.uri ?? "";
        expect((await request("resources/read", { uri: other })).error).toBeDefined();
      }));
    });

    test("gets as many tools as it takes", async () => {
      const own = await start();
      const toolsOf = async (client: string) => {
        const { result } = await (await connect(own, "ann", client))("tools/list");
        return (result?.["tools"] as JsonObject[]).length;
      };
      expect(await toolsOf("cursor-vscode")).toBe(80);
      expect(await toolsOf("Visual Studio Code")).toBe(128);
      expect(await toolsOf("my-agent")).toBe(131);
      expect(own.gateway.counts()["client_limited.toolsMax"]).toBe(2);
    });
  });
}

test("a principal's sessions do not read each other's results", async () => {
  const own = await start();
  const [first, second] = [
    await own.connect("ann", { client: "claude-code" }),
    await own.connect("ann", { client: "claude-code" }),
  ];
  const uri = uriIn(await call(first.request, "ann"));
  expect((await second.request("resources/read", { uri })).error).toBeDefined();
  expect((await first.request("resources/read", { uri })).result).toBeDefined();
});

test("clients of older revisions get the link as text", async () => {
  const own = await start({ keys: { resultCharsMax: 10_000 } });
  for (const revision of ["2024-11-05", "2025-03-26", "2025-06-18"]) {
    const { request } = await own.connect("ann", { revision });
    const answer = await call(request, "ann");
    const uri = /mcp-wrapper-result:[0-9a-f]{32}/.exec(answer.text)?.[0] ?? "";
    expect(blocksOf(answer).map(({ type }) => type)).toEqual([
      "text",
      "text",
      revision === "2025-06-18" ? "resource_link" : "text",
    ]);
    expect((await request("resources/read", { uri })).result).toBeDefined();
  }
});

describe("real clients", () => {
  const fetchOf = (own: AccessGateway) => (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(String(input), init);
    request.headers.set("host", "localhost:8999");
    request.headers.set("x-person", "ann");
    return own.gateway.fetch(request);
  };
  const url = new URL("http://localhost:8999/mcp");
  const info = { name: "claude-code", version: "2.1.0" };

  async function walk(client: ClientOne | ClientTwo): Promise<void> {
    expect(client.getServerCapabilities()?.resources).toBeDefined();
    const { tools } = await client.listTools();
    expect(tools.length).toBe(131);
    const { content } = await client.callTool({ name: "log__read", arguments: { who: "ann" } });
    const blocks = content as { type: string; text?: string; uri?: string }[];
    const link = blocks.find(({ type }) => type === "resource_link");
    let whole = "";
    for (let uri = link?.uri; uri !== undefined;) {
      const { contents } = await client.readResource({ uri });
      const texts = contents.map((one) => ("text" in one ? one.text : ""));
      whole += texts[0];
      uri = /The next part is the resource (\S+)\.\]/.exec(texts[1] ?? "")?.[1];
    }
    expect(whole).toBe(linesFor("ann"));
  }

  test("of the first generation read on what was shortened for them", async () => {
    const own = await start();
    const client = new ClientOne(info);
    opened.push(client);
    await client.connect(new HttpOne(url, { fetch: fetchOf(own) }) as Transport);
    await walk(client);
  });

  for (const mode of ["legacy", "auto"] as const) {
    test(`of the second generation, in the mode ${mode}, do so, too`, async () => {
      const own = await start();
      const client = new ClientTwo(info, { versionNegotiation: { mode } });
      opened.push(client);
      await client.connect(new HttpTwo(url, { fetch: fetchOf(own) }));
      await walk(client);
    });
  }
});

describe("a web API", () => {
  const items = Array.from({ length: 4_000 }, (_, id) => ({ id, name: `item ${id}` }));
  const document = {
    openapi: "3.0.0",
    info: { title: "Items", version: "1" },
    paths: {
      "/items": {
        get: {
          operationId: "items",
          responses: { 200: { description: "all", content: { "application/json": {} } } },
        },
      },
    },
  };

  async function startApi(keys: JsonObject = {}, entry: JsonObject = {}) {
    const api = await serveApi({
      "/openapi.json": ({ json }) => json(document),
      "/items": ({ json }) => json(items),
    });
    opened.push(api);
    const { origin } = api;
    const openapi = { openapi: `${origin}/openapi.json`, baseUrl: origin, ...entry };
    return await start({ servers: { api: openapi }, names: "bare", keys });
  }

  test("keeps the whole of an answer that it shortened, without another request", async () => {
    const own = await startApi();
    const { request } = await own.connect("ann");
    const answer = await request("tools/call", { name: "items" });
    const { result, note } = answer.result?.["structuredContent"] as {
      result: unknown[];
      note: string;
    };
    expect(result).toEqual(items.slice(0, result.length));
    const uri = uriIn(answer);
    expect(note).toContain(`The whole answer is the resource ${uri}`);
    expect(note).toContain("Call again with skip: ");
    expect(JSON.parse(await readWhole(request, uri))).toEqual(items);
  });

  test("shortens to its own limit, the gateway's and the client's", async () => {
    const sizeOf = async (own: AccessGateway, client?: string) => {
      const { request } = await own.connect("ann", client === undefined ? {} : { client });
      const { result } = await request("tools/call", { name: "items" });
      return JSON.stringify((result?.["structuredContent"] as JsonObject)["result"]).length;
    };
    const own = await startApi();
    expect(await sizeOf(own) <= 48_000).toBe(true);
    expect(await sizeOf(own, "codex-mcp-client") <= 40_000).toBe(true);
    expect(await sizeOf(await startApi({ resultCharsMax: 9_000 })) <= 9_000).toBe(true);
    const wide = await startApi({ resultCharsMax: 9_000 }, { resultCharsMax: 500_000 });
    expect(await sizeOf(wide)).toBe(JSON.stringify(items).length);
  });
});

describe("keys of mcp.json", () => {
  test("that are wrong stop the start with a sentence", async () => {
    const wrong: readonly (readonly [JsonObject, string])[] = [
      [{ resultCharsMax: 10 }, "resultCharsMax in /srv/mcp.json: expected a whole number of"],
      [{ resultCharsMax: "9000" }, "got a string"],
      [{ clientLimits: [] }, "expected an object such as"],
      [{ clientLimits: { cursor: true } }, "clientLimits.cursor in"],
      [{ clientLimits: { cursor: { toolsMax: 0 } } }, "clientLimits.cursor.toolsMax in"],
      [
        { clientLimits: { cursor: { tools: 4 } } },
        "only toolsMax, nameCharsMax and resultCharsMax",
      ],
      [{ clientLimits: { a: { nameCharsMax: 5 } } }, "from 20 to 1024, or false, got 5"],
    ];
    for (const [keys, sentence] of wrong) {
      await expect(startWithAccess({ servers: { log: log() }, people, keys })).rejects.toThrow(
        sentence,
      );
    }
  });
});
