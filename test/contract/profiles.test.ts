/**
 * Profiles: what clients of a profile see and call, with a session or without, and what an edit of
 * the profiles changes.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  answerOf,
  startWithAccess,
} from "../support/access_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";
import { errorOf, framesOf, initialize, jsonHeaders } from "../support/http_harness.ts";
import { envelope, mirror, modern } from "../support/stateless_client.ts";
import { until } from "../support/wait.ts";

const tool = (name: string) => ({
  name,
  description: `Does ${name}`,
  inputSchema: { type: "object" },
});
const people = { ann: { id: "user:ann" }, bob: { id: "user:bob", groups: ["guests"] } };

const work = {
  description: "Reading at work",
  servers: {
    files: {
      tools: {
        allow: ["read_*", "list_files"],
        deny: ["read_media"],
        rename: { read_file: "read" },
        describe: { read_file: "Reads a text file of the project" },
      },
    },
    tickets: {},
  },
};
const path = "/profiles/work/mcp";

let files: FakeUpstream;
let tickets: FakeUpstream;
let own: AccessGateway;

beforeEach(async () => {
  files = createFakeUpstream("files", {
    tools: ["read_file", "read_media", "list_files", "write_file"].map(tool),
    prompts: [{ name: "tidy" }],
    resources: [{ uri: "file:///a", name: "a" }],
  });
  tickets = createFakeUpstream("tickets", {
    tools: ["find", "close"].map(tool),
    prompts: [{ name: "report" }],
    resources: [{ uri: "ticket:1", name: "one" }],
    templates: [{ uriTemplate: "ticket:{id}", name: "any" }],
  });
  own = await startWithAccess({ servers: { files, tickets }, people, profiles: { work } });
});

afterEach(() => own.close());

/** How a client makes a request. */
type Request = (method: string, params?: JsonObject) => Promise<AccessAnswer>;

/** The two kinds of clients. */
const clients: Readonly<Record<string, (at?: string, person?: string) => Promise<Request>>> = {
  "a client with a session": async (at = path, person = "ann") =>
    (await own.connect(person, { path: at })).request,
  "a stateless client": (at = path, person = "ann") =>
    Promise.resolve((method, params = {}) => own.ask(person, method, params, { path: at })),
};

const itemsIn = ({ result }: AccessAnswer, key: string, member = "name") =>
  (result?.[key] as JsonObject[] | undefined)?.map((item) => item[member]);
const toolsOf = async (request: Request) => itemsIn(await request("tools/list"), "tools");
const calledAt = (server: FakeUpstream) =>
  server.opened.filter(({ method }) => method === "tools/call").map(({ params }) => params["name"]);

