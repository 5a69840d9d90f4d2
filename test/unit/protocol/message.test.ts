/** JSON values as JSON-RPC messages and back to text. */
import { describe, expect, test } from "bun:test";
import envelopes from "../../corpus/legacy/envelopes.json" with { type: "json" };
import { GatewayError } from "../../../src/errors.ts";
import { defaultLimits as limits } from "../../../src/limits.ts";
import {
  errorText,
  idOf,
  notificationText,
  parseJson,
  requestText,
  resultText,
  toMessage,
} from "../../../src/protocol/jsonrpc.ts";

const read = (text: string) => toMessage(parseJson(text, limits, true), limits);

function fate(text: string): string {
  try {
    return read(text).kind;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.code;
    throw thrown;
  }
}

describe("envelopes", () => {
  for (const { name, text, is } of envelopes) {
    test(`${name}: ${is}`, () => expect(fate(text)).toBe(is));
  }

  test("A8 an id of 257 characters is refused, one of 256 is not", () => {
    const request = (chars: number) => requestText("x".repeat(chars), "ping", {});
    expect(fate(request(limits.requestIdCharsMax))).toBe("request");
    expect(fate(request(limits.requestIdCharsMax + 1))).toBe("invalid_request");
  });

  test("A12 a method of a megabyte is refused", () => {
    expect(fate(requestText(1, "x".repeat(limits.methodCharsMax), {}))).toBe("request");
    expect(fate(requestText(1, "x".repeat(2 ** 20), {}))).toBe("invalid_request");
  });

  test("A5 PARAMS is not params", () => {
    const message = read(
      '{"jsonrpc":"2.0","id":1,"method":"ping","PARAMS":{"a":1},"paramſ":{"a":1}}',
    );
    expect(message).toEqual({ kind: "request", id: 1, method: "ping", params: {} });
  });
});

describe("A7 a batch", () => {
  /** What becomes of each element, or of the whole. */
  const fates = (text: string): string | string[] => {
    let items: unknown;
    try {
      items = parseJson(text, limits, true);
    } catch (thrown) {
      return (thrown as GatewayError).code;
    }
    return (items as unknown[]).map((item) => fate(JSON.stringify(item)));
  };
  const ping = requestText(1, "ping", {});

  test("is checked message by message", () => {
    const notice = notificationText("notifications/initialized", {});
    expect(fates(`[${ping},${notice},${resultText("a", {})}]`)).toEqual([
      "request",
      "notification",
      "response",
    ]);
    expect(fates(`[${ping},1,[${ping}],[],null,"ping",{}]`)).toEqual([
      "request",
      ...Array(6).fill("invalid_request"),
    ]);
  });

  test("may not hold a message that has a key twice", () => {
    expect(fates('[{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}]')).toBe("invalid_request");
    expect(fates(`[${ping},{"jsonrpc":"2.0","id":2,"method":"x","params":{"a":1,"\\u0061":2}}]`))
      .toBe("invalid_request");
  });
});

describe("the id that an error answer may carry", () => {
  const ids: [unknown, unknown][] = [
    [{ id: 0 }, 0],
    [{ id: "" }, ""],
    [{ id: "1", method: 5 }, "1"],
    [{ id: null }, undefined],
    [{ id: 1.5 }, undefined],
    [{ id: 2 ** 53 }, undefined],
    [{ id: "x".repeat(limits.requestIdCharsMax + 1) }, undefined],
    [{}, undefined],
    [[{ id: 1 }], undefined],
    ["id", undefined],
    [null, undefined],
  ];
  for (const [value, id] of ids) {
    test(`${JSON.stringify(value)?.slice(0, 40)} has ${JSON.stringify(id) ?? "none"}`, () => {
      expect(idOf(value, limits)).toBe(id as never);
    });
  }
});

describe("texts", () => {
  const messages = {
    request: requestText(0, "tools/call", { name: "a" }),
    notification: notificationText("notifications/x", { a: 1 }),
    response: resultText("", { a: "line\nbreak\u2028" }),
    error: errorText("1", { code: -32603, message: "no", data: { reason: "internal" } }),
  };
  for (const [kind, text] of Object.entries(messages)) {
    test(`a ${kind} is one line and reads back as itself`, () => {
      expect(text.includes("\n")).toBe(false);
      const message = read(text);
      expect(message.kind).toBe(kind as never);
      expect(JSON.parse(text)).toEqual({ jsonrpc: "2.0", ...without(message) });
    });
  }

  test("an error without id has no id member", () => {
    expect(JSON.parse(errorText(undefined, { code: -32700, message: "no" }))).toEqual({
      jsonrpc: "2.0",
      error: { code: -32700, message: "no" },
    });
  });

  function without({ kind: _, ...rest }: { kind: string }): object {
    return rest;
  }
});
