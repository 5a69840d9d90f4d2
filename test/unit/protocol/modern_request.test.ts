/** Stateless requests of clients: their era, their faults, and what of them reaches the model. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/model.ts";
import { classify } from "../../../src/protocol/era.ts";
import { encodeHeaderValue } from "../../../src/protocol/modern/header_values.ts";
import { requestHeaders } from "../../../src/protocol/modern/http_wire.ts";
import { type DecodedRequest, decodeRequest } from "../../../src/protocol/modern/modern_request.ts";

const revision = "2026-07-28";
const prefix = "io.modelcontextprotocol/";
const claim = { [`${prefix}protocolVersion`]: revision };
const envelope = { ...claim, [`${prefix}clientCapabilities`]: {} };

const caught = (work: () => unknown): [string, number] | string => {
  try {
    return `no error: ${JSON.stringify(work())}`;
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return [thrown.code, thrown.status];
  }
};

describe("the era of a body", () => {
  const eraOf = (value: unknown, headers: Record<string, string> = {}) =>
    classify(value, new Headers(headers));
  const request = (params?: unknown, method = "tools/list") => ({
    jsonrpc: "2.0",
    id: 1,
    method,
    ...(params === undefined ? {} : { params }),
  });
  const newer = { "mcp-protocol-version": revision };

  test("is what it claims, whatever the headers say", () => {
    const claimed = request({ _meta: claim });
    for (
      const headers of [{}, newer, { "mcp-protocol-version": "2025-11-25" }, {
        "mcp-session-id": "s",
      }]
    ) {
      expect(eraOf(claimed, headers)).toBe("modern");
    }
    // A claim to another revision, or one of a wrong type, is a claim.
    for (const value of ["2099-01-01", "2025-11-25", "", 0, null]) {
      expect(eraOf(request({ _meta: { [`${prefix}protocolVersion`]: value } }))).toBe("modern");
    }
    expect(eraOf(request({ _meta: claim }, "initialize"))).toBe("modern");
  });

  test("without a claim is the older one, whatever else the headers say", () => {
    const headers = { "mcp-protocol-version": "2025-11-25", "mcp-method": "initialize" };
    expect(eraOf(request({}, "initialize"), headers)).toBe("legacy");
    for (const params of [undefined, {}, { _meta: {} }, { _meta: [] }, [], "text", null]) {
      expect(eraOf(request(params))).toBe("legacy");
    }
    for (
      const body of [null, 1, "x", {}, [], [1], [request()], { jsonrpc: "2.0", id: 1, result: {} }]
    ) {
      expect(eraOf(body)).toBe("legacy");
      expect(eraOf(body, newer)).toBe("legacy");
    }
  });

  test("without a claim, but with the header, is a fault: which, depends on the method", () => {
    for (const params of [undefined, {}, { _meta: { "x/y": 1 } }]) {
      expect(caught(() => eraOf(request(params), newer))).toEqual(["envelope_invalid", 400]);
    }
    expect(caught(() => eraOf(request({}, "initialize"), newer))).toEqual(["header_mismatch", 400]);
  });

  test("of a notification without a claim is its header's", () => {
    const notification = { jsonrpc: "2.0", method: "notifications/cancelled", params: {} };
    expect(eraOf(notification)).toBe("legacy");
    expect(eraOf(notification, { "mcp-protocol-version": ` ${revision}\t` })).toBe("modern");
  });

  test("of a batch is the older one, since the newer has none", () => {
    const claimed = request({ _meta: claim });
    expect(eraOf([request()], newer)).toBe("legacy");
    for (const body of [[claimed], [request(), claimed], [1, claimed]]) {
      expect(caught(() => eraOf(body))).toEqual(["invalid_request", 400]);
    }
  });
});

interface Sent {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: JsonObject;
  readonly meta?: JsonObject;
  /** Instead of the right ones. */
  readonly headers?: Record<string, string | undefined>;
}

function decode(
  { id = 1, method = "tools/call", params = { name: "x" }, meta = envelope, headers = {} }: Sent,
): DecodedRequest {
  const message = { id, method, params: { ...params, _meta: meta } };
  const all = { ...requestHeaders(message, undefined), ...headers };
  const sent = Object.entries(all).filter((entry): entry is [string, string] =>
    entry[1] !== undefined
  );
  return decodeRequest(message, new Headers(sent));
}