for (const [who, open] of Object.entries(clients)) {
  describe(who, () => {
    test("sees the tools of the profile under its names, with its descriptions", async () => {
      const request = await open();
      const { result } = await request("tools/list");
      const tools = result?.["tools"] as JsonObject[];
      expect(tools.map(({ name, description }) => [name, description])).toEqual([
        ["files__read", "Reads a text file of the project"],
        ["files__list_files", "Does list_files"],
        ["tickets__find", "Does find"],
        ["tickets__close", "Does close"],
      ]);
      const onAll = await toolsOf(await open("/mcp"));
      expect(onAll).toEqual([
        ...["read_file", "read_media", "list_files", "write_file"].map((name) => `files__${name}`),
        ...["find", "close"].map((name) => `tickets__${name}`),
      ]);
    });

    test("calls a renamed tool, which its server knows by its own name", async () => {
      const request = await open();
      const { result } = await request("tools/call", { name: "files__read", arguments: {} });
      expect((result?.["params"] as JsonObject)["name"]).toBe("read_file");
      expect((await request("tools/call", { name: "tickets__close" })).error).toBe(undefined);
      expect([calledAt(files), calledAt(tickets)]).toEqual([["read_file"], ["close"]]);
    });

    test("cannot call a hidden tool by any name", async () => {
      const request = await open();
      const names = ["write_file", "read_media", "read_file", "read"];
      for (const name of [...names, ...names.slice(0, 3).map((one) => `files__${one}`)]) {
        const { error } = await request("tools/call", { name, arguments: {} });
        expect([name, error?.message])
          .toEqual([name, `Unknown tool "${name}": list the tools to see which there are`]);
      }
      expect(files.opened).toEqual([]);
    });

    test("reaches the prompts and resources of the servers", async () => {
      const request = await open();
      expect(itemsIn(await request("prompts/list"), "prompts"))
        .toEqual(["files__tidy", "tickets__report"]);
      expect(itemsIn(await request("resources/list"), "resources", "uri"))
        .toEqual(["file:///a", "ticket:1"]);
      await request("prompts/get", { name: "tickets__report" });
      await request("resources/read", { uri: "file:///a" });
      await request("resources/read", { uri: "ticket:7" });
      expect(tickets.opened.map(({ params }) => params["name"] ?? params["uri"]))
        .toEqual(["report", "ticket:7"]);
      expect(files.opened.map(({ params }) => params["uri"])).toEqual(["file:///a"]);
    });

    test("gets bare names where the profile has one server or asks for them", async () => {
      await own.setProfiles({
        one: { servers: { files: { tools: { rename: { read_file: "get" } } } } },
        bare: { servers: ["tickets", "files"], names: "bare" },
        full: { servers: ["tickets"], names: "prefixed" },
      });
      expect(await toolsOf(await open("/profiles/one/mcp")))
        .toEqual(["get", "read_media", "list_files", "write_file"]);
      const bare = await open("/profiles/bare/mcp");
      expect(await toolsOf(bare))
        .toEqual(["find", "close", "read_file", "read_media", "list_files", "write_file"]);
      await bare("tools/call", { name: "write_file" });
      expect(await toolsOf(await open("/profiles/full/mcp")))
        .toEqual(["tickets__find", "tickets__close"]);
      const one = await open("/profiles/one/mcp");
      expect((await one("tools/call", { name: "read_file" })).error?.message)
        .toContain('Unknown tool "read_file"');
      await one("tools/call", { name: "get" });
      expect(calledAt(files)).toEqual(["write_file", "read_file"]);
    });

    test("keeps its rights, by the servers' own names", async () => {
      await own.setAccess([
        { group: "guests", servers: "files", tools: "read_file", what: "allow" },
        { principal: "user:ann", what: "allow" },
      ]);
      const request = await open(path, "bob");
      expect(await toolsOf(request)).toEqual(["files__read"]);
      expect((await request("tools/call", { name: "files__read" })).error).toBe(undefined);
      for (const name of ["files__list_files", "tickets__find"]) {
        expect((await request("tools/call", { name })).error?.message).toContain("Unknown tool");
      }
      expect([calledAt(files), tickets.opened.length]).toEqual([["read_file"], 0]);
    });
  });
}

test("a profile narrows what its server offers, and its names come first", async () => {
  await own.close();
  own = await startWithAccess({
    servers: { files, tickets },
    people,
    filters: {
      files: {
        deny: ["write_file"],
        rename: { read_file: "open", list_files: "look" },
        describe: { list_files: "Lists, says the server's entry" },
      },
      tickets: ["find"],
    },
    profiles: {
      work: {
        servers: {
          files: { tools: { allow: ["*_file", "list_files"], rename: { read_file: "look" } } },
          tickets: { tools: ["find", "close"] },
        },
      },
    },
  });
  const { request } = await own.connect("ann", { path });
  const tools = (await request("tools/list")).result?.["tools"] as JsonObject[];
  expect(tools.map(({ name, description }) => [name, description])).toEqual([
    ["files__look", "Does read_file"],
    ["files__list_files", "Lists, says the server's entry"],
    ["tickets__find", "Does find"],
  ]);
  for (const name of ["files__write_file", "files__open", "tickets__close"]) {
    expect((await request("tools/call", { name })).error?.message).toContain("Unknown tool");
  }
  const whole = await own.connect("ann", { path: "/servers/files/mcp" });
  const described = (await whole.request("tools/list")).result?.["tools"] as JsonObject[];
  expect(described.map(({ name, description }) => [name, description])).toEqual([
    ["open", "Does read_file"],
    ["read_media", "Does read_media"],
    ["look", "Lists, says the server's entry"],
  ]);
});

