/**
 * Usual messages of servers take a short way: a message that does is one that the full way passes
 * unchanged. A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import { defaultLimits as limits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { parseJson, toMessage } from "../../../src/protocol/jsonrpc.ts";
import { legacyUpstreamCodec } from "../../../src/protocol/legacy/upstream_facing.ts";
import {
  isPlainAnswer,
  isPlainProgress,
  isPlainToolResult,
} from "../../../src/protocol/plain_messages.ts";
import { decodeShared } from "../../../src/protocol/shared/results.ts";
import { withSoundResult } from "../../../src/protocol/sound_results.ts";
import { modern } from "../../support/codecs.ts";

const seed = Number(process.env["MCP_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const progressMethod = "notifications/progress";

/** What careless programs put in the place of a value; the last ones keep their digits. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, [], {}, "", "complete", "7", 0, -1, 1.5, true, false, [null], { a: null }),
  fc.constantFrom(JSON.rawJSON("12345678901234567890"), JSON.rawJSON("1e400")),
);
const mostly = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: odd });
const some = (members: Record<string, fc.Arbitrary<unknown>>, rare: readonly string[]) =>
  fc.record({
    ...members,
    ...Object.fromEntries(rare.map((name) => [name, odd])),
  }, { requiredKeys: Object.keys(members) }).chain((whole) =>
    fc.subarray(rare.slice(), { maxLength: 1 }).map((kept) =>
      Object.fromEntries(
        Object.entries(whole).filter(([name]) => !rare.includes(name) || kept.includes(name)),
      ) as JsonObject
    )
  );

const block = some(
  { type: mostly(fc.constant("text")), text: mostly(fc.string({ maxLength: 5 })) },
  ["_meta", "annotations", "title", "__proto__", "constructor"],
);
const result = some(
  { content: mostly(fc.array(mostly(block), { maxLength: 3 })) },
  ["isError", "structuredContent", "resultType", "_meta", "task", "toolResult", "toString"],
);
const progress = some(
  { progressToken: mostly(fc.nat(9)), progress: mostly(fc.nat(9)) },
  ["total", "message", "_meta", "task", "valueOf"],
);
const answer = some(
  { jsonrpc: mostly(fc.constant("2.0")), id: mostly(fc.nat(9)), result: mostly(result) },
  ["method", "error", "params"],
);

/** Runs a property on many values; it must have been tried on enough that are usual. */
function check(values: fc.Arbitrary<JsonObject>, isUsual: (value: JsonObject) => boolean) {
  let usual = 0;
  fc.assert(
    fc.property(values, (value) => {
      if (isUsual(value)) usual += 1;
    }),
    { seed, numRuns: 4_000 },
  );
  expect(usual).toBeGreaterThan(400);
}

describe("A usual message", () => {
  test("is a tool's result that no correction changes", () => {
    check(result, (value) => {
      if (!isPlainToolResult(value)) return false;
      expect(decodeShared("tools/call", value)).toEqual({
        kind: "ok",
        value: { kind: "result", value },
      });
      const decoded = decodeShared("tools/call", value);
      expect(decoded.kind === "ok" && decoded.value.value).toBe(value);
      // The results of tasks are corrected in the same way, and have no short one.
      expect(withSoundResult("tasks/result", value, {})).toBe(value);
      return true;
    });
  });

  test("is progress that reaches its request as the full way would give it", () => {
    check(progress, (params) => {
      if (!isPlainProgress(params)) return false;
      for (const codec of [legacyUpstreamCodec, modern.upstream]) {
        // A member that the short way does not know.
        const full = codec.decodeNotice(progressMethod, { ...params, extra: 1 });
        const short = codec.decodeNotice(progressMethod, { ...params });
        if (full.kind !== "ok" || short.kind !== "ok") throw new Error(full.kind);
        const { extra: _, ...rest } = full.value.notice.params;
        expect(short.value.notice.params).toEqual(rest);
        expect(Object.keys(short.value.notice.params)).toEqual(Object.keys(rest));
        expect(short.value.request).toBe(full.value.request!);
      }
      return true;
    });
  });

  test("is an answer that is read as its members say", () => {
    check(answer, (value) => {
      if (!isPlainAnswer(value)) return false;
      const { id, result: given } = value;
      expect(toMessage(value, limits)).toEqual({ kind: "response", id, result: given });
      return true;
    });
  });

  test("has no number that keeps its digits, no unknown member and no option", () => {
    const read = (text: string) => parseJson(text, limits, false) as JsonObject;
    const text = '{"type":"text","text":"x"}';
    for (
      const given of [
        `{"content":[${text}],"foo":1}`,
        `{"content":[${text}],"__proto__":{}}`,
        `{"content":[${text}],"isError":"true"}`,
        `{"content":[${text}],"structuredContent":[]}`,
        `{"content":[${text}],"structuredContent":12345678901234567890}`,
        `{"content":[${text}],"resultType":"input_required"}`,
        `{"content":[${text},null]}`,
        '{"content":[{"type":"text","text":"x","annotations":null}]}',
        '{"content":[{"type":"image","data":"","mimeType":"a/b"}]}',
        '{"content":{}}',
      ]
    ) {
      expect([given, isPlainToolResult(read(given))]).toEqual([given, false]);
    }
    expect(isPlainToolResult(read(`{"content":[${text}],"isError":true}`))).toBe(true);
    expect(isPlainProgress(read('{"progressToken":1,"progress":12345678901234567890}'))).toBe(
      false,
    );
    expect(isPlainProgress(read('{"progressToken":1.5,"progress":1}'))).toBe(false);
    expect(isPlainProgress(read('{"progressToken":"a","progress":1,"message":"b"}'))).toBe(true);
    expect(isPlainAnswer(read('{"jsonrpc":"2.0","id":1,"result":{},"error":null}'))).toBe(false);
  });
});
