/**
 * What a profile leaves out beside tools: prompts and resources, pages of apps, and tasks; and what
 * a filter may not break: results that name resources, and pages that call tools by their own names.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { resultExchange } from "../../src/gateway/exchange.ts";
import type { JsonObject } from "../../src/model.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  type AccessOptions,
  startWithAccess,
} from "../support/access_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";
import { completed, startScriptedTasks } from "../support/scripted_tasks.ts";
import { programCommand } from "../support/spawn_gateway.ts";

const people = { ann: { id: "user:ann" } };
const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function start(options: Omit<AccessOptions, "people">): Promise<AccessGateway> {
  const own = await startWithAccess({ ...options, people });
  opened.push(own);
  return own;
}

type Request = (method: string, params?: JsonObject) => Promise<AccessAnswer>;

/** The two kinds of clients. */
const eras: Readonly<Record<string, (own: AccessGateway, name: string) => Promise<Request>>> = {
  "a client with a session": async (own, name) =>
    (await own.connect("ann", { path: `/profiles/${name}/mcp` })).request,
  "a stateless client": (own, name) =>
    Promise.resolve((method, params = {}) =>
      own.ask("ann", method, params, { path: `/profiles/${name}/mcp` })
    ),
};

const page = "ui://shop/page.html";
const tool = (name: string, ui?: JsonObject): JsonObject => ({
  name,
  inputSchema: { type: "object" },
  ...(ui && { _meta: { ui } }),
});

/** A server with everything; its results link to a resource that no list has. */
function shop(name: string): FakeUpstream {
  const fake = createFakeUpstream(name, {
    tools: [
      tool("show", { resourceUri: page }),
      tool("poll", { visibility: ["app"] }),
      tool("pay", { visibility: ["app"] }),
    ],
    prompts: [{ name: "greet" }],
    resources: [{ uri: `${name}:listed`, name: "listed" }],
    templates: [{ uriTemplate: `${name}:any/{id}`, name: "any" }],
    skills: [{ uri: `skill://${name}/SKILL.md`, frontmatter: { name }, resources: [] }],
  });
  fake.capabilities = { ...fake.capabilities, completions: {} };
  fake.reply = ({ method, params }) =>
    resultExchange(
      method === "resources/read"
        ? { contents: [{ uri: params["uri"], text: name }] }
        : { content: [{ type: "resource_link", uri: "made:1", name: "made" }] },
    );
  return fake;
}

const lists = [
  ["resources/list", "resources"],
  ["resources/templates/list", "resourceTemplates"],
  ["skills/list", "skills"],
] as const;

for (const [who, open] of Object.entries(eras)) {
  for (const servers of [["a"], ["a", "b"]] as const) {
    describe(`${who}, on a profile of ${servers.length} without prompts and resources`, () => {
      const setUp = async () => {
        const shops = servers.map(shop);
        const own = await start({
          servers: Object.fromEntries(shops.map((one) => [one.name, one])),
          profiles: {
            few: { servers, prompts: false, resources: false },
            all: { servers },
          },
        });
        return { own, shops, request: await open(own, "few") };
      };
      const first = servers.length === 1 ? "show" : "a__show";

      test("finds none of them by any way", async () => {
        const { shops, request } = await setUp();
        expect((await request("prompts/list")).error?.code).toBe(-32601);
        for (const [method, key] of lists) {
          const { result, error } = await request(method);
          expect([method, result?.[key] ?? error?.code])
            .toEqual([method, key === "skills" ? -32601 : []]);
        }
        const asked: readonly [string, JsonObject][] = [
          ["prompts/get", { name: "greet" }],
          ["prompts/get", { name: "a__greet" }],
          ["resources/read", { uri: "a:listed" }],
          ["resources/read", { uri: "a:any/1" }],
          ["resources/read", { uri: "mcp-wrapper://a/a:listed" }],
          ["resources/read", { uri: "ui://other/page.html" }],
          ["resources/subscribe", { uri: "a:listed" }],
          ["skills/get", { uri: "skill://a/SKILL.md" }],
          ["resources/directory/read", { uri: "skill://a" }],
          ["completion/complete", {
            ref: { type: "ref/prompt", name: "greet" },
            argument: { name: "a", value: "b" },
          }],
          ["completion/complete", {
            ref: { type: "ref/resource", uri: "a:any/{id}" },
            argument: { name: "id", value: "b" },
          }],
        ];
        for (const [method, params] of asked) {
          expect([method, params, (await request(method, params)).error === undefined])
            .toEqual([method, params, false]);
        }
        expect(shops.map(({ opened }) => opened.length)).toEqual(shops.map(() => 0));
      });

      test("reads what a tool of it named: a page, and a link of a result", async () => {
        const { shops, request } = await setUp();
        const { result } = await request("tools/list");
        const pages = (result?.["tools"] as JsonObject[]).map(({ _meta }) => _meta)
          .filter((meta) => JSON.stringify(meta)?.includes("resourceUri"));
        expect(pages.length).toBe(shops.length);
        for (const meta of pages) {
          const uri = (meta as { ui: { resourceUri: string } }).ui.resourceUri;
          expect((await request("resources/read", { uri })).error).toBe(undefined);
        }
        expect((await request("resources/read", { uri: "made:1" })).error?.message)
          .toContain("not found");
        await request("tools/call", { name: first, arguments: {} });
        const read = await request("resources/read", { uri: "made:1" });
        expect(read.result?.["contents"]).toEqual([{ uri: "made:1", text: "a" }]);
      });

      test("sees them on another profile", async () => {
        const { own } = await setUp();
        const request = await open(own, "all");
        expect((await request("prompts/list")).result?.["prompts"]).toHaveLength(servers.length);
        for (const [method, key] of lists) {
          expect([method, ((await request(method)).result?.[key] as unknown[]).length])
            .toEqual([method, servers.length]);
        }
        expect((await request("resources/read", { uri: "a:any/1" })).error).toBe(undefined);
      });
    });
  }
}

