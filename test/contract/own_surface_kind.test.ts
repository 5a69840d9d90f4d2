/** A surface that is added by one row: a shelf that offers one server without one of its tools. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { defaultTables } from "../../src/app.ts";
import type { Server } from "../../src/gateway/surface.ts";
import type { SurfaceKind } from "../../src/http/surface_kinds.ts";
import { echoKind } from "../support/echo_kind.ts";
import { errorOf, framesOf, initialize, jsonHeaders } from "../support/http_harness.ts";
import { request, sessionOf } from "../support/http_harness.ts";
import { lastOf, type OwnGateway, startWithTables } from "../support/own_tables.ts";
import { ask } from "../support/stateless_client.ts";

const quiet = new WeakMap<Server, Server>();

/** The server without the tool `shout`: the same object each time, for the same server. */
function withoutShout(server: Server): Server {
  const known = quiet.get(server);
  if (known !== undefined) return known;
  const made = { ...server, config: { ...server.config, tools: { deny: ["shout"] } } };
  quiet.set(server, made);
  return made;
}

const shelf: SurfaceKind = {
  path: "/shelves/:name",
  surface: "/shelves/:name",
  unknown: "there is no such shelf",
  purpose: "some tools of one server",
  resolve(name, { servers }) {
    const server = servers.find(({ config }) => config.name === "mine");
    if (name !== "readonly" || server === undefined) return undefined;
    return { servers: [withoutShout(server)], prefixed: false, takesForeign: false };
  },
};

const path = "/shelves/readonly/mcp";
const echo = { mine: { echo: true }, other: { echo: true } };
let own: OwnGateway;

beforeAll(async () => {
  own = await startWithTables(echo, {
    kinds: [...defaultTables.kinds, echoKind],
    surfaceKinds: [...defaultTables.surfaceKinds, shelf],
  });
});

afterAll(async () => {
  void own.gateway.drain();
  await own.gateway.close();
});

async function open(at = path) {
  const first = await own.send("POST", at, {
    headers: jsonHeaders,
    body: initialize("2025-11-25"),
  });
  expect(first.status).toBe(200);
  const session = sessionOf(own, first.headers.get("mcp-session-id") ?? "", at);
  await session.post({ jsonrpc: "2.0", method: "notifications/initialized" });
  return session;
}

const namesOf = (answer: Record<string, unknown>) =>
  (answer["result"] as { tools: { name: string }[] }).tools.map(({ name }) => name);
const textOf = (answer: Record<string, unknown>) =>
  (answer["result"] as { content: { text: string }[] }).content[0]?.text;
const call = (name: string) => ({ name, arguments: { text: "hi" } });
/** What is unknown is an error, whichever its form. */
const isUnknown = (answer: Record<string, unknown>) =>
  expect(JSON.stringify(answer)).toContain("Unknown tool");

describe("a client with a session", () => {
  test("sees and calls what the shelf offers, and nothing else", async () => {
    const session = await open();
    expect(namesOf(await lastOf(await session.post(request(1, "tools/list"))))).toEqual(["say"]);
    expect(textOf(await lastOf(await session.post(request(2, "tools/call", call("say"))))))
      .toBe("hi");
    isUnknown(await lastOf(await session.post(request(3, "tools/call", call("shout")))));
  });

  test("sees the whole server on its own surface, before and after", async () => {
    for (const at of ["/servers/mine/mcp", path, "/servers/mine/mcp"]) {
      const session = await open(at);
      const wanted = at === path ? ["say"] : ["say", "shout"];
      expect(namesOf(await lastOf(await session.post(request(1, "tools/list"))))).toEqual(wanted);
    }
    const session = await open("/servers/mine/mcp");
    expect(textOf(await lastOf(await session.post(request(2, "tools/call", call("shout"))))))
      .toBe("HI");
  });

  test("has its session only on this surface", async () => {
    const { id } = await open();
    const elsewhere = sessionOf(own, id, "/servers/mine/mcp");
    expect((await elsewhere.post(request(1, "tools/list"))).status).toBe(404);
  });

  test("has a stream for messages that belong to no call, and ends its session", async () => {
    const session = await open();
    const stream = framesOf(await session.get());
    const { event } = await stream.next() ?? {};
    expect(event ?? (await stream.next())?.event).toBe("connection_established");
    await stream.cancel();
    expect((await session.remove()).status).toBe(204);
    expect((await session.post(request(2, "tools/list"))).status).toBe(404);
  });
});

