/**
 * Rights that change while a client is connected: what it lost ends, what it gained is there, and
 * nothing else is touched.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject, Principal } from "../../src/model.ts";
import { type AccessGateway, answerOf, startWithAccess } from "../support/access_gateway.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";
import { type FrameReader, framesOf } from "../support/http_harness.ts";
import { envelope, mirror } from "../support/stateless_client.ts";
import { until } from "../support/wait.ts";

const inputSchema = { type: "object" };
const tools = ["slow", "other"].map((name) => ({ name, inputSchema }));
const all = [{ what: "allow" }];
const withoutSlow = [{ principal: "user:ann", tools: "slow", what: "deny" }, { what: "allow" }];
const path = "/servers/disk/mcp";

let disk: FakeUpstream;
let own: AccessGateway;
let clock: TestClock;
let people: Record<string, Principal>;

beforeEach(async () => {
  clock = createTestClock();
  disk = createFakeUpstream("disk", { tools });
  disk.script(() => new Promise(() => {}));
  people = { ann: { id: "user:ann" }, bob: { id: "user:bob" } };
  const extra = createFakeUpstream("extra", { tools });
  own = await startWithAccess({ servers: { disk, extra }, access: all, people, clock });
});

afterEach(() => own.close());

/** The next message of a stream that is one of the protocol. */
async function messageOn(frames: FrameReader): Promise<JsonObject> {
  for (;;) {
    const message = await frames.message();
    if (message["method"] !== undefined) return message;
  }
}

/** Calls a tool of the server that never answers. */
const begin: Readonly<Record<string, (person: string, name: string) => Promise<JsonObject>>> = {
  "of a session": async (person, name) => {
    const session = await own.connect(person, { path });
    return { ...await session.request("tools/call", { name }) };
  },
  "of a stateless client": async (person, name) => ({
    ...await own.ask(person, "tools/call", { name }, { path }),
  }),
};

for (const [whose, call] of Object.entries(begin)) {
  describe(`a running call ${whose}`, () => {
    /** Starts three calls; `lose` takes the right to the first one away. */
    const play = async (lose: () => Promise<void> | void) => {
      const ended: string[] = [];
      const lost = call("ann", "slow");
      const others = [call("ann", "other"), call("bob", "slow")];
      for (const [at, other] of others.entries()) void other.then(() => ended.push(String(at)));
      await until("the calls to reach the server", () => disk.opened.length === 3);
      await lose();
      return { answer: await lost, ended };
    };

    test("ends with a clear error when its rows deny it now, and no other call does", async () => {
      const { answer, ended } = await play(() => own.setAccess(withoutSlow));
      expect(answer["status"]).toBe(200);
      expect(answer["error"]).toMatchObject({
        code: -32603,
        message: "The right to make this call was taken away; whether it took effect is unknown",
        data: { reason: "access_revoked", outcome: "unknown" },
      });
      expect(disk.cancelled.length).toBe(1);
      expect(ended).toEqual([]);
    });

    test("ends when the credentials of its principal are taken away", async () => {
      const { answer, ended } = await play(() => own.revoke("user:ann"));
      expect(answer["error"]).toMatchObject({ data: { reason: "access_revoked" } });
      await until("both calls to be cancelled", () => disk.cancelled.length === 2);
      await until("the end of the other call", () => ended.length === 1);
      expect(ended).toEqual(["0"]);
    });
  });
}

describe("a call that waits for its client", () => {
  const meta = { clientCapabilities: { elicitation: {} } };
  const losses: Readonly<Record<string, () => Promise<void> | void>> = {
    "its rows deny it now": () => own.setAccess(withoutSlow),
    "the credentials are taken away": () => own.revoke("user:ann"),
  };
  for (const [why, lose] of Object.entries(losses)) {
    test(`is given up when ${why}`, async () => {
      disk.script(async (source) => {
        await source.ask("elicitation/create", { message: "Sure?", requestedSchema: inputSchema });
        return { content: [] };
      });
      const params = { name: "slow", arguments: {} };
      let isDone = false;
      const asking = own.ask("ann", "tools/call", params, { path, meta });
      void asking.then(() => isDone = true);
      await until("the question", async () => {
        clock.advance(1000);
        await new Promise((resolve) => setTimeout(resolve, 0));
        return isDone;
      });
      const { result } = await asking;
      expect(result?.["resultType"]).toBe("input_required");
      expect(disk.cancelled).toEqual([]);
      await lose();
      expect(disk.cancelled).toEqual(["The right to make this call was taken away"]);
      const back = await own.ask("ann", "tools/call", {
        ...params,
        requestState: result?.["requestState"],
        inputResponses: {},
      }, { path, meta });
      expect(back.error).toBeDefined();
      expect(disk.opened.length).toBe(1);
    });
  }
});

/** Opens a stream of each kind; the function resolves when it has ended. */
const streams: Readonly<Record<string, (path: string) => Promise<Response>>> = {
  "the stream of a session": async (at) => await (await own.connect("ann", { path: at })).listen(),
  "a notification stream": (at) => {
    const method = "subscriptions/listen";
    const params = { notifications: { toolsListChanged: true }, _meta: envelope() };
    return own.send("ann", "POST", at, {
      headers: mirror(method, {}),
      body: { jsonrpc: "2.0", id: 1, method, params },
    });
  },
  "a stream of the oldest transport": (at) =>
    own.send("ann", "GET", at.replace(/mcp$/, "sse"), { headers: { accept: "text/event-stream" } }),
};

