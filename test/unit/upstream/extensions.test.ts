/**
 * What one server gets and gives where its tools depend on the extensions of its client: starts,
 * stored catalogs, notices of changes, and the lists of a connection that clients share.
 */
import { describe, expect, test } from "bun:test";
import { mergeExtensions } from "../../../src/extensions.ts";
import type { Caller, JsonObject } from "../../../src/model.ts";
import type { Upstream } from "../../../src/upstream/upstream.ts";
import { createTestClock } from "../../support/clock.ts";
import { createFakeServer, type FakeServer, openFake } from "../../support/fake_connector.ts";
import { callerOf, drain, toolCall, watchScope } from "../../support/upstream_deps.ts";
import { until } from "../../support/wait.ts";

const tool = (name: string) => ({ name, inputSchema: { type: "object" } });
const pages = { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] } };
const shows = (scope: string, overrides: Partial<Caller> = {}) =>
  callerOf(scope, { extensions: pages, ...overrides });
const stateless = (overrides: Partial<Caller> = {}) =>
  callerOf("p:alice", {
    revision: "2026-07-28",
    asksByResult: true,
    sharesScope: true,
    ...overrides,
  });

/** A server that offers its page tool only to clients that declare an extension. */
function createPageServer(overrides: Partial<FakeServer> = {}): FakeServer {
  return createFakeServer({
    toolsFor: ({ connection, clientContext }) => {
      const { extensions = {} } = clientContext?.capabilities ?? connection.capabilities;
      return [tool(Object.keys(extensions as JsonObject).length === 0 ? "text" : "page")];
    },
    ...overrides,
  });
}

const toolsOf = async (upstream: Upstream, caller: Caller) =>
  (await upstream.list("tools", caller)).map(({ name }) => name);
const listChanged = "notifications/tools/list_changed";

describe("after the trial, a client that declares an extension", () => {
  test("gets what the server lists for it, and the next one gets it without a start", async () => {
    const server = createPageServer();
    const { upstream, deps } = await openFake(server);
    await upstream.trial();
    expect(await toolsOf(upstream, shows("a"))).toEqual(["page"]);
    expect(server.connections.map(({ capabilities }) => capabilities)).toEqual([
      {},
      { extensions: pages },
    ]);
    await until("both are stored", () => deps.catalogsByKey.size === 2);
    const capabilities = { sampling: {} };
    expect(await toolsOf(upstream, shows("b", { capabilities }))).toEqual(["page"]);
    expect(await toolsOf(upstream, callerOf("c", { capabilities }))).toEqual(["text"]);
    await upstream.close();
  });

  test("gets it after a restart of the gateway, even if the server starts no more", async () => {
    const server = createPageServer();
    const first = await openFake(server);
    await first.upstream.trial();
    await toolsOf(first.upstream, shows("a"));
    await until("both are stored", () => first.deps.catalogsByKey.size === 2);
    await first.upstream.close();
    const { upstream } = await openFake(server, { catalogs: first.deps.catalogs });
    server.broken = "exited with code 1";
    expect(await toolsOf(upstream, shows("b"))).toEqual(["page"]);
    expect(await toolsOf(upstream, callerOf("c"))).toEqual(["text"]);
    await upstream.close();
  });

  test("gets what was listed for such clients, not for those that are alike but for it", async () => {
    const server = createPageServer();
    const { upstream, deps } = await openFake(server);
    const capabilities = { sampling: {}, roots: {} };
    await toolsOf(upstream, callerOf("a", { capabilities }));
    await toolsOf(upstream, shows("b"));
    await until("both are stored", () => deps.catalogsByKey.size === 2);
    server.broken = "exited with code 1";
    expect(await toolsOf(upstream, shows("c", { capabilities }))).toEqual(["page"]);
    expect(await toolsOf(upstream, callerOf("d"))).toEqual(["text"]);
    await upstream.close();
  });

  test("is described by the trial's catalog without a start", async () => {
    const extensions = { "io.modelcontextprotocol/ui": {} };
    const server = createPageServer({ capabilities: { tools: {}, extensions } });
    const { upstream } = await openFake(server);
    await upstream.trial();
    expect((await upstream.describe(shows("a"))).capabilities).toEqual({ tools: {}, extensions });
    expect(server.connections.length).toBe(1);
    await upstream.close();
  });

  test("gets what is known while its own start takes long, and a notice when that was not right", async () => {
    const clock = createTestClock();
    const server = createPageServer();
    const { upstream, deps } = await openFake(server, { clock });
    await upstream.trial();
    const start = Promise.withResolvers<void>();
    server.starting = start.promise;
    const watch = watchScope(upstream, "a");
    const listed = toolsOf(upstream, shows("a"));
    await until("it starts", () => server.attempts.length === 2);
    clock.advance(deps.limits.otherListMs);
    expect(await listed).toEqual(["text"]);
    expect(watch.methods()).toEqual([]);
    start.resolve();
    await until("the client gets a notice", () => watch.methods().includes(listChanged));
    expect(await toolsOf(upstream, shows("a"))).toEqual(["page"]);
    await upstream.close();
  });

  test("gets what is known where the server cannot be started", async () => {
    const server = createPageServer();
    const { upstream } = await openFake(server);
    await upstream.trial();
    server.broken = "exited with code 1";
    expect(await toolsOf(upstream, shows("a"))).toEqual(["text"]);
    expect(server.attempts.length).toBe(2);
    await upstream.close();
  });

  test("gets what is known where all places are taken", async () => {
    const server = createPageServer();
    const { upstream, deps } = await openFake(server, { limits: { processesMax: 1 } });
    await upstream.trial();
    const busy = { idleSince: () => undefined, evict: () => {} };
    const place = await deps.processLimit.acquire(busy, new AbortController().signal, 30_000);
    place.started();
    const starts = server.attempts.length;
    expect(await toolsOf(upstream, shows("b"))).toEqual(["text"]);
    expect(server.attempts.length).toBe(starts);
    place.release();
    await upstream.close();
  });

  test("gets no notice because clients without it are offered other tools", async () => {
    const server = createPageServer();
    const { upstream, deps } = await openFake(server);
    await upstream.trial();
    const both = [stateless(), stateless({ extensions: pages })];
    const expected = [["text"], ["page"]];
    const watch = watchScope(upstream, "p:alice");
    expect(await Promise.all(both.map((caller) => toolsOf(upstream, caller)))).toEqual(expected);
    for (const caller of both) await drain(upstream.open(toolCall("x", {}, caller)));
    await until("both are stored", () => deps.catalogsByKey.size === 2);
    expect(await Promise.all(both.map((caller) => toolsOf(upstream, caller)))).toEqual(expected);
    expect(watch.methods()).toEqual([]);
    await upstream.close();
  });
});

