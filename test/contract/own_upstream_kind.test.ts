/** A kind of server that is added by one row: read from `mcp.json`, and called by clients of both eras. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { defaultTables } from "../../src/app.ts";
import { readServers } from "../../src/config/mcp_json.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import { echoKind, type EchoServerConfig } from "../support/echo_kind.ts";
import { initialize, jsonHeaders, request, sessionOf } from "../support/http_harness.ts";
import { lastOf, type OwnGateway, startWithTables } from "../support/own_tables.ts";
import { ask } from "../support/stateless_client.ts";
import { callerOf, callTool, createTestDeps, failTool } from "../support/upstream_deps.ts";

const upstreamKinds = [...defaultTables.kinds, echoKind];

function read(mcpServers: Record<string, unknown>, kinds = upstreamKinds) {
  return readServers({
    path: "/srv/mcp.json",
    env: {},
    own: { host: "localhost", port: 8999 },
    kinds,
    readText: () => Promise.resolve(JSON.stringify({ mcpServers })),
  });
}

const problemsOf = async (entry: unknown, kinds = upstreamKinds) =>
  (await read({ mine: entry }, kinds)).servers.map((server) =>
    "problem" in server ? server.problem : server.kind
  );

describe("an entry of an embedder's own kind", () => {
  test("is read with the keys of all servers", async () => {
    const { servers, warnings } = await read({
      mine: { echo: true, greeting: "${WHO:-hi} ", callTimeoutMs: 5, tools: { deny: ["shout"] } },
    });
    expect(servers).toEqual([expect.objectContaining({
      kind: "echo",
      name: "mine",
      greeting: "hi ",
      callTimeoutMs: 5,
      tools: { deny: ["shout"] },
      start: "early",
    })]);
    expect(warnings).toEqual([]);
  });

  test("has its values checked as in the other kinds", async () => {
    expect(await problemsOf({ echo: true, greeting: 1 })).toEqual([
      "mcpServers.mine.greeting in mcp.json: expected a string, got a number",
    ]);
    expect(await problemsOf({ echo: "yes" }))
      .toEqual([expect.stringContaining("mcpServers.mine.echo in mcp.json: expected true")]);
    expect(await problemsOf({ echo: true, greeting: "${NONE}" }))
      .toEqual([expect.stringContaining("mcpServers.mine.greeting in mcp.json: ")]);
  });

  test("is refused next to another kind, and with another kind's keys", async () => {
    expect(await problemsOf({ echo: true, command: "npx" })).toEqual([
      "mcpServers.mine.command in mcp.json: a server has either a command or an echo; " +
      "remove one of them",
    ]);
    expect(await problemsOf({ echo: true, cwd: "/tmp" })).toEqual([
      "mcpServers.mine.cwd in mcp.json: has no meaning for a server that is reached by its echo; " +
      "remove it",
    ]);
    expect(await problemsOf({ command: "npx", greeting: "x" })).toEqual([
      "mcpServers.mine.greeting in mcp.json: has no meaning for a server that is reached by its " +
      "command; remove it",
    ]);
  });

  test("warns about unknown keys, and suggests its own keys, too", async () => {
    expect((await read({ mine: { echo: true, greting: "x" } })).warnings).toEqual([
      'Ignored mcpServers.mine.greting of mcp.json: unknown key; did you mean "greeting"?',
    ]);
  });

  test("is unknown without its row", async () => {
    const { servers, warnings } = await read({ mine: { echo: true } }, [
      ...defaultTables.kinds,
    ]);
    expect(servers.map(({ kind }) => kind)).toEqual(["failed"]);
    expect(warnings).toEqual(["Ignored mcpServers.mine.echo of mcp.json: unknown key"]);
  });

  test("cannot give a key of another kind a second meaning", () => {
    const [form] = echoKind.forms;
    if (form === undefined) throw new Error("Cannot find the form");
    const other = {
      ...form,
      entries: { ...form.entries, url: echoKind.forms[0]?.entries["echo"] },
    };
    const row = { ...echoKind, forms: [other as typeof form] };
    expect(read({}, [...defaultTables.kinds, row]))
      .rejects.toThrow('Cannot use the kinds of servers: "url" has two schemas; share one');
  });
});

describe("its upstream", () => {
  const config: EchoServerConfig = {
    kind: "echo",
    name: "mine",
    greeting: "",
    callTimeoutMs: 60_000,
    startTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    tools: {},
  };

  test("describes, lists, answers, fails and closes", async () => {
    const upstream = createUpstream(config, await createTestDeps(), upstreamKinds);
    expect(await upstream.describe(callerOf("a"))).toEqual({ capabilities: { tools: {} } });
    const names = (await upstream.list("tools", callerOf("a"))).map((tool) => tool["name"]);
    expect(names).toEqual(["say", "shout"]);
    expect(await upstream.list("prompts", callerOf("a"))).toEqual([]);
    expect(await callTool(upstream, "shout", { text: "hi" })).toBe("HI");
    expect((await failTool(upstream, "none")).message).toContain("Cannot echo");
    expect(upstream.status()).toEqual(expect.objectContaining({ state: "running", tools: 2 }));
    await upstream.close();
    expect((await failTool(upstream, "say")).message).toContain("Cannot echo");
  });

  test("is only made from a configuration of its own kind", async () => {
    const deps = await createTestDeps();
    expect(() => createUpstream(config, deps)).toThrow('Cannot use server "mine"');
    expect(() => echoKind.create({ ...config, kind: "stdio" }, deps))
      .toThrow('Cannot make a server of kind "echo" from a configuration of kind "stdio"');
  });
});

describe("a gateway with this row", () => {
  let own: OwnGateway;
  beforeAll(async () => {
    own = await startWithTables({ mine: { echo: true, greeting: "> " }, other: { echo: true } }, {
      kinds: upstreamKinds,
    });
  });
  afterAll(async () => {
    void own.gateway.drain();
    await own.gateway.close();
  });

  const places = [["/mcp", "mine__say"], ["/servers/mine/mcp", "say"]] as const;
  for (const [path, name] of places) {
    test(`lists and calls its tools for a client with a session at ${path}`, async () => {
      const first = await own.send("POST", path, {
        headers: jsonHeaders,
        body: initialize("2025-11-25"),
      });
      const session = sessionOf(own, first.headers.get("mcp-session-id") ?? "", path);
      await session.post({ jsonrpc: "2.0", method: "notifications/initialized" });
      const { result } = await lastOf(await session.post(request(1, "tools/list")));
      expect(JSON.stringify(result)).toContain(`"${name}"`);
      const called = request(2, "tools/call", { name, arguments: { text: "hi" } });
      expect(await lastOf(await session.post(called)))
        .toEqual(
          expect.objectContaining({ result: { content: [{ type: "text", text: "> hi" }] } }),
        );
    });

    test(`calls its tools for a stateless client at ${path}`, async () => {
      const params = { name, arguments: { text: "hi" } };
      const { result } = await lastOf(await ask(own, "tools/call", params, { path }));
      expect(result).toEqual(
        expect.objectContaining({ content: [{ type: "text", text: "> hi" }] }),
      );
    });
  }

  test("reports the server's state in /health", async () => {
    const { servers } = await lastOf(await own.send("GET", "/health"));
    expect(servers).toEqual([
      expect.objectContaining({ name: "mine", state: "running" }),
      expect.objectContaining({ name: "other", state: "running" }),
    ]);
  });
});