for (const [what, open] of Object.entries(streams)) {
  describe(what, () => {
    test("ends when the credentials are taken away, and only then", async () => {
      const frames = framesOf(await open(path));
      await frames.next();
      own.revoke("user:bob");
      // What another client of the same person lost.
      own.revoke("user:ann", "another-client");
      own.revoke("user:ann");
      expect(JSON.stringify(await frames.rest())).not.toContain("list_changed");
    });

    test("ends when its surface is hidden from its principal", async () => {
      const frames = framesOf(await open(path));
      await frames.next();
      await own.setAccess([{ servers: "extra", what: "allow" }]);
      await frames.rest();
      expect((await open(path)).status).toBe(404);
    });

    test("ends when the credentials expire that opened it", async () => {
      people["ann"] = { id: "user:ann", expiresAt: clock.wall() + 60_000 };
      const frames = framesOf(await open(path));
      await frames.next();
      clock.advance(59_000);
      clock.advance(2_000);
      await frames.rest();
    });
  });
}

test("the stream of a session goes on with the newer credentials of its latest request", async () => {
  people["ann"] = { id: "user:ann", expiresAt: clock.wall() + 60_000 };
  const session = await own.connect("ann", { path });
  const frames = framesOf(await session.listen());
  await frames.next();
  people["ann"] = { id: "user:ann", expiresAt: clock.wall() + 600_000 };
  await session.request("tools/list");
  clock.advance(61_000);
  await own.setAccess(withoutSlow);
  clock.advance(1_000);
  expect(JSON.stringify(await messageOn(frames))).toContain("list_changed");
  await frames.cancel();
});

test("only those clients learn that lists changed whose rows did", async () => {
  const [ann, bob] = [await own.connect("ann"), await own.connect("bob")];
  const [toAnn, toBob] = [framesOf(await ann.listen()), framesOf(await bob.listen())];
  await own.setAccess(withoutSlow);
  clock.advance(1_000);
  expect(await messageOn(toAnn)).toMatchObject({ method: "notifications/tools/list_changed" });
  const names = (await ann.request("tools/list")).result?.["tools"] as JsonObject[];
  expect(names.map(({ name }) => name)).toEqual(["disk__other", "extra__other"]);
  await own.setAccess([{ servers: "extra", what: "deny" }, ...withoutSlow]);
  clock.advance(1_000);
  // The first that this client gets is the change of its own rows.
  expect(await messageOn(toBob)).toMatchObject({ method: "notifications/tools/list_changed" });
  const seen: unknown[] = [];
  for (let at = 0; at < 2; at += 1) seen.push((await messageOn(toBob))["method"]);
  expect(seen).not.toContain("notifications/tools/list_changed");
  await Promise.all([toAnn.cancel(), toBob.cancel()]);
});

describe("a session", () => {
  test("has the rights of its latest request, which may have grown or shrunk", async () => {
    people["ann"] = { id: "user:ann", servers: ["extra"] };
    const session = await own.connect("ann");
    const listed = async () =>
      ((await session.request("tools/list")).result?.["tools"] as JsonObject[]).length;
    expect(await listed()).toBe(2);
    const frames = framesOf(await session.listen());
    people["ann"] = { id: "user:ann" };
    expect(await listed()).toBe(4);
    clock.advance(1_000);
    expect(await messageOn(frames)).toMatchObject({ method: "notifications/tools/list_changed" });
    people["ann"] = { id: "user:ann", servers: ["disk"], tools: ["other"] };
    expect(await listed()).toBe(1);
    const denied = await session.request("tools/call", { name: "disk__slow" });
    expect(denied.error?.message).toContain("Unknown tool");
    await frames.cancel();
  });

  test("is unknown to another principal, whatever its rights", async () => {
    const session = await own.connect("ann");
    const request = { jsonrpc: "2.0", id: 1, method: "ping" };
    expect((await session.post(request, "bob")).status).toBe(404);
  });
});

describe("credentials that do not cover a server", () => {
  const get = (name: string) =>
    own.send("ann", "GET", `/servers/${name}/mcp`, { headers: { accept: "text/event-stream" } });

  for (const kind of ["oauth", "jwt"]) {
    test(`of kind ${kind} get a challenge for its scope, whether or not it exists`, async () => {
      people["ann"] = { id: "user:ann", kind, servers: ["extra"] };
      for (const name of ["disk", "none"]) {
        const response = await get(name);
        expect(response.status).toBe(403);
        expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
      }
      expect((await get("extra")).status).toBe(400);
    });
  }

  test("of kind key find no such server", async () => {
    people["ann"] = { id: "key:ann", kind: "key", servers: ["extra"] };
    const [disk404, none404] = [
      await answerOf(await get("disk")),
      await answerOf(await get("none")),
    ];
    expect(disk404.status).toBe(404);
    expect(disk404.text.replaceAll("disk", "none")).toBe(none404.text);
    expect((await get("extra")).status).toBe(400);
  });
});
