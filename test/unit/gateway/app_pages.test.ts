/** Pages of MCP Apps on a merged surface: which server a page belongs to, and what it may call. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Policy } from "../../../src/gateway/access_policy.ts";
import { resultExchange, settledExchange } from "../../../src/gateway/exchange.ts";
import type { Gateway } from "../../../src/gateway/surface.ts";
import type { Caller, JsonObject, Notice } from "../../../src/model.ts";
import {
  type CoreOptions,
  createCoreGateway,
  endOf,
  sessionCaller,
  statelessCaller,
} from "../../support/core_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";
import { createTestLog } from "../../support/log.ts";
import { until } from "../../support/wait.ts";

const page = "ui://app/page.html";
const pageOfB = "ui://mcp-wrapper/b/app/page.html";

const tool = (name: string, meta?: JsonObject): JsonObject => ({
  name,
  inputSchema: { type: "object" },
  ...(meta && { _meta: meta }),
});
const show = tool("show", { ui: { resourceUri: page } });
const poll = tool("poll", { ui: { visibility: ["app"] } });

/** A server of apps; its answers say its name and what it got. */
function appServer(name: string, lists: FakeUpstream["lists"] = {}): FakeUpstream {
  const fake = createFakeUpstream(name, { tools: [show, poll], resources: [], ...lists });
  fake.reply = ({ method, params }) =>
    resultExchange(
      method === "resources/read"
        ? { contents: [{ uri: params["uri"], text: name }] }
        : { server: name, called: params["name"] ?? params["ref"] ?? params["uri"] },
    );
  return fake;
}

async function ask(
  gateway: Gateway,
  caller: Caller,
  method: string,
  params: JsonObject = {},
): Promise<JsonObject> {
  const ending = await endOf(gateway, caller, method, params);
  if (ending.kind === "result") return ending.value;
  if (ending.kind === "failure") return { failure: ending.error.toRpc() };
  return { unexpected: ending };
}

/** Two servers from one template. */
const twins = async (options: CoreOptions = {}) => {
  const [a, b] = [appServer("a"), appServer("b")];
  const gateway = await createCoreGateway([a, b], options);
  const by = (caller: Caller) => ({
    read: (uri: string) => ask(gateway, caller, "resources/read", { uri }),
    call: (name: string) => ask(gateway, caller, "tools/call", { name }),
    list: (method: string) => ask(gateway, caller, method),
  });
  return { a, b, gateway, by };
};

const unknown = (name: string) => ({
  failure: { code: -32602, message: expect.stringContaining(`Unknown tool "${name}"`) },
});
const ambiguous = (...candidates: string[]) => ({
  failure: { code: -32602, data: { candidates } },
});

