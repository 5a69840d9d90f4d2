/**
 * A group may see 3 of 20 tools: nothing that its clients receive has a trace of the others, whether
 * they have a session or not.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject, Notice } from "../../src/model.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  answerOf,
  startWithAccess,
} from "../support/access_gateway.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";
import { framesOf } from "../support/http_harness.ts";
import { until } from "../support/wait.ts";

const seen = ["look_up", "look_around", "count_open"];
const hidden = Array.from({ length: 17 }, (_, at) => `zap_${"abcdefghijklmnopq"[at]}`);

const tool = (name: string) => ({
  name,
  description: `Does ${name}`,
  inputSchema: { type: "object" },
});

const access = [
  { group: "readers", servers: "depot", tools: ["look_*", "count_open"], what: "allow" },
  { group: "readers", servers: "depot", resources: "file:///open/*", what: "allow" },
  { group: "readers", servers: "depot", prompts: "greet", what: "allow" },
  { group: "owners", what: "allow" },
];

const people = {
  reader: { id: "user:rita", groups: ["readers"] },
  owner: { id: "user:olga", groups: ["owners"] },
  guest: { id: "user:gus" },
};

let depot: FakeUpstream;
let vault: FakeUpstream;
let own: AccessGateway;

beforeEach(async () => {
  depot = createFakeUpstream("depot", {
    tools: [...seen, ...hidden].map(tool),
    prompts: [{ name: "greet" }, { name: "zap_prompt" }],
    resources: [{ uri: "file:///open/a", name: "a" }, { uri: "file:///zap/b", name: "zap b" }],
    templates: [{ uriTemplate: "file:///zap/{id}", name: "zap" }],
  });
  depot.capabilities = { ...depot.capabilities, completions: {}, logging: {} };
  depot.instructions = "Call zap_a before you leave";
  vault = createFakeUpstream("zap_vault", { tools: [tool("zap_open")] });
  own = await startWithAccess({ servers: { depot, zap_vault: vault }, access, people });
});

afterEach(() => own.close());

/** A client: how it makes a request. */
type Request = (method: string, params?: JsonObject) => Promise<AccessAnswer>;

/** The two kinds of clients. */
const clients: Readonly<Record<string, (person: string, path?: string) => Promise<Request>>> = {
  "a client with a session": async (person, path = "/mcp") => {
    const session = await own.connect(person, { path });
    expect(session.opened.text).not.toContain("zap");
    return session.request;
  },
  "a stateless client": (person, path = "/mcp") =>
    Promise.resolve((method, params = {}) => own.ask(person, method, params, { path })),
};

const namesIn = ({ result }: AccessAnswer, key = "tools") =>
  (result?.[key] as JsonObject[] | undefined)?.map(({ name }) => name);

const completionOf = (name: string) => ({
  ref: { type: "ref/prompt", name },
  argument: { name: "who", value: "w" },
});

