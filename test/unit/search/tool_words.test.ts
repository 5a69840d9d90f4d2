/** How names, texts and queries become words of the index. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { sensesOfText, sensesOfWord } from "../../../src/search/senses.ts";
import { nameWordsOf, queryWordsOf, toToolWords, wordsOf } from "../../../src/search/tool_words.ts";

const queryWords = (query: string) => queryWordsOf(query, defaultLimits);

describe("names", () => {
  test("are split at capitals, digits' ends and signs, and stay whole, too", () => {
    expect(nameWordsOf("create_pull-request.now/or:never")).toBe(
      "create pull request now or never",
    );
    expect(nameWordsOf("getHTTPResponse")).toBe("get http response gethttpresponse");
    expect(nameWordsOf("API-post-page")).toBe("api post page");
  });
});

describe("texts", () => {
  test("are letters and digits in lower case; scripts without spaces are single characters", () => {
    expect(wordsOf('Fäx "42"* OR (x)\u0000y\n')).toBe("fäx 42 or x y");
    expect(wordsOf("東京の天気 today")).toBe("東 京 の 天 気 today");
    expect(wordsOf("🌧️")).not.toMatch(/[^\p{M} ]/u);
    expect(wordsOf("ﬁle ①")).toBe("file 1");
  });
});

describe("queries", () => {
  test("are the words that count, each once", () => {
    expect(queryWords("What is the weather in the town, and the weather there?"))
      .toEqual(["weather", "town"]);
    expect(queryWords("what is it")).toEqual(["what", "is", "it"]);
    expect(queryWords(' "*" -- ')).toEqual([]);
  });

  test("split the names of functions, but no brand", () => {
    expect(queryWords("createPullRequest on GitHub"))
      .toEqual(["create", "pull", "request", "createpullrequest", "github"]);
  });

  test("take neighbouring characters of scripts without spaces together", () => {
    expect(queryWords("天気予報")).toEqual(["天 気", "気 予", "予 報"]);
    expect(queryWords("天 weather")).toEqual(["天", "weather"]);
  });

  test("are bounded", () => {
    const words = Array.from({ length: 500 }, (_, at) => `word${at}`).join(" ");
    expect(queryWords(words).length).toBe(defaultLimits.searchWordsMax);
    expect(queryWords("x".repeat(100_000)).join("").length)
      .toBeLessThanOrEqual(defaultLimits.searchQueryCharsMax);
  });
});

describe("definitions", () => {
  test("have the words of their parameters, also of nested ones", () => {
    const words = toToolWords("my-server", "sendMail", {
      title: "Send",
      description: "Sends a mail",
      inputSchema: {
        type: "object",
        properties: {
          toAddress: { type: "string", description: "Who gets it" },
          parts: { type: "array", items: { properties: { mimeType: { description: "Kind" } } } },
        },
      },
    }, defaultLimits);
    expect(words).toMatchObject({
      name: "send mail sendmail",
      title: "send",
      description: "sends a mail",
      server: "my server",
    });
    for (const word of ["address", "who gets it", "parts", "mime type", "kind"]) {
      expect(words.parameters).toContain(word);
    }
  });

  test("are taken in within a bound, however odd they are", () => {
    const limits = { searchTextCharsMax: 100, searchDepthMax: 3 };
    const deep: Record<string, unknown> = {};
    deep["properties"] = { again: deep };
    const wide = {
      properties: Object.fromEntries([...Array(500).keys()].map((at) => [`p${at}`, {}])),
    };
    for (const inputSchema of [deep, wide, null, 5, { properties: [] }, { properties: { a: 1 } }]) {
      const { parameters, description } = toToolWords("s", "n", {
        description: "word ".repeat(1_000),
        inputSchema,
      }, limits);
      expect(parameters.length).toBeLessThan(500);
      expect(description.length).toBeLessThanOrEqual(100);
    }
  });
});

describe("senses", () => {
  test("join words that mean the same, in any of their forms", () => {
    for (const [one, other] of [["folder", "directories"], ["picture", "screenshots"]]) {
      const senses = sensesOfWord(one ?? "")?.senses ?? [];
      expect(sensesOfText(other ?? "").split(" ").some((sense) => senses.includes(sense))).toBe(
        true,
      );
    }
    expect(sensesOfWord("deleting")?.isAction).toBe(true);
    expect(sensesOfWord("folders")?.isAction).toBe(false);
    expect(sensesOfWord("xyzzy")).toBe(undefined);
  });

  test("may belong to two words together", () => {
    const [sense = "none"] = sensesOfWord("pr")?.senses ?? [];
    expect(sensesOfText("create pull request").split(" ")).toContain(sense);
  });
});