describe("where a profile is not there", () => {
  const send = async (name: string) =>
    await errorOf(
      await own.send("ann", "POST", `/profiles/${name}/mcp`, {
        headers: jsonHeaders,
        body: initialize("2025-11-25"),
      }),
    );

  test("a wrong one and an unknown one get the same answer, which points to the log", async () => {
    await own.setProfiles({ work, wrong: { servers: { files: { tools: { allow: "x" } } } } });
    const answers = [await send("wrong"), await send("none")];
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    expect(answers[0]?.message).toBe(
      'Cannot find "/profiles/wrong": no such profile is configured, or the operator\'s log says ' +
        "what is wrong with it",
    );
    expect(answers[1]?.message.replace("none", "wrong")).toBe(answers[0]?.message ?? "");
    const reports = own.gateway.profileReports();
    expect(reports.map(({ name, problem }) => [name, problem])).toEqual([
      ["work", undefined],
      [
        "wrong",
        "profiles.wrong.servers.files.tools.allow in mcp.json: expected a list of strings, got a string",
      ],
    ]);
    expect(await toolsOf((await own.connect("ann", { path })).request)).toHaveLength(4);
  });

  test("a principal that may use none of its servers gets the answer for an unknown one", async () => {
    await own.setAccess([{ principal: "user:ann", what: "allow" }]);
    const body = initialize("2025-11-25");
    const [denied, unknown] = await Promise.all(["work", "none"].map(async (name) =>
      await errorOf(
        await own.send("bob", "POST", `/profiles/${name}/mcp`, { headers: jsonHeaders, body }),
      )
    ));
    expect(denied?.status).toBe(404);
    expect(denied?.message.replace("work", "none")).toBe(unknown?.message ?? "");
  });
});

describe("a server that is not there", () => {
  test("is absent from the profile, whose names stay, and comes when it is configured", async () => {
    await own.setProfiles({ work }, ["files"]);
    const { request } = await own.connect("ann", { path });
    expect(await toolsOf(request)).toEqual(["files__read", "files__list_files"]);
    expect(own.gateway.profileReports()[0]?.missing).toEqual(["tickets"]);
    await own.setProfiles({ work });
    expect(await toolsOf(request)).toHaveLength(4);
    expect(own.gateway.profileReports()[0]?.missing).toBe(undefined);
  });

  test("leaves an empty profile, which is there and lists nothing", async () => {
    await own.setProfiles({ work: { servers: ["nothing"] } });
    const { opened, request } = await own.connect("ann", { path });
    expect(opened.status).toBe(200);
    expect(await toolsOf(request)).toEqual([]);
    expect((await request("tools/call", { name: "find" })).error?.message).toContain(
      "Unknown tool",
    );
  });
});

/** Opens the stream of a stateless client. */
async function listen(at: string) {
  const method = "subscriptions/listen";
  const response = await own.send("ann", "POST", at, {
    headers: { ...mirror(method, {}), "mcp-protocol-version": modern },
    body: {
      jsonrpc: "2.0",
      id: 1,
      method,
      params: { notifications: { toolsListChanged: true }, _meta: envelope() },
    },
  });
  const frames = framesOf(response);
  expect(JSON.stringify(await frames.next())).toContain("acknowledged");
  return frames;
}

