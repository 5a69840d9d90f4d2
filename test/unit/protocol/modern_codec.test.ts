/** What stateless clients get, what stateless servers get and may send, and their streams. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import {
  type InputRequired,
  type JsonObject,
  type LogLevel,
  logLevels,
  type Notice,
  type Result,
} from "../../../src/model.ts";
import {
  decodeFilter,
  encodeAck,
  encodeEnd,
  encodeListen,
  honoured,
  isAck,
  type ListenFilter,
  tag,
  wants,
} from "../../../src/protocol/modern/listen_filter.ts";
import { client, identity, modern } from "../../support/codecs.ts";
import { decodeDiscover, supportedIn } from "../../../src/protocol/modern/upstream_facing.ts";

const revision = "2026-07-28";
const prefix = "io.modelcontextprotocol/";
const { client: clientCodec, upstream: codec } = modern;
const { encodeError } = clientCodec;

const result = (value: JsonObject, freshness?: Result["freshness"]): Result => ({
  kind: "result",
  value,
  freshness,
});
const signature = { [`${prefix}serverInfo`]: identity };
const encodeResult = (method: string, whole: Result) =>
  clientCodec.encodeResult(method, whole, client(revision));
const encodePause = (pause: InputRequired) => clientCodec.encodeInputRequired(pause);
const encodeNotice = (
  notice: Notice,
  token: string | number | undefined,
  logLevel: LogLevel | undefined,
) => clientCodec.encodeNotice(notice, client(revision, {}, logLevel), token);
const notice = (method: string, params: JsonObject = {}): Notice => ({
  kind: "notice",
  method: `notifications/${method}`,
  params,
});

describe("a client gets", () => {
  test("results that say that they are whole, and how long they may be kept where that counts", () => {
    expect(encodeResult("tools/call", result({ content: [], isError: true }))).toEqual({
      content: [],
      isError: true,
      resultType: "complete",
      _meta: signature,
    });
    const cached = [
      "tools/list",
      "prompts/list",
      "resources/list",
      "resources/templates/list",
      "resources/read",
    ];
    for (const method of cached) {
      expect(encodeResult(method, result({}))).toEqual({
        resultType: "complete",
        ttlMs: 0,
        cacheScope: "private",
        _meta: signature,
      });
      expect(encodeResult(method, result({}, { ttlMs: 5.9, isShared: true }))).toMatchObject({
        ttlMs: 5,
        cacheScope: "public",
      });
    }
  });

  test("no members of other hops or eras: the gateway's replace a server's", () => {
    const value = {
      contents: [],
      resultType: "input_required",
      inputRequests: {},
      requestState: "theirs",
      ttlMs: -1,
      cacheScope: "everybody",
      _meta: {
        [`${prefix}serverInfo`]: { name: "s" },
        [`${prefix}subscriptionId`]: 1,
        "example.com/a": 1,
      },
    };
    expect(encodeResult("resources/read", result(value))).toEqual({
      contents: [],
      resultType: "complete",
      ttlMs: 0,
      cacheScope: "private",
      _meta: { "example.com/a": 1, ...signature },
    });
  });

  test("complete tools, without those with invalid markings and without task members", () => {
    const inputSchema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      $defs: { a: { $anchor: "x", type: "string" } },
      properties: { a: { $ref: "#/$defs/a" }, b: { type: "string", "x-mcp-header": "B" } },
      if: {},
    };
    const good = { name: "good", inputSchema, outputSchema: { type: "array" } };
    const bad = { name: "bad", inputSchema: { properties: { a: { "x-mcp-header": "" } } } };
    const task = { name: "task", inputSchema: {}, execution: { taskSupport: "required" } };
    expect(encodeResult("tools/list", result({ tools: [good, bad, task] }))["tools"])
      .toEqual([good, { name: "task", inputSchema: {} }]);
  });

  test("questions as the end of a request, each under its key", () => {
    const params = { message: "Who?", _meta: { "example.com/a": 1, progressToken: 1 } };
    const questions = [
      { key: "a", method: "elicitation/create", params },
      { key: "__proto__", method: "roots/list", params: {} },
    ];
    const encoded = encodePause({ kind: "inputRequired", questions, state: "s" });
    expect(JSON.parse(JSON.stringify(encoded))).toEqual(JSON.parse(`{
      "resultType": "input_required",
      "inputRequests": {
        "a": {
          "method": "elicitation/create",
          "params": { "message": "Who?", "_meta": { "example.com/a": 1 } }
        },
        "__proto__": { "method": "roots/list", "params": {} }
      },
      "requestState": "s",
      "_meta": { "${prefix}serverInfo": { "name": "gateway", "version": "1" } }
    }`));
    expect(encodePause({ kind: "inputRequired", questions: [], state: "" })).toEqual({
      resultType: "input_required",
      requestState: "",
      _meta: signature,
    });
    expect("requestState" in encodePause({ kind: "inputRequired", questions })).toBe(false);
  });

  test("a page to open without the id that only the other era has", () => {
    const params = { mode: "url", message: "Go", url: "https://a.example", elicitationId: "e" };
    const questions = [{ key: "a", method: "elicitation/create", params }];
    const { elicitationId: _, ...kept } = params;
    expect(encodePause({ kind: "inputRequired", questions })["inputRequests"])
      .toEqual({ a: { method: "elicitation/create", params: kept } });
  });

  test("progress under its own token, 0 and the empty text too, and none without one", () => {
    for (const token of [0, "", "t", 7]) {
      expect(encodeNotice(notice("progress", { progress: 1 }), token, undefined)).toEqual({
        method: "notifications/progress",
        params: { progress: 1, progressToken: token },
      });
    }
    expect(encodeNotice(notice("progress", { progress: 1 }), undefined, "debug")).toBe(undefined);
  });

  test("log lines from the level that it asked for, and none when it did not ask", () => {
    const levelsFor = (wanted: LogLevel | undefined) =>
      logLevels.filter((level) =>
        encodeNotice(notice("message", { level, data: "x" }), 1, wanted) !== undefined
      );
    expect(levelsFor(undefined)).toEqual([]);
    expect(levelsFor("debug")).toEqual([...logLevels]);
    expect(levelsFor("warning")).toEqual(["warning", "error", "critical", "alert", "emergency"]);
    expect(levelsFor("emergency")).toEqual(["emergency"]);
  });

  test("no notices of the other era", () => {
    for (
      const method of ["elicitation/complete", "roots/list_changed", "tasks/status", "initialized"]
    ) {
      expect(encodeNotice(notice(method), 1, "debug")).toBe(undefined);
    }
  });

  test("errors with the era's codes and the transport's status", () => {
    const relayed = (code: number, data?: unknown) =>
      encodeError(
        new GatewayError("upstream_error", "m", { upstream: { code, message: "m", data } }),
      );
    const uri = { uri: "mem://a" };
    expect(relayed(-32002, uri)).toEqual({
      error: { code: -32602, message: "m", data: { ...uri, outcome: "refused" } },
      status: 200,
    });
    expect(relayed(-32042, { elicitations: [] })).toMatchObject({ error: { code: -32603 } });
    expect(relayed(-32601)).toMatchObject({ error: { code: -32601 }, status: 404 });
    expect(relayed(-32602)).toMatchObject({ error: { code: -32602 }, status: 200 });
    expect(relayed(1234, { x: 1 })).toEqual({
      error: { code: 1234, message: "m", data: { x: 1, outcome: "unknown" } },
      status: 200,
    });
    const own = (code: ConstructorParameters<typeof GatewayError>[0]) => {
      const { error, status } = encodeError(new GatewayError(code));
      return [error.code, status];
    };
    expect(own("method_not_found")).toEqual([-32601, 404]);
    expect(own("resource_not_found")).toEqual([-32602, 200]);
    expect(own("header_mismatch")).toEqual([-32020, 400]);
    expect(own("capability_missing")).toEqual([-32021, 400]);
    expect(own("version_unsupported")).toEqual([-32022, 400]);
    expect(own("envelope_invalid")).toEqual([-32602, 400]);
    expect(own("park_gone")).toEqual([-32603, 200]);
    expect(own("overloaded")).toEqual([-32603, 503]);
  });

  test("no error that belongs to the server's own hop", () => {
    for (const code of [-32020, -32021, -32022, -32023, -32099]) {
      const upstream = { code, message: "m", data: { supported: [] } };
      expect(encodeError(new GatewayError("upstream_error", "m", { upstream }))).toEqual({
        error: {
          code: -32603,
          message: "m",
          data: { reason: "upstream_error", outcome: code > -32023 ? "refused" : "unknown" },
        },
        status: 200,
      });
    }
  });

  test("the URI that is not found as it asked for it, whether the server named it or not", () => {
    for (const data of [undefined, "gone", { uri: "mem://theirs" }]) {
      const upstream = { code: -32002, message: "m", data };
      const failure = new GatewayError("upstream_error", "m", { upstream });
      const { code, data: told } =
        encodeError(failure, { method: "resources/read", params: { uri: "mem://ours" } }).error;
      expect([code, told]).toMatchObject([-32602, { uri: "mem://ours", outcome: "refused" }]);
    }
  });

  test("the description of a surface, without what the era does not know", () => {
    const description = {
      capabilities: { tools: { listChanged: true }, tasks: {}, logging: {} },
      serverInfo: { name: "files", version: "2" },
      instructions: "Take care",
    };
    expect(clientCodec.encodeDescription(description, client(revision))).toEqual({
      resultType: "complete",
      supportedVersions: [revision],
      capabilities: { tools: { listChanged: true }, logging: {} },
      instructions: "Take care",
      ttlMs: 0,
      cacheScope: "private",
      _meta: {
        [`${prefix}serverInfo`]: { ...identity, title: "files" },
        "mcp-wrapper/serverInfo": { name: "files", version: "2" },
      },
    });
  });
});

describe("a server gets", () => {
  const clientContext = { capabilities: { sampling: {} } };

  test("an envelope with each request, and nothing of a client's but its vendor keys", () => {
    const params = { name: "x", _meta: { "example.com/a": 1 } };
    expect(codec.encodeCall({ method: "tools/call", params, progressToken: 0, clientContext }))
      .toEqual({
        method: "tools/call",
        params: {
          name: "x",
          _meta: {
            "example.com/a": 1,
            progressToken: 0,
            [`${prefix}protocolVersion`]: revision,
            [`${prefix}clientInfo`]: identity,
            [`${prefix}clientCapabilities`]: { sampling: {} },
          },
        },
      });
    const { params: logged } = codec.encodeCall({
      method: "tools/list",
      params: {},
      clientContext: { capabilities: {}, logLevel: "debug" },
    });
    expect(logged["_meta"]).toMatchObject({ [`${prefix}logLevel`]: "debug" });
    expect(logged["_meta"]).not.toHaveProperty("progressToken");
  });

  test("answers and its own state back, exactly, and neither where there is none", () => {
    const encode = (resume?: Parameters<typeof codec.encodeCall>[0]["resume"]) => {
      const params = { name: "x" };
      const { _meta, ...sent } =
        codec.encodeCall({ method: "tools/call", params, clientContext, resume }).params;
      return sent;
    };
    const answers = { k: { action: "accept" } };
    expect(encode({ answers, state: " é " })).toEqual({
      name: "x",
      inputResponses: answers,
      requestState: " é ",
    });
    expect(encode({ answers })).toEqual({ name: "x", inputResponses: answers });
    expect(encode({ answers: {}, state: "" })).toEqual({ name: "x", requestState: "" });
    expect(encode()).toEqual({ name: "x" });
  });
});

describe("a server's result", () => {
  const decode = (value: unknown, method = "tools/call") => codec.decodeResult(method, value);
  const kindOf = (value: unknown, method?: string) => {
    const decoded = decode(value, method);
    return decoded.kind === "ok" ? decoded.value.kind : decoded.kind;
  };

  test("is whole when it says so, or does not say", () => {
    expect(kindOf({ content: [] })).toBe("result");
    expect(kindOf({ content: [], resultType: "complete" })).toBe("result");
  });

  test("of an unknown kind is invalid", () => {
    for (const resultType of ["task", "", 1, {}]) {
      expect(kindOf({ content: [], resultType })).toBe("invalid");
    }
    for (const value of [null, [], "x", 1, undefined]) expect(kindOf(value)).toBe("invalid");
  });

  test("keeps how long it may be kept, when that makes sense", () => {
    const freshnessOf = (hints: JsonObject) => {
      const decoded = decode({ tools: [], ...hints }, "tools/list");
      return decoded.kind === "ok" && decoded.value.kind === "result" && decoded.value.freshness;
    };
    expect(freshnessOf({ ttlMs: 5, cacheScope: "public" })).toEqual({ ttlMs: 5, isShared: true });
    expect(freshnessOf({ ttlMs: 0, cacheScope: "private" })).toEqual({ ttlMs: 0, isShared: false });
    // A result that is not clearly public belongs to its caller.
    expect(freshnessOf({ ttlMs: 5 })).toEqual({ ttlMs: 5, isShared: false });
    for (const ttlMs of [undefined, -1, "5", 1.5, null]) {
      expect(freshnessOf({ ttlMs, cacheScope: "public" })).toBe(undefined);
    }
  });

  test("lists no tool whose markings cannot be followed", () => {
    const decoded = decode({
      tools: [
        { name: "a", inputSchema: { type: "object", properties: {} } },
        { name: "b", inputSchema: { properties: { x: { type: "number", "x-mcp-header": "X" } } } },
        { inputSchema: {} },
      ],
    }, "tools/list");
    expect(decoded).toMatchObject({ kind: "ok", value: { value: { tools: [{ name: "a" }] } } });
    expect(decoded).toMatchObject({
      value: {
        corrections: [
          { item: "b", reason: 'corrected "inputSchema.type", which is absent' },
          { item: "item 3", reason: expect.stringContaining('left out: its "name" is absent') },
          { item: "b", reason: expect.stringContaining("left out: x-mcp-header") },
        ],
      },
    });
  });

  const questions = { k: { method: "elicitation/create", params: { message: "Who?" } } };
  test("may be questions, where questions are allowed", () => {
    const asking = { resultType: "input_required", inputRequests: questions, requestState: "s" };
    for (const method of ["tools/call", "prompts/get", "resources/read"]) {
      expect(decode(asking, method)).toEqual({
        kind: "ok",
        value: {
          kind: "inputRequired",
          questions: [{
            key: "k",
            method: "elicitation/create",
            params: { message: "Who?" },
          }],
          state: "s",
        },
      });
    }
    for (const method of ["tools/list", "completion/complete", "server/discover"]) {
      expect(kindOf(asking, method)).toBe("invalid");
    }
  });

  test("may be a state alone, the empty one too, but not nothing", () => {
    const asking = { resultType: "input_required" };
    expect(kindOf({ ...asking, requestState: "" })).toBe("inputRequired");
    expect(kindOf({ ...asking, inputRequests: questions })).toBe("inputRequired");
    expect(kindOf({ ...asking, inputRequests: {} })).toBe("invalid");
    expect(kindOf(asking)).toBe("invalid");
  });

  test("asks for nothing that the client cannot answer", () => {
    const wrong = [
      [1],
      { k: "text" },
      { k: { params: {} } },
      { k: { method: "tools/call", params: { name: "x" } } },
      { k: { method: "ping" } },
      { k: { method: "sampling/createMessage", params: {} } },
      { k: { method: "elicitation/create", params: [] } },
    ];
    for (const inputRequests of wrong) {
      expect(kindOf({ resultType: "input_required", inputRequests, requestState: "s" }))
        .toBe("invalid");
    }
    expect(kindOf({ resultType: "input_required", requestState: 1 })).toBe("invalid");
    expect(kindOf({ resultType: "input_required", inputRequests: { r: { method: "roots/list" } } }))
      .toBe("inputRequired");
  });
});

describe("a server's message", () => {
  test("is a notice of the request whose token or stream it names", () => {
    const decode = (method: string, params: JsonObject) => {
      const decoded = codec.decodeNotice(`notifications/${method}`, params);
      return decoded.kind === "ok"
        ? [decoded.value.notice.params, decoded.value.request]
        : decoded.kind;
    };
    expect(decode("progress", { progressToken: 0, progress: 1 })).toEqual([{ progress: 1 }, 0]);
    const tagged = { _meta: { [`${prefix}subscriptionId`]: 7, "example.com/a": 1 } };
    expect(decode("tools/list_changed", tagged))
      .toEqual([{ _meta: { "example.com/a": 1 } }, 7]);
    expect(decode("message", { level: "info", data: 1 }))
      .toEqual([{ level: "info", data: 1 }, undefined]);
    expect(decode("progress", { progress: 1 })).toBe("invalid");
    expect(decode("roots/list_changed", {})).toBe("unknown");
    expect(decode("elicitation/complete", { elicitationId: "e" })).toBe("unknown");
  });

  test("is never a request", () => {
    expect(codec.asks).toBe("result");
    expect(Object.keys(codec)).not.toContain("decodeAsk");
  });

  test("of an error means what it means on this side of the hop", () => {
    const codeOf = (code: number, data?: unknown) => {
      const error = codec.decodeError({ code, message: "m", data });
      return [error.code, error.data];
    };
    expect(codeOf(-32020)).toEqual(["header_mismatch", { outcome: "refused" }]);
    const requiredCapabilities = { elicitation: { url: {} } };
    expect(codeOf(-32021, { requiredCapabilities }))
      .toEqual(["capability_missing", { requiredCapabilities, outcome: "refused" }]);
    expect(codeOf(-32021)).toEqual(["capability_missing", {
      requiredCapabilities: {},
      outcome: "refused",
    }]);
    expect(codeOf(-32602, { uri: "a" })[0]).toBe("upstream_error");
  });

  test("of itself must name a revision that is served", () => {
    const good = { supportedVersions: ["2099-01-01", revision], capabilities: { tools: {} } };
    expect(decodeDiscover({
      ...good,
      instructions: "Take care",
      _meta: { [`${prefix}serverInfo`]: { name: "s" } },
    })).toEqual({
      kind: "ok",
      value: {
        supported: good.supportedVersions,
        description: {
          capabilities: { tools: {} },
          serverInfo: { name: "s" },
          instructions: "Take care",
        },
      },
    });
    expect(decodeDiscover({ ...good, instructions: 1, _meta: [] })).toMatchObject({
      value: { description: { serverInfo: undefined, instructions: undefined } },
    });
    const wrong = [
      undefined,
      {},
      { ...good, supportedVersions: ["2025-11-25"] },
      { ...good, supportedVersions: revision },
      { ...good, supportedVersions: [revision, 1] },
      { ...good, capabilities: "all" },
    ];
    for (const value of wrong) expect(decodeDiscover(value).kind).toBe("invalid");
  });

  test("that refuses the gateway's revision lists the supported ones", () => {
    const supported = ["2025-11-25"];
    expect(supportedIn({ code: -32022, message: "", data: { supported } })).toEqual(supported);
    expect(supportedIn({ code: -32022, message: "", data: { supported: "all" } })).toBe(undefined);
    expect(supportedIn({ code: -32022, message: "" })).toBe(undefined);
    expect(supportedIn({ code: -32601, message: "", data: { supported } })).toBe(undefined);
  });
});

describe("a stream of notifications", () => {
  const all: ListenFilter = {
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
    resourceSubscriptions: ["mem://a"],
  };
  const none: ListenFilter = {
    toolsListChanged: false,
    promptsListChanged: false,
    resourcesListChanged: false,
    resourceSubscriptions: [],
  };

  test("carries what its filter says, each resource once", () => {
    expect(decodeFilter({ notifications: {} })).toEqual(none);
    expect(decodeFilter({
      notifications: {
        toolsListChanged: true,
        promptsListChanged: false,
        resourceSubscriptions: ["mem://a", "mem://b", "mem://a"],
        "example.com/other": true,
      },
    })).toEqual({ ...none, toolsListChanged: true, resourceSubscriptions: ["mem://a", "mem://b"] });
    const wrong = [
      undefined,
      null,
      [],
      { toolsListChanged: 1 },
      { resourceSubscriptions: "mem://a" },
      { resourceSubscriptions: [1] },
      { resourceSubscriptions: ["a\u0000"] },
    ];
    for (const notifications of wrong) {
      let code: unknown;
      try {
        decodeFilter({ notifications });
      } catch (thrown) {
        code = thrown instanceof GatewayError && thrown.code;
      }
      expect(code).toBe("invalid_params");
    }
  });

  test("promises only what the surface supports", () => {
    expect(honoured(all, {})).toEqual(none);
    expect(honoured(all, { tools: {}, prompts: { listChanged: "yes" }, resources: true }))
      .toEqual(none);
    expect(honoured(all, { tools: { listChanged: true }, resources: { subscribe: true } }))
      .toEqual({ ...none, toolsListChanged: true, resourceSubscriptions: ["mem://a"] });
    expect(honoured(none, { tools: { listChanged: true }, resources: { subscribe: true } }))
      .toEqual(none);
  });

  test("begins, speaks and ends under its request's id, as the client wrote it", () => {
    for (const id of [0, "", "1", 1]) {
      const key = `${prefix}subscriptionId`;
      expect(encodeAck(id, all)).toEqual({
        method: "notifications/subscriptions/acknowledged",
        params: {
          notifications: {
            toolsListChanged: true,
            promptsListChanged: true,
            resourcesListChanged: true,
            resourceSubscriptions: ["mem://a"],
          },
          _meta: { [key]: id },
        },
      });
      expect(encodeAck(id, none).params["notifications"]).toEqual({});
      const params = { uri: "mem://a", _meta: { "example.com/a": 1 } };
      expect(tag({ method: "m", params }, id).params["_meta"])
        .toEqual({ "example.com/a": 1, [key]: id });
      expect(encodeEnd(id, identity))
        .toEqual({ resultType: "complete", _meta: { [key]: id, ...signature } });
    }
  });

  test("carries a notice when its filter names it", () => {
    const changed = (kind: string) => notice(`${kind}/list_changed`);
    const updated = (uri: string) => notice("resources/updated", { uri });
    const every = [changed("tools"), changed("prompts"), changed("resources"), updated("mem://a")];
    for (const one of every) expect([wants(all, one), wants(none, one)]).toEqual([true, false]);
    expect(wants(all, updated("mem://b"))).toBe(false);
    expect(wants({ ...all, resourcesListChanged: false }, changed("resources"))).toBe(false);
    for (const other of [changed("roots"), notice("message"), notice("progress")]) {
      expect(wants(all, other)).toBe(false);
    }
  });

  test("of a server is asked for in the same words, and its first word is known", () => {
    expect(encodeListen({ ...none, promptsListChanged: true })).toEqual({
      method: "subscriptions/listen",
      params: { notifications: { promptsListChanged: true } },
    });
    const decoded = codec.decodeNotice(
      "notifications/subscriptions/acknowledged",
      encodeAck(5, all).params,
    );
    expect(decoded.kind === "ok" && [isAck(decoded.value.notice), decoded.value.request])
      .toEqual([true, 5]);
    expect(isAck(notice("tools/list_changed"))).toBe(false);
  });
});