for (const [who, open] of Object.entries(clients)) {
  describe(who, () => {
    test("gets three of twenty tools, and no byte that names another thing", async () => {
      const request = await open("reader");
      const got: AccessAnswer[] = [];
      const note = async (method: string, params?: JsonObject) => {
        const answer = await request(method, params);
        got.push(answer);
        return answer;
      };
      const tools = await note("tools/list");
      expect(namesIn(tools)).toEqual(seen.map((name) => `depot__${name}`));
      expect(namesIn(await note("prompts/list"), "prompts")).toEqual(["depot__greet"]);
      const resources = await note("resources/list");
      expect((resources.result?.["resources"] as JsonObject[]).map(({ uri }) => uri))
        .toEqual(["file:///open/a"]);
      const templates = await note("resources/templates/list");
      expect(templates.result?.["resourceTemplates"]).toEqual([]);
      const called = await note("tools/call", { name: "depot__look_up", arguments: {} });
      expect(called.result?.["method"]).toBe("tools/call");
      expect((await note("prompts/get", { name: "depot__greet" })).error).toBe(undefined);
      expect((await note("resources/read", { uri: "file:///open/a" })).error).toBe(undefined);
      for (const { text } of got) expect(text).not.toContain("zap");
      expect(depot.opened.length).toBe(3);
    });

    test("gets the answer for an unknown name where it may not know the thing", async () => {
      const request = await open("reader");
      const twins: readonly [string, (name: string) => JsonObject, string, string][] = [
        ["tools/call", (name) => ({ name, arguments: {} }), "depot__zap_a", "depot__nil_a"],
        ["tools/call", (name) => ({ name }), "zap_vault__zap_open", "nil_vault__nil_open"],
        ["prompts/get", (name) => ({ name }), "depot__zap_prompt", "depot__nil_prompt"],
        ["completion/complete", completionOf, "depot__zap_prompt", "depot__nil_prompt"],
        ["resources/read", (uri) => ({ uri }), "file:///zap/b", "file:///nil/b"],
        ["resources/subscribe", (uri) => ({ uri }), "file:///zap/b", "file:///nil/b"],
      ];
      for (const [method, params, denied, unknown] of twins) {
        const one = await request(method, params(denied));
        const other = await request(method, params(unknown));
        expect([method, one.status]).toEqual([method, other.status]);
        expect(one.error?.message).toMatch(/unknown|not found/i);
        expect(JSON.stringify(one.error).replaceAll("zap", "nil")).toBe(
          JSON.stringify(other.error),
        );
      }
      expect(depot.opened).toEqual([]);
      expect(vault.opened).toEqual([]);
    });

    test("sees a surface of a server that it may not know as one that does not exist", async () => {
      const answers = await Promise.all(["zap_vault", "nil_vault"].map(async (name) => {
        const response = await own.send("reader", "POST", `/servers/${name}/mcp`, {
          headers: { "content-type": "application/json", accept: "application/json" },
          body: { jsonrpc: "2.0", id: 1, method: "ping" },
        });
        return [response.status, (await response.text()).replaceAll("zap", "nil")];
      }));
      expect(answers[0]).toEqual(answers[1]);
      expect(answers[0]?.[0]).toBe(404);
    });

    test("gets no method through that the gateway does not know, unless it may use everything", async () => {
      const limited = await open("reader", "/servers/depot/mcp");
      expect((await limited("depot/inventory")).error?.code).toBe(-32601);
      expect(depot.opened).toEqual([]);
      depot.instructions = undefined;
      const whole = await open("owner", "/servers/depot/mcp");
      expect((await whole("depot/inventory")).result?.["method"]).toBe("depot/inventory");
    });

    test("sees nothing at all where no row is about it", async () => {
      const request = await open("guest");
      expect((await request("tools/list")).result?.["tools"]).toEqual([]);
      expect((await request("tools/call", { name: "depot__look_up" })).error?.message)
        .toContain("Unknown tool");
    });

    test("reaches an allowed tool on the server's own surface, and none that is denied", async () => {
      const request = await open("reader", "/servers/depot/mcp");
      expect(namesIn(await request("tools/list"))).toEqual(seen);
      expect((await request("tools/call", { name: "look_up" })).error).toBe(undefined);
      const denied = await request("tools/call", { name: "zap_a" });
      const unknown = await request("tools/call", { name: "nil_a" });
      expect(JSON.stringify(denied.error).replaceAll("zap", "nil"))
        .toBe(JSON.stringify(unknown.error));
      expect(depot.opened.length).toBe(1);
    });
  });
}

/** What the servers say on their own. */
const notices: readonly Notice[] = [
  {
    kind: "notice",
    method: "notifications/message",
    params: { level: "error", data: "zap_a failed" },
  },
  {
    kind: "notice",
    method: "notifications/resources/updated",
    params: { uri: "file:///zap/b" },
  },
  {
    kind: "notice",
    method: "notifications/resources/updated",
    params: { uri: "file:///open/a" },
  },
];

