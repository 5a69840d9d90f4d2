/** Answers that nobody expects: of other charsets, and such as take long to make small. */
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

  test("are UTF-8 where it is that, or where nobody knows the one that is named", async () => {
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