test("a stateless client sees and calls what the shelf offers, and nothing else", async () => {
  expect(namesOf(await lastOf(await ask(own, "tools/list", {}, { path })))).toEqual(["say"]);
  expect(textOf(await lastOf(await ask(own, "tools/call", call("say"), { path })))).toBe("hi");
  isUnknown(await lastOf(await ask(own, "tools/call", call("shout"), { path })));
});

test("a client of HTTP+SSE gets its own endpoint for messages", async () => {
  const stream = framesOf(await own.send("GET", "/shelves/readonly/sse"));
  const { event, data = "" } = await stream.next() ?? {};
  expect(event).toBe("endpoint");
  expect(data).toMatch(/^\/shelves\/readonly\/messages\?sessionId=/);
  const post = (body: unknown) => own.send("POST", data, { headers: jsonHeaders, body });
  expect((await post(initialize("2024-11-05"))).status).toBe(202);
  expect(await stream.message()).toEqual(expect.objectContaining({ id: 0 }));
  await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  await post(request(1, "tools/list"));
  expect(namesOf(await stream.message())).toEqual(["say"]);
  await stream.cancel();
});

describe("the rest of its routes", () => {
  test("an unknown shelf gets the row's own error text", async () => {
    for (const [method, at] of [["POST", "mcp"], ["GET", "mcp"], ["GET", "sse"]] as const) {
      const body = method === "POST" ? initialize("2025-11-25") : undefined;
      const response = await own.send(method, `/shelves/none/${at}`, {
        headers: jsonHeaders,
        body,
      });
      expect(await errorOf(response)).toEqual(expect.objectContaining({
        status: 404,
        message: 'Cannot find "/shelves/none": there is no such shelf',
      }));
    }
    const server = await own.send("GET", "/servers/none/mcp", { headers: jsonHeaders });
    expect((await errorOf(server)).message)
      .toBe('Cannot find "/servers/none": no such server is configured');
  });

  test("a path outside the row is unknown", async () => {
    for (const at of ["/shelves/readonly", "/shelves/readonly/streamable", "/shelves//mcp"]) {
      expect([at, (await own.send("GET", at)).status]).toEqual([at, 404]);
    }
  });

  test("a method that an endpoint does not have is refused, and the answer lists the others", async () => {
    const refused = await own.send("PUT", path);
    expect([refused.status, refused.headers.get("allow")])
      .toEqual([405, "POST, GET, DELETE, OPTIONS"]);
    const line = await own.send("POST", "/shelves/readonly/sse");
    expect([line.status, line.headers.get("allow")]).toEqual([405, "GET, OPTIONS"]);
  });

  test("a browser's preflight is answered", async () => {
    const headers = { origin: "http://localhost:8999", "access-control-request-method": "POST" };
    const allowed = await own.send("OPTIONS", path, { headers });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-methods"))
      .toBe("POST, GET, DELETE, OPTIONS");
    expect((await own.send("OPTIONS", "/shelves/none/mcp", { headers })).status).toBe(404);
  });

  test("the front page lists it", async () => {
    const text = await (await own.send("GET", "/")).text();
    expect(text).toContain("http://localhost:8999/shelves/{name}/mcp  some tools of one server");
    expect(text).toContain("http://localhost:8999/servers/{name}/mcp  one server alone");
  });
});

test("a change of the server reaches the shelf", async () => {
  const session = await open();
  const stream = framesOf(await session.get());
  const [mine] = own.config.servers;
  if (mine === undefined) throw new Error("Cannot find the server");
  await own.gateway.reload({ ...own.config, servers: [{ ...mine, callTimeoutMs: 12_345 }] });
  expect((await stream.message())["method"]).toBeUndefined();
  expect((await stream.message())["method"]).toBe("notifications/tools/list_changed");
  expect(namesOf(await lastOf(await session.post(request(1, "tools/list"))))).toEqual(["say"]);
  await stream.cancel();
  await own.gateway.reload({ ...own.config, servers: [] });
  expect((await own.send("GET", path)).status).toBe(404);
  await own.gateway.reload(own.config);
});
