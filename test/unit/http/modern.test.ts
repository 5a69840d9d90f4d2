/** The era of a POST, and what is wrong with a stateless one: codes and statuses. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/model.ts";
import {
  createHarness,
  errorOf,
  initialize,
  jsonHeaders,
  request,
} from "../../support/http_harness.ts";
import { ask, envelope, mirror, modern, signature } from "../../support/stateless_client.ts";

const encoded = (text: string) => `=?base64?${btoa(text)}?=`;
const echo = { name: "echo", arguments: {} };

describe("the era of a POST", () => {
  test("the body decides: a request that names the revision needs no session and gets none", async () => {
    const harness = createHarness();
    const response = await ask(harness, "tools/call", echo, {
      headers: { "mcp-session-id": "nonsense", "last-event-id": "1-1" },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("mcp-session-id")).toBe(null);
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: 1,
      result: { echo, method: "tools/call", resultType: "complete", _meta: signature },
    });
    expect(await harness.store.count()).toBe(0);
  });

  test("initialize without a claim shakes hands, whatever its headers look like", async () => {
    const { send } = createHarness();
    const response = await send("POST", "/mcp", {
      headers: {
        ...jsonHeaders,
        "mcp-protocol-version": "2025-11-25",
        "mcp-method": "initialize",
      },
      body: initialize("2025-11-25"),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("mcp-session-id")).not.toBe(null);
  });

  test("initialize in the stateless era is no method; without a claim it contradicts its header", async () => {
    const harness = createHarness();
    const params = initialize(modern).params as JsonObject;
    expect(await errorOf(await ask(harness, "initialize", params)))
      .toMatchObject({ status: 404, code: -32601, id: 1 });
    const response = await harness.send("POST", "/mcp", {
      headers: { ...jsonHeaders, "mcp-protocol-version": modern },
      body: initialize("2025-11-25"),
    });
    expect(await errorOf(response)).toMatchObject({ status: 400, code: -32020, id: 0 });
  });

  test("a header alone makes no stateless request: the error names what _meta lacks", async () => {
    const { send } = createHarness();
    for (const params of [{ name: "echo" }, { name: "echo", _meta: { "x/y": 1 } }]) {
      const response = await send("POST", "/mcp", {
        headers: mirror("tools/call", params),
        body: request(5, "tools/call", params),
      });
      const error = await errorOf(response);
      expect(error).toMatchObject({ status: 400, code: -32602, id: 5 });
      expect(error.message).toContain("io.modelcontextprotocol/protocolVersion");
    }
  });

  test("requests without a claim are the handshake era's, and need its session", async () => {
    const { send, connect } = createHarness();
    const bare = await send("POST", "/mcp", {
      headers: { ...jsonHeaders, "mcp-method": "tools/list" },
      body: request(1, "tools/list"),
    });
    expect(await errorOf(bare)).toMatchObject({ status: 400, code: -32600 });
    const session = await connect();
    expect((await session.post(request(1, "ping"), { "mcp-method": "ping" })).status).toBe(200);
  });

  test("a session and a stateless client share a URL", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const own = await ask(harness, "tools/call", echo, {
      headers: { "mcp-session-id": session.id },
    });
    expect(await own.json()).toMatchObject({ result: { resultType: "complete" } });
    const { result } = await (await session.post(request(2, "tools/call", echo))).json() as {
      result: JsonObject;
    };
    expect(result.resultType).toBe(undefined);
  });

  test("a notification is taken and ignored; without a claim its header decides", async () => {
    const { send, gateway } = createHarness();
    const body = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
    const claimed = { ...body, params: { ...body.params, _meta: envelope() } };
    const headers = { ...jsonHeaders, "mcp-protocol-version": modern };
    for (const message of [body, claimed]) {
      const response = await send("POST", "/mcp", { headers, body: message });
      expect([response.status, await response.text()]).toEqual([202, ""]);
    }
    expect((await send("POST", "/mcp", { headers: jsonHeaders, body })).status).toBe(400);
    expect(gateway.notified).toEqual([]);
  });

  test("batches and responses have no place in it", async () => {
    const { send } = createHarness();
    const claimed = request(1, "tools/list", { _meta: envelope() });
    const bodies = [[claimed], [request(2, "ping"), claimed], [], {
      jsonrpc: "2.0",
      id: 1,
      result: {},
    }];
    for (const body of bodies) {
      const response = await send("POST", "/mcp", { headers: mirror("tools/list", {}), body });
      expect(await errorOf(response)).toMatchObject({ status: 400, code: -32600 });
    }
  });
});

describe("B8 a stateless request that is refused", () => {
  const wrong: readonly [string, JsonObject, Record<string, string | undefined>, number, number][] =
    [
      ["no capabilities", { clientCapabilities: undefined }, {}, 400, -32602],
      ["capabilities that are no object", { clientCapabilities: "all" }, {}, 400, -32602],
      ["client info that is no object", { clientInfo: "me" }, {}, 400, -32602],
      ["a log level that is none", { logLevel: "loud" }, {}, 400, -32602],
      ["a revision that is no string", { protocolVersion: 5 }, {}, 400, -32602],
      [
        "faulty envelope before contradicting headers",
        { clientCapabilities: 1 },
        {
          "mcp-method": "tools/list",
        },
        400,
        -32602,
      ],
      ["another revision in the header", {}, { "mcp-protocol-version": "2025-11-25" }, 400, -32020],
      ["another method in the header", {}, { "mcp-method": "tools/list" }, 400, -32020],
      ["a method in other letters", {}, { "mcp-method": "Tools/Call" }, 400, -32020],
      [
        "contradiction before an unknown revision",
        { protocolVersion: "2099-01-01" },
        {},
        400,
        -32020,
      ],
      [
        "an unknown revision",
        { protocolVersion: "2099-01-01" },
        {
          "mcp-protocol-version": "2099-01-01",
        },
        400,
        -32022,
      ],
      [
        "an unknown revision before missing headers",
        { protocolVersion: "2099-01-01" },
        {
          "mcp-protocol-version": undefined,
          "mcp-method": undefined,
        },
        400,
        -32022,
      ],
      [
        "a revision of the handshake era",
        { protocolVersion: "2025-11-25" },
        {
          "mcp-protocol-version": "2025-11-25",
        },
        400,
        -32022,
      ],
      ["no revision header", {}, { "mcp-protocol-version": undefined }, 400, -32020],
      ["no method header", {}, { "mcp-method": undefined }, 400, -32020],
      ["no name header", {}, { "mcp-name": undefined }, 400, -32020],
      ["another name in the header", {}, { "mcp-name": "other" }, 400, -32020],
      ["a name in other letters", {}, { "mcp-name": "Echo" }, 400, -32020],
      [
        "a name that is marked as Base64 but is not",
        {},
        { "mcp-name": "=?base64?a?=" },
        400,
        -32020,
      ],
    ];

  test("the error names the first thing that is wrong, with its status and the request's id", async () => {
    const harness = createHarness();
    for (const [name, meta, headers, status, code] of wrong) {
      const response = await ask(harness, "tools/call", { name: "slow" }, { id: 0, meta, headers });
      const error = await errorOf(response);
      expect([name, error.status, error.code, error.id]).toEqual([name, status, code, 0]);
    }
    expect(harness.gateway.calls).toEqual([]);
  });

  test("an unknown revision fails with the list of served ones", async () => {
    const response = await ask(createHarness(), "tools/list", {}, {
      meta: { protocolVersion: "2099-01-01" },
      headers: { "mcp-protocol-version": "2099-01-01" },
    });
    expect((await errorOf(response)).data).toEqual({
      outcome: "not_sent",
      supported: [modern],
      requested: "2099-01-01",
    });
  });

  test("a name may come encoded, and a URI too", async () => {
    const harness = createHarness();
    const named = await ask(harness, "tools/call", echo, {
      headers: { "mcp-name": encoded("echo") },
    });
    expect(named.status).toBe(200);
    const uri = "file:///a b";
    const read = await ask(harness, "resources/read", { uri }, {
      headers: { "mcp-name": encoded(uri) },
    });
    expect(read.status).toBe(200);
  });

  test("a client without a name is served", async () => {
    const response = await ask(createHarness(), "tools/call", echo, {
      meta: { clientInfo: undefined },
    });
    expect(response.status).toBe(200);
  });

  test("methods that are unknown, or gone, are not found", async () => {
    const harness = createHarness();
    const gone = ["ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];
    for (const method of ["no/such", "__proto__", "tasks/result", "tasks/list", ...gone]) {
      const error = await errorOf(await ask(harness, method, { level: "info", uri: "a:b" }));
      expect([method, error.status, error.code]).toEqual([method, 404, -32601]);
    }
  });

  test("so are methods whose capability no server has", async () => {
    const harness = createHarness();
    harness.gateway.description = { capabilities: { tools: {} } };
    const ref = { type: "ref/prompt", name: "a" };
    const cases: [string, JsonObject][] = [
      ["prompts/list", {}],
      ["prompts/get", { name: "a" }],
      ["resources/list", {}],
      ["resources/templates/list", {}],
      ["resources/read", { uri: "a:b" }],
      ["completion/complete", { ref, argument: { name: "x", value: "" } }],
    ];
    for (const [method, params] of cases) {
      const error = await errorOf(await ask(harness, method, params));
      expect([method, error.status, error.code]).toEqual([method, 404, -32601]);
    }
    harness.gateway.description = { capabilities: { prompts: {}, resources: {}, completions: {} } };
    for (const [method, params] of cases) {
      expect([method, (await ask(harness, method, params)).status]).toEqual([method, 200]);
    }
  });

  test("params that a method cannot take are an error in an answer of 200", async () => {
    const error = await errorOf(
      await ask(createHarness(), "tools/call", { name: "echo", arguments: 5 }, { id: "a" }),
    );
    expect(error).toMatchObject({ status: 200, code: -32602, id: "a" });
  });

  test("bad media types, bodies, hosts and origins are refused before anything else is read", async () => {
    const harness = createHarness();
    const headers = mirror("tools/list", {});
    const body = request(1, "tools/list", { _meta: envelope() });
    const status = async (more: Record<string, string>, text: unknown = body) =>
      (await harness.send("POST", "/mcp", { headers: { ...headers, ...more }, body: text })).status;
    expect(await status({})).toBe(200);
    expect(await status({ "content-type": "text/plain" })).toBe(415);
    expect(await status({ accept: "text/html" })).toBe(406);
    expect(await status({ host: "evil.example" })).toBe(403);
    expect(await status({ origin: "http://evil.example" })).toBe(403);
    expect(await status({}, "{")).toBe(400);
  });

  test("new work is refused while the gateway stops", async () => {
    const harness = createHarness();
    harness.handler.drain();
    const response = await ask(harness, "tools/call", echo, { id: 9 });
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await errorOf(response)).toMatchObject({ status: 503, code: -32603, id: 9 });
  });
});

describe("arguments that travel in headers", () => {
  const property = (type: string, header: string) => ({ type, "x-mcp-header": header });
  const inputSchema = {
    type: "object",
    properties: { region: property("string", "Region"), count: property("integer", "Count") },
  };
  const call = async (args: JsonObject, headers: Record<string, string>) => {
    const harness = createHarness();
    harness.gateway.tools.set("echo", { name: "echo", inputSchema });
    const response = await ask(harness, "tools/call", { name: "echo", arguments: args }, {
      headers,
    });
    const { error } = await response.json() as { error?: { code: number } };
    return error === undefined ? response.status : [response.status, error.code];
  };
  const refused = [400, -32020];

  test("B8 they must match the body", async () => {
    expect(await call({ region: "eu" }, { "mcp-param-region": "eu" })).toBe(200);
    expect(await call({ region: "eu" }, { "Mcp-Param-REGION": encoded("eu") })).toBe(200);
    expect(await call({ region: "eu" }, { "mcp-param-region": "us" })).toEqual(refused);
    expect(await call({ region: "eu" }, { "mcp-param-region": "EU" })).toEqual(refused);
    expect(await call({ region: "eu" }, { "mcp-param-region": "=?base64?ZXU?=" })).toEqual(refused);
    expect(await call({ region: "eu" }, {})).toEqual(refused);
  });

  test("an argument that is absent or null has none, numbers are compared as numbers", async () => {
    expect(await call({}, {})).toBe(200);
    expect(await call({ region: null }, {})).toBe(200);
    expect(await call({ count: 42 }, { "mcp-param-count": "42.0" })).toBe(200);
    expect(await call({ count: 42 }, { "mcp-param-count": "43" })).toEqual(refused);
  });

  test("headers that no tool marks change nothing", async () => {
    expect(await call({}, { "mcp-param-other": "x" })).toBe(200);
  });
});

describe("a browser", () => {
  test("may send the headers of a stateless request, including those of tools' arguments", async () => {
    const { send } = createHarness({ config: { allowedOrigins: ["https://app.example"] } });
    const response = await send("OPTIONS", "/mcp", {
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers":
          "mcp-method, Mcp-Param-Region,mcp-param-b, x-evil, mcp-param-",
      },
    });
    const allowed = response.headers.get("access-control-allow-headers")?.split(", ") ?? [];
    for (
      const name of [
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "Mcp-Param-Region",
        "mcp-param-b",
      ]
    ) {
      expect(allowed).toContain(name);
    }
    expect(allowed).not.toContain("x-evil");
    expect(allowed).not.toContain("mcp-param-");
  });
});
