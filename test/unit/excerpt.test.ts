/**
 * Truncated texts never contain half of what readers see as one character.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  beginning,
  decodeHead,
  decodeTail,
  quoteJson,
  section,
  truncate,
} from "../../src/excerpt.ts";
import { defaultLimits } from "../../src/limits.ts";
import { createRedactor } from "../../src/log_redact.ts";
import { clientLine, oneLine } from "../../src/one_line.ts";
import { decodeInitialize } from "../../src/protocol/legacy/initialize_params.ts";
import type { OversizedMessage } from "../../src/upstream/link/oversized_message.ts";
import { createFramer } from "../../src/upstream/stdio/line_reader.ts";
import { createStartOutput } from "../../src/upstream/stdio/start_output.ts";
import { truncateToFit } from "../../src/truncation/truncate.ts";
import { cutText } from "../../src/upstream/rest/openapi/cut_text.ts";
import { createQuote } from "../../src/upstream/link/server_text.ts";
import { createApis, operation } from "../support/api_server.ts";

const apis = createApis();
afterEach(apis.closeAll);

/** One character each, as a reader sees it. */
const characters: readonly (readonly [what: string, text: string])[] = [
  ["one of two UTF-16 units", "😀"],
  ["an accent that joins its letter", "e\u0301"],
  ["a family of emoji", "👨‍👩‍👧‍👦"],
  ["a hand with its colour", "👍🏽"],
  ["a flag", "🇩🇪"],
  ["the end of a line", "\r\n"],
  ["a character in a URL", "%E4%B8%AD"],
  ["a pair in a URL", "%F0%9F%98%80"],
  ["a character as JSON spells it", "\\u4e2d"],
  ["a pair as JSON spells it", "\\ud83d\\ude00"],
];

describe("the beginning of a text", () => {
  for (const [what, one] of characters) {
    test(`has all of ${what} or nothing of it`, () => {
      const text = `ab${one.repeat(5)}`;
      for (let most = 2; most <= text.length; most += 1) {
        const whole = Math.floor((most - 2) / one.length);
        expect(beginning(text, most)).toBe(`ab${one.repeat(whole)}`);
      }
    });
  }

  test("keeps flags whole in a row of any length, from wherever it starts", () => {
    for (const before of ["", "a", "😀"]) {
      const text = before + "🇩🇪🇫🇷".repeat(60);
      for (let most = 8; most <= text.length; most += 1) {
        const whole = Math.floor((most - before.length) / 4);
        expect(beginning(text, most).length).toBe(before.length + 4 * whole);
      }
    }
  });

  test("is the text where it is short enough, and says where it was cut", () => {
    expect(beginning("abc", 3)).toBe("abc");
    expect(truncate("abc", 3)).toBe("abc");
    expect(truncate("abcd", 3)).toBe("ab…");
    expect(truncate("a😀b", 3)).toBe("a…");
    expect(truncate("abc", 0)).toBe("…");
  });

  test("keeps a plain % and a plain backslash", () => {
    expect(beginning("100%, 50%, 20%", 4)).toBe("100%");
    expect(beginning("C:\\temp\\work", 3)).toBe("C:\\");
  });

  test("is found where accents pile up without end", () => {
    const text = `e${"\u0301".repeat(10_000)}`;
    expect(beginning(text, 5_000).length).toBe(5_000);
  });

  test("of JSON ends in no half escape", () => {
    const value = { a: '"\\\n' };
    const whole = JSON.stringify(value);
    for (let most = 2; most <= whole.length; most += 1) {
      const text = quoteJson(value, most);
      expect(text.length).toBeLessThanOrEqual(most);
      const slashes = /\\*(?=…?$)/.exec(text)?.[0].length ?? 0;
      expect(slashes % 2).toBe(0);
    }
    expect(quoteJson(undefined, 9)).toBe("nothing");
  });
});

describe("the parts of a text", () => {
  for (const [what, one] of characters) {
    test(`together are the text, and none has half of ${what}`, () => {
      const text = `a${one.repeat(9)}`;
      const parts: string[] = [];
      for (let at = 0; at < text.length;) {
        const part = section(text, at, 14);
        parts.push(part.text);
        expect(part.start).toBe(at);
        at = part.end;
      }
      expect(parts.join("")).toBe(text);
      for (const part of parts) expect(part.replaceAll(one, "").replace(/^a/, "")).toBe("");
    });
  }
});

