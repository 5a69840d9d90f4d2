/** Unexpected answers: in other charsets, and such that take long to truncate. */
import { afterEach, describe, expect, test } from "bun:test";
import { createApis, operation } from "../../../support/api_server.ts";
import type { Operation } from "../../../../src/upstream/rest/service.ts";

const apis = createApis();
afterEach(apis.closeAll);

/** What a tool, `it`, gives of such an answer. */
async function give(
  body: string | Uint8Array,
  type = "application/json",
  overrides: Partial<Operation> = {},
  status = 200,
) {
  const api = await apis.open(
    { "/it": ({ send }) => send(status, body, { "content-type": type }) },
    [operation({ name: "it", ...overrides })],
  );
  return await api.call("it");
}

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const utf16 = (text: string) =>
  Uint8Array.from([...text].flatMap((character) => {
    const code = character.charCodeAt(0);
    return [code & 255, code >> 8];
  }));

describe("charsets", () => {
  test("are those that the answer names", async () => {
    const result = { a: "café" };
    const json = JSON.stringify(result);
    for (
      const [bytes, charset] of [
        [latin1(json), "iso-8859-1"],
        [latin1(json), '"Windows-1252"'],
        [utf16(`\ufeff${json}`), "utf-16"],
        [utf16(json), "UTF-16LE"],
      ] as const
    ) {
      const { structuredContent } = await give(bytes, `application/json; charset=${charset}`);
      expect(structuredContent).toEqual({ result });
    }
    const { structuredContent } = await give(latin1("café"), "text/plain;charset=latin1");
    expect(structuredContent).toEqual({ result: { text: "café" } });
  });

  test("are read as UTF-8 where they are that, or where the named charset is unknown", async () => {
    for (const charset of ["iso-8859-1", "klingon", "utf-8", ""]) {
      const { structuredContent } = await give("café ✓", `text/plain; charset=${charset}`);
      expect(structuredContent).toEqual({ result: { text: "café ✓" } });
    }
  });

  test("hold for the words of a refusal, too", async () => {
    const type = "application/json; charset=iso-8859-1";
    const { content } = await give(latin1('{"message":"déjà vu"}'), type, {}, 400);
    expect(content[0]?.text).toContain("déjà vu");
  });
});

describe("large answers", () => {
  test("of half a million members are made small while others are served", async () => {
    const members = Array.from({ length: 500_000 }, (_, at) => `"k${at}":[${at},{"a":[]}]`);
    const { structuredContent } = await give(`{${members.join(",")}}`);
    const { result, note } = structuredContent;
    expect(Object.keys(result as object).slice(0, 2)).toEqual(["k0", "k1"]);
    expect(note).toContain("members of large objects are missing");
  });

  test("are not made larger by a cursor", async () => {
    const pagination = { type: "cursor", parameter: "after", next: "next" } as const;
    const paged = { pagination, projection: "items" };
    const type = "application/json";
    const body = (cursor: string) => JSON.stringify({ items: [1], next: cursor });
    expect((await give(body("x"), type, paged)).structuredContent)
      .toEqual({ result: [1], next: { after: "x" } });
    expect((await give(body("x".repeat(100_000)), type, paged)).structuredContent)
      .toEqual({ result: [1] });
  });
});

test("a number that clients read as infinite is none by the schema that they check", async () => {
  const outputSchema = { type: "object", properties: { price: { type: "number" } } };
  const api = await give('{"price":1e400}', "application/json", { outputSchema });
  expect(JSON.stringify(api.structuredContent)).toContain('"raw":{"price":1e400}');
  expect(api.structuredContent.result).toBe(undefined);
});