describe("a stateless request", () => {
  test("comes out free of what belongs to its wire", () => {
    const decoded = decode({
      id: 0,
      params: { name: "x", arguments: { a: 1 }, inputResponses: { k: {} }, requestState: "s" },
      meta: {
        ...envelope,
        [`${prefix}clientInfo`]: { name: "c", version: "1" },
        [`${prefix}logLevel`]: "debug",
        progressToken: 0,
        traceparent: "00-1",
        "example.com/a": 1,
      },
    });
    expect(decoded).toEqual({
      id: 0,
      method: "tools/call",
      params: {
        name: "x",
        arguments: { a: 1 },
        _meta: { traceparent: "00-1", "example.com/a": 1 },
      },
      progressToken: 0,
      envelope: {
        revision,
        capabilities: {},
        clientInfo: { name: "c", version: "1" },
        logLevel: "debug",
      },
      resume: { answers: { k: {} }, state: "s" },
    });
  });

  test("need not name its client, nor wish for log lines", () => {
    expect(decode({}).envelope).toEqual({
      revision,
      capabilities: {},
      clientInfo: {},
      logLevel: undefined,
    });
    expect(decode({}).resume).toBe(undefined);
    expect(decode({}).progressToken).toBe(undefined);
  });

  test("fails with the first thing that is wrong with it, in this order", () => {
    const none = {
      "mcp-method": undefined,
      "mcp-protocol-version": undefined,
      "mcp-name": undefined,
    };
    const other = { ...envelope, [`${prefix}protocolVersion`]: "2099-01-01" };
    const ladder: [Sent, [string, number]][] = [
      // Each is wrong in the ways of those below it, too.
      [
        { method: "nope", meta: claim, headers: { "mcp-protocol-version": "1" } },
        ["envelope_invalid", 400],
      ],
      [
        { method: "nope", meta: other, headers: { "mcp-protocol-version": revision } },
        ["header_mismatch", 400],
      ],
      [{ method: "nope", meta: other, headers: none }, ["version_unsupported", 400]],
      [{ method: "nope", headers: none }, ["header_mismatch", 400]],
      [{ method: "nope", params: { name: 1 } }, ["method_not_found", 200]],
      [{ params: { name: 1, requestState: 1 }, headers: { "mcp-name": "1" } }, [
        "invalid_params",
        200,
      ]],
      [{ params: { name: "x", requestState: 1 } }, ["invalid_params", 200]],
    ];
    for (const [sent, expected] of ladder) expect(caught(() => decode(sent))).toEqual(expected);
  });

  test("must have the required _meta fields, in the right types", () => {
    const wrong: JsonObject[] = [
      { ...envelope, [`${prefix}clientCapabilities`]: undefined },
      { ...envelope, [`${prefix}clientCapabilities`]: [1] },
      { ...envelope, [`${prefix}clientCapabilities`]: "all" },
      { ...envelope, [`${prefix}protocolVersion`]: 20260728 },
      { ...envelope, [`${prefix}protocolVersion`]: null },
      { ...envelope, [`${prefix}clientInfo`]: "me" },
      { ...envelope, [`${prefix}logLevel`]: "loud" },
      { ...envelope, [`${prefix}logLevel`]: 7 },
    ];
    for (const meta of wrong) {
      expect(caught(() => decode({ meta }))).toEqual(["envelope_invalid", 400]);
    }
  });

  test("of another revision fails with the list of served ones", () => {
    for (const requested of ["2025-11-25", "2099-01-01", ""]) {
      const meta = { ...envelope, [`${prefix}protocolVersion`]: requested };
      const headers = { "mcp-protocol-version": requested === "" ? undefined : requested };
      let error: unknown;
      try {
        decode({ meta, headers });
      } catch (thrown) {
        error = thrown;
      }
      expect(error instanceof GatewayError && error.toRpc()).toMatchObject({
        code: -32022,
        data: { supported: [revision], requested },
      });
    }
  });

  test("must have headers that repeat it", () => {
    // Only names may be encoded.
    const encoded = (text: string) => `=?base64?${btoa(text)}?=`;
    const wrong: Sent[] = [
      { headers: { "mcp-protocol-version": undefined } },
      { headers: { "mcp-method": undefined } },
      { headers: { "mcp-name": undefined } },
      { headers: { "mcp-method": "tools/list" } },
      { headers: { "mcp-method": "Tools/Call" } },
      { headers: { "mcp-method": encoded("tools/call") } },
      { headers: { "mcp-protocol-version": encoded(revision) } },
      { headers: { "mcp-name": "y" } },
      { headers: { "mcp-name": "X" } },
      { headers: { "mcp-name": "=?base64?eA=?=" } },
      { headers: { "mcp-name": "=?base64?eQ==?=" } },
      { method: "resources/read", params: { uri: "mem://a" }, headers: { "mcp-name": "mem://b" } },
      { method: "prompts/get", params: { name: "p" }, headers: { "mcp-name": undefined } },
    ];
    for (const sent of wrong) {
      expect(caught(() => decode(sent))).toEqual(["header_mismatch", 400]);
    }
    expect(decode({ headers: { "mcp-name": "=?base64?eA==?=" } }).params).toEqual({ name: "x" });
    expect(decode({ headers: { "mcp-name": " x\t" } }).params).toEqual({ name: "x" });
    // Where nothing is named the header says nothing.
    expect(decode({ method: "tools/list", params: {}, headers: { "mcp-name": "y" } }).method)
      .toBe("tools/list");
  });

  test("of a method that is gone, or never was, is not found", () => {
    const gone = [
      "initialize",
      "ping",
      "logging/setLevel",
      "resources/subscribe",
      "resources/unsubscribe",
      "tasks/result",
      "tasks/list",
      "constructor",
      "__proto__",
      "toString",
    ];
    for (const method of gone) {
      expect(caught(() => decode({ method, params: {} }))).toEqual(["method_not_found", 200]);
    }
  });

  test("must have the params of its method", () => {
    const wrong: [string, JsonObject][] = [
      ["tools/call", {}],
      ["tools/call", { name: "a\u0000b" }],
      ["tools/call", { name: "x", arguments: [1] }],
      ["tools/list", { cursor: 1 }],
      ["resources/read", { uri: 1 }],
      ["completion/complete", { ref: { type: "ref/prompt", name: "p" } }],
      ["subscriptions/listen", {}],
      ["tools/call", { name: "x", inputResponses: [1] }],
      ["tools/call", { name: "x", inputResponses: { k: "text" } }],
      ["prompts/get", { name: "x", inputResponses: { k: 0 } }],
      ["resources/read", { uri: "mem://a", requestState: {} }],
    ];
    for (const [method, params] of wrong) {
      const named = encodeHeaderValue(String(params["name"] ?? params["uri"]));
      const headers = { "mcp-name": named };
      expect(caught(() => decode({ method, params, headers }))).toEqual(["invalid_params", 200]);
    }
    expect(caught(() => decode({ meta: { ...envelope, progressToken: {} } })))
      .toEqual(["invalid_params", 200]);
  });

  test("brings answers back where it may have been asked, and nowhere else", () => {
    const resume = { inputResponses: { k: { action: "accept" } }, requestState: "" };
    const answers = { answers: { k: { action: "accept" } }, state: "" };
    expect(decode({ params: { name: "x", ...resume } }).resume).toEqual(answers);
    const got = decode({ method: "prompts/get", params: { name: "x", ...resume } });
    expect(got.resume).toEqual(answers);
    const read = decode({ method: "resources/read", params: { uri: "u:a", ...resume } });
    expect(read.resume).toEqual(answers);
    expect(read.params).toEqual({ uri: "u:a" });
    const listed = decode({ method: "tools/list", params: { cursor: "", ...resume } });
    expect([listed.resume, listed.params]).toEqual([undefined, { cursor: "" }]);
    expect(decode({ params: { name: "x", requestState: "s" } }).resume)
      .toEqual({ answers: {}, state: "s" });
    expect(decode({ params: { name: "x", inputResponses: {} } }).resume)
      .toEqual({ answers: {}, state: undefined });
  });

  test("A11 keys of an answer are data, whatever they are called", () => {
    const params = JSON.parse(
      '{"name":"x","arguments":{"__proto__":{"a":1}},"inputResponses":{"__proto__":{"p":1},"constructor":{"c":1},"a\\u0000":{}}}',
    );
    const { resume, params: kept } = decode({ params });
    expect(JSON.stringify(resume?.answers)).toBe('{"__proto__":{"p":1},"constructor":{"c":1}}');
    expect(JSON.stringify(kept)).toBe('{"name":"x","arguments":{"__proto__":{"a":1}}}');
    expect(({} as JsonObject)["p"]).toBe(undefined);
  });
});