describe("bytes that were cut", () => {
  const text = "aé中😀z";
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at <= bytes.length; at += 1) {
    test(`at byte ${at} give no half character at either side`, () => {
      const head = decodeHead(bytes.subarray(0, at));
      const tail = decodeTail(bytes.subarray(at));
      expect(text.startsWith(head)).toBe(true);
      expect(text.endsWith(tail)).toBe(true);
      expect([...text].length - [...head + tail].length).toBeLessThanOrEqual(1);
    });
  }

  test("of a line that is too long show whole characters at both ends", () => {
    for (const before of ["", "a", "ab", "abc"]) {
      const seen: OversizedMessage[] = [];
      const framer = createFramer(1_000, (line) => seen.push(line));
      const line = new TextEncoder().encode(`${before}${"😀".repeat(500)}${before}\n`);
      for (let at = 0; at < line.length; at += 7) framer.push(line.subarray(at, at + 7));
      expect(seen.length).toBe(1);
      expect(`${seen[0]?.head}${seen[0]?.tail}`).not.toContain("\ufffd");
    }
  });
});

describe("no half character", () => {
  const limits = defaultLimits;
  const redact = (text: string, secrets: string[] = []) =>
    String(createRedactor(false, secrets, 1).toPlain("", text, { chars: limits.logCharsMax }));
  const printed = (text: string, rows = 1) => {
    const kept = createStartOutput(limits);
    for (let row = 0; row < rows; row += 1) kept.take(text);
    return kept.lines().join("\n");
  };
  /** Each place that shows a part of a text of others. */
  const places: Readonly<Record<string, (text: string) => string>> = {
    "a line in the log": (text) => oneLine(text, limits.logReasonCharsMax),
    "the name of a client": (text) =>
      clientLine({ name: text, version: "1" }, limits.clientTitleCharsMax),
    "the words of a server": createQuote([], limits),
    "the words of a server with a secret": createQuote(["hunter22"], limits),
    "what a program printed": printed,
    "the last lines of a program": (text) => printed(`Error ${text}`, 40),
    "a record of the log": redact,
    "a record with a secret": (text) => redact(`hunter22 ${text}`, ["hunter22"]),
    "the description of a web API": (text) => cutText(text, 200),
    "an answer that is too large": (text) =>
      JSON.stringify(truncateToFit([text, text, text], 2_000).value),
    "the revision that a server names": (text) => {
      const read = decodeInitialize({ protocolVersion: text, capabilities: {}, serverInfo: {} });
      return read.kind === "invalid" ? read.message : "";
    },
  };
  for (const [place, show] of Object.entries(places)) {
    test(`is in ${place}`, () => {
      for (const before of ["", "x", "xy", "xyz"]) {
        const shown = show(`${before}1${"😀".repeat(20_000)}`);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown).not.toMatch(/\ufffd|\\ud[89a-f]/i);
        expect(shown).toContain("😀");
        expect(shown.length).toBeLessThan(20_000);
      }
    });
  }

  test("is in the text of a web API, which a model reads part by part", async () => {
    const text = `x${"😀".repeat(2_000)}`;
    const api = await apis.open(
      {
        "/it": ({ send }) => send(200, text, { "content-type": "text/plain" }),
      },
      [operation({ name: "it", produces: ["text/plain"] })],
      {
        limits: { restResultCharsMax: 1_000 },
      },
    );
    let whole = "";
    for (let skip: unknown = 0; skip !== undefined;) {
      const { structuredContent } = await api.call("it", { skip });
      const { text: part } = structuredContent.result as { text: string };
      expect(part).not.toContain("\ufffd");
      whole += part;
      skip = (structuredContent.next as { skip: number } | undefined)?.skip;
    }
    expect(whole).toBe(text);
  });

  test("is in the error of a web API, and in what is said of a wrong argument", async () => {
    for (const before of ["", "x"]) {
      const words = `${before}${"😀".repeat(2_000)}`;
      const api = await apis.open({
        "/it": ({ json }) => json({ message: words }, 400),
      }, [
        operation({
          name: "it",
          inputSchema: { type: "object", properties: { a: { enum: [words] } } },
        }),
      ]);
      for (const given of [{}, { a: `y${words}` }]) {
        const { content } = await api.call("it", given);
        const said = content[0]?.text ?? "";
        expect(said).toContain("😀…");
        expect(said).not.toMatch(/\ufffd|\\ud[89a-f]/i);
      }
    }
  });
});
