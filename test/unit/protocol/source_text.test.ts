/**
 * A result that is passed on as the text that it came as says what it would say if it had been
 * read and written again, for each kind of result and each revision. A failure names the
 * seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject, RequestId, Result } from "../../../src/model.ts";
import { parseJson, resultText, toMessage } from "../../../src/protocol/jsonrpc.ts";
import { revisions } from "../../../src/protocol/legacy/revisions.ts";
import { modernRevision } from "../../../src/protocol/modern/revision.ts";
import { withSoundResult } from "../../../src/protocol/sound_results.ts";
import { client, legacy, modern } from "../../support/codecs.ts";

const seed = Number(process.env["MCP_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const asText = { ...defaultLimits, sourceTextCharsMin: 0 };
const asValue = { ...defaultLimits, sourceTextCharsMin: Infinity };

/** The line of a server as the answer that a client gets; undefined where it gets none. */
function relayed(
  line: string,
  limits: typeof asText,
  { method, era, revision, id }: {
    readonly method: string;
    readonly era: typeof legacy | typeof modern;
    readonly revision: string;
    readonly id: RequestId;
  },
): string | undefined {
  const message = toMessage(parseJson(line, limits, false), limits);
  if (message.kind !== "response") return undefined;
  const decoded = era.upstream.decodeResult(method, message.result);
  if (decoded.kind !== "ok" || decoded.value.kind !== "result") return undefined;
  const value = withSoundResult(method, decoded.value.value, { uri: "a://b" });
  const result: Result = { ...decoded.value, value };
  const codec = revision === modernRevision ? modern.client : legacy.client;
  return resultText(id, codec.encodeResult(method, result, client(revision)));
}

const words = fc.constantFrom("", "text", "é😀", "\u2028", "\ud800", '"\\/', "9007199254740993");
const extra = fc.dictionary(
  fc.constantFrom("_meta", "x", "__proto__", "resultType", "ttlMs", "annotations", "title"),
  fc.oneof(words, fc.constantFrom(null, [], {}, 1.5, { "a/b": 1 }, { progressToken: 1 })),
  { maxKeys: 2 },
);
const block = fc.tuple(
  fc.constantFrom<JsonObject>(
    { type: "text", text: "plain" },
    { type: "text", text: "plain" },
    { type: "image", data: "AAAA", mimeType: "image/png" },
    { type: "audio", data: "AAAA", mimeType: "audio/wav" },
    { type: "image", data: "no_-", mimeType: "image/png" },
    { type: "resource_link", uri: "a://b", name: "b" },
    { type: "resource", resource: { uri: "a://b", text: "x" } },
    { type: "text" },
    { type: "unheard-of" },
  ),
  fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: extra }),
).map(([one, more]): unknown => ({ ...one, ...more }));
const blocks = fc.array(fc.oneof({ weight: 9, arbitrary: block }, fc.constant(null)), {
  maxLength: 3,
});
const results = fc.oneof(
  fc.tuple(
    fc.constant("tools/call"),
    fc.record({
      content: blocks,
      structuredContent: fc.constantFrom<unknown>({ a: 1 }, [], [1], "text", null),
      isError: fc.constantFrom<unknown>(true, false, null, "true"),
    }, { requiredKeys: ["content"] }),
  ),
  fc.tuple(
    fc.constant("prompts/get"),
    fc.record({
      messages: fc.array(
        block.map((content) => ({ role: "user", content })),
        { maxLength: 3 },
      ),
    }),
  ),
  fc.tuple(
    fc.constant("resources/read"),
    fc.record({
      contents: fc.array(
        fc.tuple(words, extra).map(([text, more]) => ({ uri: "a://b", text, ...more })),
        { maxLength: 3 },
      ),
    }),
  ),
);
const lines = fc.tuple(results, extra, fc.constantFrom(0, 0, 1), fc.boolean())
  .map(([[method, result], more, indent, isFirst]) => {
    const members = { ...result, ...more, resultType: more["resultType"] ?? "complete" };
    const id = { jsonrpc: "2.0", id: 1 };
    // The members of an envelope come in every order.
    const message = isFirst ? { result: members, ...id } : { ...id, result: members };
    return { method, line: JSON.stringify(message, null, indent) };
  });
const callers = fc.record({
  era: fc.constantFrom(legacy, modern),
  revision: fc.constantFrom(...revisions, modernRevision),
  id: fc.constantFrom<RequestId>(0, 7, "", "é", "x".repeat(256)),
});

describe("A result that keeps its text", () => {
  test("says what it would say read and written again", () => {
    let same = 0;
    fc.assert(
      fc.property(lines, callers, ({ method, line }, caller) => {
        const told = { method, ...caller };
        const text = relayed(line, asText, told);
        const value = relayed(line, asValue, told);
        expect(text === undefined).toBe(value === undefined);
        if (text === undefined || value === undefined) return;
        expect(JSON.parse(text)).toEqual(JSON.parse(value));
        expect(text).not.toMatch(/[\r\n]/);
        if (text === value) same += 1;
      }),
      { seed, numRuns: 3_000 },
    );
    expect(same).toBeGreaterThan(0);
  });

  const told = { method: "tools/call", era: legacy, revision: "2025-11-25", id: "own" } as const;
  const plain = '{"content" : [{"type":"text","text":"\\u0061"}], "isError":false}';

  test("is passed on to the letter while nothing changes it", () => {
    const line = `{"id":1,"result":${plain},"jsonrpc":"2.0"}`;
    expect(relayed(line, asText, told)).toBe(`{"jsonrpc":"2.0","id":"own","result":${plain}}`);
  });

  test("gets the members of the stateless era before its end", () => {
    const line = `{"jsonrpc":"2.0","id":1,"result":${plain}}`;
    const text = relayed(line, asText, { ...told, revision: modernRevision });
    const head = `{"jsonrpc":"2.0","id":"own","result":${plain.slice(0, -1)},"resultType":`;
    expect(text?.slice(0, head.length)).toBe(head);
  });

  test("is written again where a block of it has to change, and where it is short", () => {
    const line = `{"jsonrpc":"2.0","id":1,"result":${plain.replace("text", "odd")}}`;
    expect(relayed(line, asText, told)).toContain('"content":[{"type":"text"');
    const short = `{"jsonrpc":"2.0","id":1,"result":${plain}}`;
    expect(relayed(short, defaultLimits, told)).toContain('"content":[{"type":"text","text":"a"}]');
  });

  test("is written again where most of its line is something else, which it would keep in memory", () => {
    const line = `{"jsonrpc":"2.0","id":1,"result":${plain},"more":"${"x".repeat(500)}"}`;
    expect(relayed(line, asText, told)).toContain('"content":[{"type":"text","text":"a"}]');
  });

  test("is a server's: a client's answer is written again, so that all read it alike", () => {
    const line = '{"jsonrpc":"2.0","id":1,"result":{"action":"accept","content":{"a":1,"a":2}}}';
    const message = toMessage(parseJson(line, asText, true), asText);
    if (message.kind !== "response") throw new Error("The line is no answer");
    expect(resultText(1, message.result)).toBe(line.replace('"a":1,', ""));
  });
});