function sayAll(): void {
  for (const server of [depot, vault]) {
    for (const audience of server.audiences) {
      for (const notice of notices) audience.noticeAll(notice);
    }
  }
}

test("a stream of a session carries what its client may know, and no trace of the rest", async () => {
  const session = await own.connect("reader");
  expect((await session.request("resources/subscribe", { uri: "file:///open/a" })).error)
    .toBe(undefined);
  const frames = framesOf(await session.listen());
  sayAll();
  let text = "";
  while (!text.includes("file:///open/a")) text += JSON.stringify(await frames.next());
  sayAll();
  for (;;) {
    const next = JSON.stringify(await frames.next());
    text += next;
    if (next.includes("file:///open/a")) break;
  }
  expect(text).not.toContain("zap");
  await frames.cancel();
});

test("a stateless client's stream carries what it may know, and no trace of the rest", async () => {
  const { modern, envelope, mirror } = await import("../support/stateless_client.ts");
  const method = "subscriptions/listen";
  const notifications = {
    toolsListChanged: true,
    resourceSubscriptions: ["file:///open/a", "file:///zap/b"],
  };
  const response = await own.send("reader", "POST", "/mcp", {
    headers: { ...mirror(method, {}), "mcp-protocol-version": modern },
    body: { jsonrpc: "2.0", id: 1, method, params: { notifications, _meta: envelope() } },
  });
  const frames = framesOf(response);
  // The acknowledgement repeats what the client itself asked for.
  expect(JSON.stringify(await frames.next())).toContain("acknowledged");
  await until("the subscription", () => depot.opened.length === 1);
  await until("the servers to be watched", () => depot.audiences.size === 1);
  sayAll();
  expect(JSON.stringify(await frames.next())).toContain("file:///open/a");
  sayAll();
  expect(JSON.stringify(await frames.next())).toContain("file:///open/a");
  await frames.cancel();
});

test("a denied tool and an unknown server are the same for the oldest transport", async () => {
  const [denied, unknown] = await Promise.all(
    ["zap_vault", "nil_vault"].map(async (name) => {
      const accept = "text/event-stream";
      return await answerOf(
        await own.send("reader", "GET", `/servers/${name}/sse`, { headers: { accept } }),
      );
    }),
  );
  expect(denied?.status).toBe(404);
  expect(denied?.text.replaceAll("zap", "nil")).toBe(unknown?.text ?? "");
});

test("a program is not started for a name that is denied", async () => {
  const gateway = await startWithAccess({
    servers: { child: hostileCommand(), other: hostileCommand() },
    access: [
      { group: "readers", servers: "child", tools: "echo", what: "allow" },
      { group: "owners", what: "allow" },
    ],
    people,
  });
  const states = () => gateway.gateway.servers().map(({ state }) => state);
  const path = "/servers/child/mcp";
  try {
    const session = await gateway.connect("guest");
    for (const name of ["child__echo", "other__echo", "nil__echo"]) {
      const { error } = await session.request("tools/call", { name, arguments: {} });
      expect(error?.message).toBe(`Unknown tool "${name}": list the tools to see which there are`);
    }
    const denied = await gateway.ask("reader", "tools/call", { name: "kill_self" }, { path });
    expect(denied.error?.message).toContain('Unknown tool "kill_self"');
    expect(states()).toEqual(["idle", "idle"]);
    // The same call works for who may make it, and only that starts the program.
    const allowed = { name: "echo", arguments: { text: "hello" } };
    expect((await gateway.ask("reader", "tools/call", allowed, { path })).text).toContain("hello");
    expect(states()).toEqual(["running", "idle"]);
  } finally {
    await gateway.close();
  }
});

test("who may use everything gets everything", async () => {
  const { result } = await own.ask("owner", "tools/list");
  expect((result?.["tools"] as JsonObject[]).length).toBe(21);
  const session = await own.connect("owner");
  expect(session.opened.text).toContain("Call zap_a before you leave");
});