describe("a page that two servers have", () => {
  test("is the first server's under its own URI, whether its list or its tools name it", async () => {
    for (const ofA of [{ resources: [{ uri: page }], tools: [poll] }, {}]) {
      for (const ofB of [{ resources: [{ uri: page }], tools: [poll] }, {}]) {
        const gateway = await createCoreGateway([appServer("a", ofA), appServer("b", ofB)]);
        for (const caller of [sessionCaller(), statelessCaller()]) {
          const { tools } = await ask(gateway, caller, "tools/list");
          const { resources } = await ask(gateway, caller, "resources/list");
          const named = JSON.stringify({ tools, resources }).match(/ui:\/\/[^"]*/g);
          expect(new Set(named)).toEqual(new Set([page, pageOfB]));
          for (const [uri, text] of [[page, "a"], [pageOfB, "b"]]) {
            const read = await ask(gateway, caller, "resources/read", { uri });
            expect(read).toEqual({ contents: [{ uri, text }] });
          }
        }
      }
    }
  });

  test("stays that of the server whose tool was listed with it, though the first one comes later", async () => {
    const { a, by } = await twins();
    a.broken = new GatewayError("upstream_unavailable");
    const early = by(sessionCaller("early"));
    expect(JSON.stringify(await early.list("tools/list"))).toContain(`"${page}"`);
    a.broken = undefined;
    expect(await early.read(page)).toMatchObject({ contents: [{ text: "b" }] });
    expect(await by(sessionCaller("late")).read(page)).toMatchObject({ contents: [{ text: "a" }] });
    await early.list("tools/list");
    expect(await early.read(page)).toMatchObject({ contents: [{ text: "a" }] });
    expect(await early.read(pageOfB)).toMatchObject({ contents: [{ text: "b" }] });
  });

  test("is not named as the gateway names another server's", async () => {
    const trick = tool("show", { ui: { resourceUri: pageOfB } });
    const gateway = await createCoreGateway([appServer("a", { tools: [trick] }), appServer("b")]);
    const { tools } = await ask(gateway, sessionCaller(), "tools/list");
    const uri = "ui://mcp-wrapper/a/mcp-wrapper/b/app/page.html";
    expect((tools as JsonObject[])[0]?.["_meta"]).toEqual({ ui: { resourceUri: uri } });
    expect(await ask(gateway, sessionCaller(), "resources/read", { uri })).toEqual({
      contents: [{ uri, text: "a" }],
    });
  });

  test("is subscribed to, completed and announced under the URI that the client knows", async () => {
    const { a, b, gateway } = await twins();
    b.capabilities = { ...b.capabilities, completions: {} };
    b.lists.templates = [{ uriTemplate: "ui://app/{id}" }];
    a.lists.templates = b.lists.templates;
    const caller = sessionCaller();
    const heard: Notice[] = [];
    const watcher = { notice: (notice: Notice) => void heard.push(notice), ask: () => never };
    const stop = gateway.watch("/mcp", caller, watcher, () => []);
    await ask(gateway, caller, "resources/subscribe", { uri: pageOfB });
    expect(b.opened.map(({ params }) => params)).toEqual([{ uri: page }]);
    const params = { uri: page };
    const method = "notifications/resources/updated";
    b.watchers.get(caller.scope)?.watcher.notice({ kind: "notice", method, params });
    await until("the notice", () => heard.length > 0);
    expect(heard[0]?.params).toEqual({ uri: pageOfB });
    stop();
    const { resourceTemplates } = await ask(gateway, caller, "resources/templates/list");
    const [, { uriTemplate } = {}] = resourceTemplates as JsonObject[];
    expect(uriTemplate).toBe("ui://mcp-wrapper/b/app/{id}");
    const ref = { type: "ref/resource", uri: uriTemplate };
    expect(await ask(gateway, caller, "completion/complete", { ref })).toEqual({
      server: "b",
      called: { type: "ref/resource", uri: "ui://app/{id}" },
    });
  });
});

const never = new Promise<never>(() => {});

test("what is read comes back under the URI that the client asked for", async () => {
  const { by } = await twins();
  for (const uri of ["ui://mcp-wrapper/b/app/unlisted.html", "mcp-wrapper://b/file:///unlisted"]) {
    expect(await by(sessionCaller()).read(uri)).toEqual({ contents: [{ uri, text: "b" }] });
  }
});

describe("a page that a result names", () => {
  test("can be read by the client that got the result, at the server of the result", async () => {
    const { a, b, gateway, by } = await twins();
    const hidden = "ui://app/hidden.html";
    for (const fake of [a, b]) {
      const { reply } = fake;
      fake.reply = (call) =>
        call.method === "tools/call"
          ? resultExchange({
            content: [],
            _meta: {
              ui: { resourceUri: hidden, more: 1 },
              "openai/outputTemplate": page,
              "vendor/uri": hidden,
            },
          })
          : reply(call);
    }
    const { call, read } = by(sessionCaller());
    expect(await call("a__show")).toMatchObject({
      _meta: { ui: { resourceUri: hidden, more: 1 }, "openai/outputTemplate": page },
    });
    const hiddenOfB = "ui://mcp-wrapper/b/app/hidden.html";
    expect(await call("b__show")).toEqual({
      content: [],
      _meta: {
        ui: { resourceUri: hiddenOfB, more: 1 },
        "openai/outputTemplate": pageOfB,
        "vendor/uri": hidden,
      },
    });
    expect(await read(hidden)).toEqual({ contents: [{ uri: hidden, text: "a" }] });
    expect(await read(hiddenOfB)).toEqual({ contents: [{ uri: hiddenOfB, text: "b" }] });
    const stranger = await ask(gateway, sessionCaller("2"), "resources/read", { uri: hidden });
    expect(stranger).toMatchObject({ failure: { code: -32002 } });
  });
});

test("a server that hangs holds up no result that names a page, listed or not", async () => {
  const slow = { firstListMs: 30_000, listMs: 30_000 };
  const [hung, b, c] = [appServer("hung"), appServer("b"), appServer("c")];
  const gateway = await createCoreGateway([hung, b, c], { limits: slow });
  hung.slow = never;
  for (const uri of [page, "ui://app/hidden.html"]) {
    for (const fake of [b, c]) {
      fake.reply = () => resultExchange({ content: [], _meta: { ui: { resourceUri: uri } } });
    }
    for (const caller of [sessionCaller(), statelessCaller()]) {
      const named = async (name: string) =>
        JSON.stringify(await ask(gateway, caller, "tools/call", { name }));
      expect(await named("b__show")).toContain(`"${uri}"`);
      expect(await named("c__show")).toContain(`"${uri.replace("ui://", "ui://mcp-wrapper/c/")}"`);
    }
  }
});

describe("a call by a server's own name", () => {
  test("reaches the one server that offers it to pages, by a tool of any visibility but the model's", async () => {
    const rows: [JsonObject | undefined, boolean][] = [
      [undefined, true],
      [{}, true],
      [{ ui: {} }, true],
      [{ ui: { visibility: null } }, true],
      [{ ui: { visibility: ["app"] } }, true],
      [{ ui: { visibility: ["model", "app"] } }, true],
      [{ ui: { visibility: ["model"] } }, false],
      [{ ui: { visibility: [] } }, false],
      [{ ui: { visibility: "app" } }, false],
    ];
    for (const [meta, isCalled] of rows) {
      const a = appServer("a", { tools: [show, tool("x", meta)] });
      const gateway = await createCoreGateway([a, appServer("b")]);
      const answer = await ask(gateway, sessionCaller(), "tools/call", { name: "x" });
      expect(answer).toMatchObject(isCalled ? { server: "a", called: "x" } : unknown("x"));
    }
  });

  test("reaches no server without a page, wherever another one has its page", async () => {
    const x = [tool("x")];
    const rows: [FakeUpstream["lists"], boolean][] = [
      [{ tools: x }, false],
      [{ tools: x, resources: [{ uri: "file:///page" }] }, false],
      [{ tools: x, resources: [{ uri: page }] }, true],
      [{ tools: x, templates: [{ uriTemplate: "ui://app/{id}" }] }, true],
      [{ tools: [...x, tool("y", { "ui/resourceUri": page })] }, true],
      [{ tools: [...x, tool("y", { "openai/outputTemplate": page })] }, true],
      [{ tools: [...x, tool("y", { "openai/outputTemplate": "https://example.com" })] }, false],
    ];
    for (const [lists, isCalled] of rows) {
      const gateway = await createCoreGateway([appServer("a"), createFakeUpstream("b", lists)]);
      const answer = await ask(gateway, sessionCaller(), "tools/call", { name: "x" });
      expect(answer).toMatchObject(isCalled ? { method: "tools/call" } : unknown("x"));
    }
  });

  test("is refused by the names of all candidates, until a page is read", async () => {
    const { by, a, b } = await twins();
    const { read, call } = by(sessionCaller());
    expect(await call("poll")).toMatchObject(ambiguous("a__poll", "b__poll"));
    expect([...a.opened, ...b.opened]).toEqual([]);
    await read(pageOfB);
    expect(await call("poll")).toEqual({ server: "b", called: "poll" });
    await read(page);
    expect(await call("poll")).toEqual({ server: "a", called: "poll" });
    expect(await by(sessionCaller("2")).call("poll")).toMatchObject(
      ambiguous("a__poll", "b__poll"),
    );
  });

  test("is that of the last page of its principal, never of clients that do not authenticate", async () => {
    const { by } = await twins();
    const [alice, bob, none] = [statelessCaller("alice"), statelessCaller("bob"), statelessCaller()]
      .map(by);
    await alice?.read(pageOfB);
    await bob?.read(page);
    await none?.read(pageOfB);
    expect(await alice?.call("poll")).toEqual({ server: "b", called: "poll" });
    expect(await bob?.call("poll")).toEqual({ server: "a", called: "poll" });
    expect(await none?.call("poll")).toMatchObject(ambiguous("a__poll", "b__poll"));
  });

  test("does not depend on other resources that are read", async () => {
    const { by, b } = await twins();
    b.lists.resources = [{ uri: "file:///of-b" }];
    const { read, call } = by(sessionCaller());
    await read(page);
    expect(await read("file:///of-b")).toMatchObject({ contents: [{ text: "b" }] });
    expect(await call("poll")).toEqual({ server: "a", called: "poll" });
  });

  test("does not depend on a page that could not be read, or that another client reads", async () => {
    const { by, b } = await twins();
    const { read, call } = by(sessionCaller());
    await read(page);
    b.reply = () =>
      settledExchange({ kind: "failure", error: new GatewayError("upstream_error", "gone") });
    expect(await read(pageOfB)).toMatchObject({ failure: {} });
    await by(sessionCaller("2")).read(pageOfB);
    expect(await call("poll")).toEqual({ server: "a", called: "poll" });
  });

  test("is forgotten with the session that read the page", async () => {
    const { by, gateway } = await twins();
    await by(sessionCaller()).read(page);
    gateway.endScope(sessionCaller().scope);
    expect(await by(sessionCaller()).call("poll")).toMatchObject(ambiguous("a__poll", "b__poll"));
  });

  test("of a tool that a filter or the policy hides is unknown, and one that is renamed is called", async () => {
    const deny: Policy = ({ id }, server, item) =>
      id === "bob" && server === "a" && item?.own === "poll" ? "deny" : "allow";
    const { by } = await twins({ policy: deny, tools: { b: { deny: ["poll"] } } });
    expect(await by(statelessCaller("alice")).call("poll")).toMatchObject({ server: "a" });
    expect(await by(statelessCaller("bob")).call("poll")).toMatchObject(unknown("poll"));
    const renamed = await twins({ tools: { a: { rename: { poll: "ask" } }, b: { deny: ["*"] } } });
    expect(await renamed.by(sessionCaller()).call("poll")).toEqual({ server: "a", called: "poll" });
    expect(await renamed.by(sessionCaller()).call("ask")).toMatchObject(unknown("ask"));
    expect(await renamed.by(sessionCaller()).call("show")).toMatchObject({ server: "a" });
  });

  test("of the last page, whose server withholds it, does not reach another server", async () => {
    const deny: Policy = ({ id }, server, item) =>
      id === "bob" && server === "b" && item?.own === "poll" ? "deny" : "allow";
    for (const options of [{ tools: { b: { deny: ["poll"] } } }, { policy: deny }]) {
      const { by } = await twins(options);
      const { read, call } = by(statelessCaller("bob"));
      await read(page);
      await read(pageOfB);
      expect(await call("poll")).toMatchObject(unknown("poll"));
      await read(page);
      expect(await call("poll")).toMatchObject({ server: "a" });
    }
  });

  test("is known to the policy and the log by the name that is listed", async () => {
    const log = createTestLog();
    const asking: Policy = (_principal, _server, item) => item?.own === "poll" ? "ask" : "allow";
    const { by } = await twins({ policy: asking, log, tools: { b: { deny: ["poll"] } } });
    expect(await by(sessionCaller()).call("poll")).toMatchObject({
      failure: { message: expect.stringContaining('Cannot call "a__poll"') },
    });
    const ended = log.records.find(({ message }) => message === "Call failed");
    expect(ended?.fields).toMatchObject({ server: "a", tool: "poll" });
    const replied = log.records.filter(({ message }) => message.startsWith("Reply"));
    expect(replied.map(({ fields }) => fields?.["what"])).toEqual(["a__poll"]);
  });

  test("means the listed tool where one has that name", async () => {
    const a = appServer("a", { tools: [show, tool("b__poll")] });
    const b = appServer("b");
    const gateway = await createCoreGateway([a, b]);
    const caller = sessionCaller();
    await ask(gateway, caller, "resources/read", { uri: page });
    expect(await ask(gateway, caller, "tools/call", { name: "b__poll" })).toEqual({
      server: "b",
      called: "poll",
    });
  });

  test("works in front of one server whose names are prefixed", async () => {
    const gateway = await createCoreGateway([appServer("a")]);
    expect(await ask(gateway, sessionCaller(), "tools/call", { name: "poll" })).toEqual({
      server: "a",
      called: "poll",
    });
  });

  test("changes nothing where names are bare", async () => {
    const { by } = await twins({ names: "bare", tools: { a: { rename: { show: "view" } } } });
    const { call, read } = by(sessionCaller());
    await read(pageOfB);
    expect(await call("poll")).toEqual({ server: "a", called: "poll" });
    expect(await call("b__poll")).toEqual({ server: "b", called: "poll" });
    expect(await call("view")).toEqual({ server: "a", called: "show" });
  });

  test("asks no server for lists that are known", async () => {
    const { a, b, by } = await twins();
    const { call, read } = by(sessionCaller());
    await read(pageOfB);
    for (const fake of [a, b]) fake.list = () => Promise.reject(new Error("It was asked"));
    expect(await call("poll")).toEqual({ server: "b", called: "poll" });
    expect(await call("nothing")).toMatchObject(unknown("nothing"));
  });

  test("waits for no server that hangs, once the page or another server decides", async () => {
    const { a, by } = await twins({ limits: { firstListMs: 30_000, listMs: 10_000 } });
    const { call, read } = by(sessionCaller());
    a.slow = never;
    await read(pageOfB);
    expect(await call("poll")).toEqual({ server: "b", called: "poll" });
    const other = by(sessionCaller("2"));
    expect(await other.call("poll")).toEqual({ server: "b", called: "poll" });
  });
});

test("a call that may be meant for a server whose list comes late reaches no other server", async () => {
  const { a, b, by } = await twins({ limits: { firstListMs: 30_000, listMs: 10_000 } });
  expect(await by(statelessCaller()).call("poll")).toMatchObject(ambiguous("a__poll", "b__poll"));
  b.slow = never;
  for (const caller of [statelessCaller(), sessionCaller()]) {
    expect(await by(caller).call("poll")).toMatchObject(ambiguous("a__poll", "b__poll"));
  }
  expect([...a.opened, ...b.opened]).toEqual([]);
});

test("nor when it was listed since for clients that show no pages", async () => {
  const { a, b, by } = await twins({ limits: { firstListMs: 30_000, listMs: 10_000 } });
  const capabilities = { extensions: { "io.modelcontextprotocol/ui": {} } };
  const shows = (caller: Caller) => by({ ...caller, capabilities });
  const both = ambiguous("a__poll", "b__poll");
  expect(await shows(statelessCaller()).call("poll")).toMatchObject(both);
  b.lists.tools = [tool("as_text")];
  expect(await by(statelessCaller()).call("poll")).toEqual({ server: "a", called: "poll" });
  b.slow = never;
  expect(await shows(sessionCaller()).call("poll")).toMatchObject(both);
  expect([a, b].map(({ opened }) => opened.length)).toEqual([1, 0]);
});

describe("a call of a page that asks for input", () => {
  test("goes on at its server; after another page was read it is refused, and reaches no other server", async () => {
    const { a, b, gateway, by } = await twins();
    const alice = statelessCaller("alice");
    const pausing = () =>
      settledExchange({ kind: "inputRequired", questions: [], state: "of the server" });
    await by(alice).read(pageOfB);
    const { reply } = b;
    b.reply = pausing;
    const pause = await endOf(gateway, alice, "tools/call", { name: "poll" });
    if (pause.kind !== "inputRequired") throw new Error(`It did not pause: ${pause.kind}`);
    const resume = { answers: {}, state: pause.state };
    b.reply = reply;
    expect(await endOf(gateway, alice, "tools/call", { name: "poll" }, resume)).toMatchObject({
      kind: "result",
      value: { server: "b" },
    });
    await by(alice).read(page);
    const before = a.opened.length;
    const strayed = await endOf(gateway, alice, "tools/call", { name: "poll" }, resume);
    expect(strayed.kind === "failure" && strayed.error.message).toContain('a call of "b__poll"');
    expect(a.opened.length).toBe(before);
  });
});