describe("an edit of a profile", () => {
  const narrow = { servers: { files: { tools: ["list_files"] } } };

  test("tells its clients that lists changed, and touches no server and no other client", async () => {
    await own.setProfiles({ work, other: { servers: ["tickets"] } });
    const session = await own.connect("ann", { path });
    const others = await Promise.all(["/mcp", "/profiles/other/mcp", "/servers/files/mcp"]
      .map((at) => own.connect("ann", { path: at })));
    const streams = await Promise.all(others.map(async (one) => framesOf(await one.listen())));
    const stream = framesOf(await session.listen());
    const stateless = await listen(path);
    await until("the watches", () => files.audiences.size === 3);
    const watching = [...files.audiences];
    await own.setProfiles({ work: narrow, other: { servers: ["tickets"] } });
    const changed = "notifications/tools/list_changed";
    await until("the session hears", async () => (await stream.message())["method"] === changed);
    await until(
      "the other one hears",
      async () => (await stateless.message())["method"] === changed,
    );
    expect(await toolsOf(session.request)).toEqual(["list_files"]);
    expect(files.closed).toBe(false);
    expect([...files.audiences].filter((one) => watching.includes(one)).length).toBe(3);
    // What comes next to the others is of their servers, and no list changed before it.
    for (const server of [files, tickets]) {
      for (const audience of server.audiences) {
        audience.noticeAll({
          kind: "notice",
          method: "notifications/message",
          params: { level: "info", data: "marker" },
        });
      }
    }
    for (const frames of streams) {
      const seen: unknown[] = [];
      while (!seen.includes("notifications/message")) seen.push((await frames.message())["method"]);
      expect(seen).not.toContain(changed);
      await frames.cancel();
    }
    await stream.cancel();
    await stateless.cancel();
  });

  test("that changes nothing of a profile says nothing to its clients", async () => {
    const session = await own.connect("ann", { path });
    const stream = framesOf(await session.listen());
    await until("the watch", () => files.audiences.size === 1);
    await own.setProfiles({ work: structuredClone(work), more: narrow });
    for (const audience of files.audiences) {
      audience.noticeAll({
        kind: "notice",
        method: "notifications/message",
        params: { level: "info", data: "marker" },
      });
    }
    const seen: unknown[] = [];
    while (!seen.includes("notifications/message")) seen.push((await stream.message())["method"]);
    expect(seen).not.toContain("notifications/tools/list_changed");
    await stream.cancel();
  });

  test("that removes it leaves its sessions without a surface, until it is back", async () => {
    const session = await own.connect("ann", { path });
    expect(await toolsOf(session.request)).toHaveLength(4);
    await own.setProfiles({});
    const gone = await answerOf(
      await session.post({ jsonrpc: "2.0", id: 9, method: "tools/list" }),
    );
    expect([gone.status, gone.error?.message.includes("no such profile")]).toEqual([404, true]);
    expect((await own.ask("ann", "tools/list", {}, { path })).status).toBe(404);
    await own.setProfiles({ work: narrow });
    expect(await toolsOf(session.request)).toEqual(["list_files"]);
  });

  test("that makes it wrong takes its surface away, and no other one", async () => {
    const session = await own.connect("ann");
    await own.setProfiles({ work: { servers: 5 } });
    expect((await own.ask("ann", "tools/list", {}, { path })).status).toBe(404);
    expect(await toolsOf(session.request)).toHaveLength(6);
  });
});

test("a session of a profile is unknown on every other surface", async () => {
  const { opened } = await own.connect("ann", { path });
  const id = opened.headers.get("mcp-session-id") ?? "";
  for (const at of ["/mcp", "/profiles/other/mcp", "/servers/files/mcp"]) {
    const response = await own.send("ann", "POST", at, {
      headers: { ...jsonHeaders, "mcp-session-id": id },
      body: { jsonrpc: "2.0", id: 1, method: "tools/list" },
    });
    expect([at, response.status]).toEqual([at, 404]);
    await response.text();
  }
});

test("a client of HTTP+SSE uses a profile, too", async () => {
  const accept = "text/event-stream";
  const stream = framesOf(
    await own.send("ann", "GET", "/profiles/work/sse", { headers: { accept } }),
  );
  const { data = "" } = await stream.next() ?? {};
  expect(data).toMatch(/^\/profiles\/work\/messages\?sessionId=/);
  const post = async (body: unknown) => {
    const response = await own.send("ann", "POST", data, { headers: jsonHeaders, body });
    expect(response.status).toBe(202);
    await response.text();
  };
  await post(initialize("2024-11-05"));
  expect(await stream.message()).toMatchObject({ id: 0 });
  await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  await post({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const { result } = await stream.message();
  expect((result as { tools: JsonObject[] }).tools.map(({ name }) => name))
    .toContain("files__read");
  await stream.cancel();
});

test("the front page says where profiles are", async () => {
  const text = await (await own.send("ann", "GET", "/")).text();
  expect(text).toContain(
    "http://localhost:8999/profiles/{name}/mcp  a profile: some tools of some servers",
  );
});