describe("stateless clients of a server that keeps a process for each principal", () => {
  test("share one where they declare the same extensions, and need no lease for them", async () => {
    const server = createPageServer();
    const { upstream } = await openFake(server);
    const callers = [stateless(), stateless({ extensions: pages })];
    for (const caller of [...callers, ...callers]) {
      await Promise.all(
        Array.from({ length: 12 }, () => drain(upstream.open(toolCall("x", {}, caller)))),
      );
    }
    expect(server.connections.map(({ capabilities }) => capabilities)).toEqual([
      {},
      { extensions: pages },
    ]);
    await upstream.close();
  });
});

describe("a server that keeps no state", () => {
  test("lists on one connection for each client what it offers it", async () => {
    const server = createPageServer({ speaks: "stateless" });
    const { upstream } = await openFake(server);
    const callers = [callerOf("a"), shows("b"), stateless(), stateless({ extensions: pages })];
    const expected = [["text"], ["page"], ["text"], ["page"]];
    for (let round = 0; round < 2; round++) {
      const listed = await Promise.all(callers.map((caller) => toolsOf(upstream, caller)));
      expect(listed).toEqual(expected);
    }
    expect(server.connections.length).toBe(1);
    const known = callers.map((caller) => upstream.known("tools", caller)?.map(({ name }) => name));
    expect(known).toEqual(expected);
    expect(server.requests.filter(({ method }) => method === "tools/list").length).toBe(2);
    server.connections[0]?.hooks.notice({ kind: "notice", method: listChanged, params: {} });
    await Promise.all(callers.map((caller) => toolsOf(upstream, caller)));
    expect(server.requests.filter(({ method }) => method === "tools/list").length).toBe(4);
    await upstream.close();
  });

  test("is known after a restart by what it offered each client", async () => {
    const server = createPageServer({ speaks: "stateless" });
    const callers = [stateless(), stateless({ extensions: pages })];
    const expected = [["text"], ["page"]];
    const first = await openFake(server);
    for (const caller of callers) {
      const { upstream } = await openFake(server, { catalogs: first.deps.catalogs });
      await toolsOf(upstream, caller);
      await until("it is stored", () => first.deps.catalogsByKey.size > callers.indexOf(caller));
      await upstream.close();
    }
    server.broken = "exited with code 1";
    const { upstream } = await openFake(server, { catalogs: first.deps.catalogs });
    expect(await Promise.all(callers.map((caller) => toolsOf(upstream, caller)))).toEqual(expected);
    await upstream.close();
    await first.upstream.close();
  });

  test("is asked again for the oldest of many kinds of clients, whose lists were dropped", async () => {
    const server = createPageServer({ speaks: "stateless" });
    const { upstream } = await openFake(server, { limits: { listVariantsMax: 3 } });
    const clients = Array.from(
      { length: 5 },
      (_, at) => stateless({ extensions: { [`example.com/${at}`]: {} } }),
    );
    for (const client of clients) await toolsOf(upstream, client);
    const asked = () => server.requests.filter(({ method }) => method === "tools/list").length;
    const before = asked();
    for (const client of clients.slice(-2)) await toolsOf(upstream, client);
    expect(asked()).toBe(before);
    for (const client of clients.slice(0, 1)) await toolsOf(upstream, client);
    expect(asked()).toBe(before + 1);
    await upstream.close();
  });
});

test("declarations of several servers become one", () => {
  const settings = [
    { a: { types: ["x", { y: 1 }], level: 1, deep: { p: true } } },
    { a: { types: [{ y: 1 }, "z"], level: 2, deep: { q: true }, ["__proto__"]: 1 }, b: {} },
    { a: { types: "w" } },
  ];
  expect(mergeExtensions(settings)).toEqual({
    a: {
      types: ["x", { y: 1 }, "z"],
      level: 1,
      deep: { p: true, q: true },
      ["__proto__"]: 1,
    },
    b: {},
  });
  expect(mergeExtensions([])).toEqual({});
});
