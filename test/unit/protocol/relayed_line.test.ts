/** What the bridge from stdio reads in a client's line, whole or only its two ends. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { idAtEnds, readRelayedLine, statelessHeaders } from "../../../src/protocol/relayed_line.ts";

const _meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
const read = (message: unknown) => readRelayedLine(JSON.stringify(message), defaultLimits);
const request = (method: string, params = {}, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});
const notice = (method: string, params = {}) => ({ jsonrpc: "2.0", method, params });

describe("each line decides for itself which era it belongs to", () => {
  const kinds: readonly [string, unknown, string][] = [
    ["the handshake", request("initialize"), "opening"],
    ["its end", notice("notifications/initialized"), "opened"],
    ["a request of a session", request("tools/list"), "session"],
    ["an answer", { jsonrpc: "2.0", id: 0, result: {} }, "session"],
    ["a batch", [request("ping"), notice("notifications/cancelled")], "session"],
    ["a cancellation", notice("notifications/cancelled", { requestId: 0 }), "cancellation"],
    ["a request without a session", request("tools/list", { _meta }), "stateless"],
    ["a handshake that claims to need none", request("initialize", { _meta }), "stateless"],
    ["a request for notices", request("subscriptions/listen", { _meta }), "listen"],
    ["a notice without a session", notice("notifications/x", { _meta }), "idle"],
  ];
  for (const [name, message, kind] of kinds) {
    test(name, () => expect(read(message).kind).toBe(kind as never));
  }

  test("a cancellation names its request, 0 included", () => {
    expect(read(notice("notifications/cancelled", { requestId: 0 })).cancelled).toBe(0);
  });

  for (const wrong of [[], 5, {}, [1], { jsonrpc: "1.0", id: 1, method: "ping" }]) {
    test(`refuses ${JSON.stringify(wrong)}`, () => expect(() => read(wrong)).toThrow());
  }
});

test("the version header repeats the request's own version, so that the gateway can refuse it", () => {
  const later = { ..._meta, "io.modelcontextprotocol/protocolVersion": "2099-01-01" };
  const [line] = read(request("tools/call", { name: "a", _meta: later })).requests;
  if (line === undefined) throw new Error("no request");
  expect(statelessHeaders(line, undefined)).toEqual({
    "mcp-protocol-version": "2099-01-01",
    "mcp-method": "tools/call",
    "mcp-name": "a",
  });
});

describe("the id of a request that is too long for a line", () => {
  const long = "x".repeat(500);
  const edge = 96;
  const idOf = (text: string) => idAtEnds({ head: text.slice(0, edge), tail: text.slice(-edge) });
  const texts: readonly [string, string, string | number | undefined][] = [
    ["at the beginning", `{"jsonrpc":"2.0","id":5,"method":"m","params":{"a":"${long}"}}`, 5],
    ["before the version", `{"id":0,"jsonrpc":"2.0","method":"m","params":{"a":"${long}"}}`, 0],
    ["at the end", `{"method":"m","params":{"a":"${long}"},"jsonrpc":"2.0","id":"b\\"c"}`, 'b"c'],
    ["of its arguments alone", `{"method":"m","params":{"a":"${long}","id":5}}`, undefined],
    ["of an answer", `{"result":{"a":"${long}"},"jsonrpc":"2.0","id":5}`, undefined],
    ["of an answer, first", `{"jsonrpc":"2.0","id":5,"result":{"a":"${long}"}}`, undefined],
  ];
  for (const [name, text, id] of texts) test(name, () => expect(idOf(text)).toBe(id as never));
});