test("a client is not told of prompts and skills that a profile withholds", async () => {
  const own = await start({
    servers: { a: shop("a") },
    profiles: { few: { servers: ["a"], prompts: false, resources: false } },
  });
  const few = await own.connect("ann", { path: "/profiles/few/mcp" });
  const { capabilities } = few.opened.result as { capabilities: JsonObject };
  expect([capabilities["prompts"], JSON.stringify(capabilities["extensions"] ?? {})])
    .toEqual([undefined, "{}"]);
  const all = await own.connect("ann", { path: "/servers/a/mcp" });
  expect(all.opened.text).toContain("skills");
});

describe("the page of an app", () => {
  const setUp = async (profile: JsonObject) => {
    const [a, b] = [shop("a"), shop("b")];
    for (const one of [a, b]) {
      one.reply = ({ method, params }) =>
        resultExchange(
          method === "resources/read"
            ? { contents: [{ uri: params["uri"], text: one.name }] }
            : { content: [], called: `${one.name} ${params["name"]}` },
        );
    }
    const own = await start({ servers: { a, b }, profiles: { apps: profile } });
    return (await own.connect("ann", { path: "/profiles/apps/mcp" })).request;
  };
  const rename = { rename: { poll: "look" } };
  const kinds: readonly (readonly [string, JsonObject])[] = [
    ["with prefixed names", {
      servers: { a: { tools: { ...rename, deny: ["pay"] } }, b: { tools: { deny: ["*"] } } },
    }],
    ["with bare names", {
      servers: { a: { tools: { ...rename, deny: ["pay"] } } },
    }],
  ];
  for (const [how, profile] of kinds) {
    test(`calls a renamed tool by its own name, and no hidden one, ${how}`, async () => {
      const request = await setUp(profile);
      await request("resources/read", { uri: page });
      const call = (name: string) => request("tools/call", { name, arguments: {} });
      expect((await call("poll")).result?.["called"]).toBe("a poll");
      expect((await call("pay")).error?.message).toContain('Unknown tool "pay"');
    });
  }
});

describe("a task", () => {
  test("of a session is not reached through a profile that withholds its tool", async () => {
    const server = programCommand("test/support/task_server.ts");
    const own = await start({
      servers: { one: { ...server, isolation: "shared" } },
      profiles: {
        quiet: { servers: { one: { tools: { deny: ["long"] } } } },
        named: { servers: { one: { tools: { rename: { long: "slow" } } } } },
      },
    });
    const open = (name: string) => own.connect("ann", { path: `/profiles/${name}/mcp` });
    const named = await open("named");
    const made = await named.request("tools/call", { name: "slow", task: { ttl: 60_000 } });
    const taskId = String((made.result?.["task"] as JsonObject)["taskId"]);
    expect((await named.request("tasks/result", { taskId })).result)
      .toMatchObject({ content: [{ type: "text", text: "run 1" }] });
    const quiet = await open("quiet");
    for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
      expect((await quiet.request(method, { taskId })).error?.code).toBe(-32602);
    }
    expect((await quiet.request("tasks/list")).result).toEqual({ tasks: [] });
    expect((await named.request("tasks/get", { taskId })).result?.["status"]).toBe("completed");
  }, 60_000);

  test("of a stateless client is not, either, and goes on where its tool has another name", async () => {
    const tasks = await startScriptedTasks();
    opened.push(tasks);
    const own = await start({
      servers: { one: { url: tasks.url } },
      profiles: {
        quiet: { servers: { one: { tools: { allow: ["other"] } } } },
        named: { servers: { one: { tools: { rename: { long: "slow" } } } } },
      },
    });
    const extensions = { "io.modelcontextprotocol/tasks": {} };
    const ask = (name: string, method: string, params: JsonObject) =>
      own.ask("ann", method, params, {
        path: `/profiles/${name}/mcp`,
        meta: { clientCapabilities: { extensions } },
      });
    const made = await ask("named", "tools/call", { name: "slow", arguments: {} });
    const taskId = String(made.result?.["taskId"]);
    tasks.state = completed("done");
    expect((await ask("named", "tasks/get", { taskId })).result)
      .toMatchObject({ status: "completed", result: { content: [{ text: "done" }] } });
    const { error } = await ask("quiet", "tasks/get", { taskId });
    expect([error?.code, error?.message.includes("Unknown task")]).toEqual([-32602, true]);
  });
});
