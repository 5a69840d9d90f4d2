/**
 * Long results: what is shown is within its bound and sound, and the parts of the whole are the whole.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { wholeUpTo } from "../../../src/excerpt.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { cutResult, type ResultBounds } from "../../../src/truncation/cut_content.ts";
import { partEnd } from "../../../src/truncation/part_border.ts";
import { type Piece, splitIntoParts } from "../../../src/truncation/pieces.ts";
import { shareOut } from "../../../src/truncation/shares.ts";
import { shortenText } from "../../../src/truncation/shorten_text.ts";
import { truncateToFit } from "../../../src/truncation/truncate.ts";
import { testSeed } from "../../support/random.ts";

const runs = { seed: testSeed, numRuns: 60 };

/** Texts with what borders and characters are made of. */
const words = fc.constantFrom(
  ...[
    "word",
    " ",
    "\n",
    "\n\n",
    "\r\n",
    "},",
    "],",
    ", ",
    "e\u0301",
    "😀",
    "👨‍👩‍👧‍👦",
    "🇩🇪",
    "中",
    "x".repeat(90),
  ],
);
const longText = fc.array(words, { minLength: 1, maxLength: 400 }).map((all) => all.join(""));

const bounds: ResultBounds = {
  charsMax: 5_000,
  mediaCharsMax: 20_000,
  noteChars: 1_000,
  blockCharsMin: 100,
  frameCharsMax: 1_000,
  linkChars: 500,
  keepsStructure: false,
  json: defaultLimits,
};

const text = (value: string) => ({ type: "text", text: value });
const image = (chars: number) => ({
  type: "image",
  mimeType: "image/png",
  data: "A".repeat(chars),
});

/** The shown blocks as one text. */
const shownIn = (value: JsonObject, more: Partial<ResultBounds> = {}) => {
  const cut = cutResult(value, { ...bounds, ...more });
  if (cut === undefined) throw new Error("Nothing was cut");
  return { ...cut, shown: cut.content.map((one) => "block" in one ? one.block : one) };
};

describe("a text in parts", () => {
  test("is whole when they are joined, and each is within the bound", () => {
    fc.assert(
      fc.property(longText, fc.integer({ min: 80, max: 900 }), (whole, charsMax) => {
        const parts: string[] = [];
        for (let at = 0; at < whole.length;) {
          const end = partEnd(whole, at, charsMax);
          expect(end > at && end - at <= charsMax).toBe(true);
          parts.push(whole.slice(at, end));
          at = end;
        }
        expect(parts.join("")).toBe(whole);
        // No part ends inside of what readers see as one character.
        let at = 0;
        for (const part of parts) {
          at += part.length;
          expect(wholeUpTo(whole, at)).toBe(at);
        }
      }),
      runs,
    );
  });

  test("ends at a paragraph, else at a line, else at an element, else at a word", () => {
    const filler = (chars: number) => "a".repeat(chars);
    const first = (whole: string) => whole.slice(0, partEnd(whole, 0, 100));
    expect(first(`${filler(80)}\n\n${filler(5)}\n${filler(99)}`)).toBe(`${filler(80)}\n\n`);
    expect(first(`${filler(60)}\n${filler(99)}`)).toBe(`${filler(60)}\n`);
    expect(first(`[{"a":"${filler(70)}"},{"a":"${filler(99)}"}]`)).toBe(
      `[{"a":"${filler(70)}"},`,
    );
    expect(first(`${filler(90)} ${filler(99)}`)).toBe(`${filler(90)} `);
    // A border that would leave most of the part empty is none.
    expect(first(`${filler(20)}\n${filler(200)}`).length).toBe(100);
  });

  test("costs as much for a long line as for a short one", () => {
    const whole = "x".repeat(16_000_000);
    let parts = 0;
    for (let at = 0; at < whole.length; at = partEnd(whole, at, 40_000)) parts += 1;
    expect(parts).toBe(400);
  });
});

describe("JSON in a text", () => {
  test("stays JSON within the bound, and says what is missing", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ id: fc.integer(), name: fc.string({ maxLength: 60 }) }), {
          minLength: 200,
          maxLength: 400,
        }),
        fc.integer({ min: 400, max: 4_000 }),
        (items, charsMax) => {
          const whole = JSON.stringify(items, undefined, 2);
          const short = shortenText(whole, charsMax, defaultLimits);
          expect(short.isBeginning).toBe(false);
          expect(short.text.length <= charsMax).toBe(true);
          const shown = JSON.parse(short.text) as unknown[];
          const count = shown.length - 1;
          expect(shown.at(-1)).toBe(`… ${items.length - count} more items`);
          expect(shown.slice(0, count).map((one) => (one as JsonObject)["id"])).toEqual(
            items.slice(0, count).map(({ id }) => id),
          );
        },
      ),
      runs,
    );
  });

  test("of any shape stays JSON or becomes the beginning of its text", () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 6 }),
        fc.integer({ min: 100, max: 500 }),
        (json, charsMax) => {
          const whole = JSON.stringify([JSON.parse(json), "y".repeat(600), JSON.parse(json)]);
          const short = shortenText(whole, charsMax, defaultLimits);
          expect(short.text.length <= charsMax).toBe(true);
          if (short.isBeginning) expect(whole.startsWith(short.text)).toBe(true);
          else JSON.parse(short.text);
        },
      ),
      runs,
    );
  });

  test("keeps the digits of numbers that no double holds", () => {
    const whole = JSON.stringify(Array.from({ length: 100 }, () => 7)).replace(
      "7",
      "12345678901234567890",
    );
    const { text: shown } = shortenText(whole, 120, defaultLimits);
    expect(shown.startsWith("[12345678901234567890,7,")).toBe(true);
    JSON.parse(shown);
  });

  test("that nests too deeply, or is none, is cut as a text", () => {
    for (const whole of [`${"[".repeat(400)}${"]".repeat(400)}`, `{"a": ${"b".repeat(500)}`]) {
      const short = shortenText(whole, 200, defaultLimits);
      expect(short.isBeginning).toBe(true);
      expect(whole.startsWith(short.text)).toBe(true);
    }
  });

  test("marks members of objects, too", () => {
    const wide = Object.fromEntries(Array.from({ length: 900 }, (_, n) => [`key ${n}`, n]));
    const { value } = truncateToFit(wide, 300, { marks: true });
    expect(JSON.stringify(value).length <= 300).toBe(true);
    const count = Object.keys(value as object).length - 1;
    expect((value as JsonObject)["…"]).toBe(`… ${900 - count} more members`);
  });
});

describe("what pieces share", () => {
  test("is never more than there is, and small pieces get all that they have", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(2_000), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 100, max: 9_000 }),
        (sizes, total) => {
          const shares = shareOut(sizes, total, 100);
          expect(shares.reduce((sum, one) => sum + one, 0) <= total).toBe(true);
          const cut = shares.filter((share, at) => share < (sizes[at] ?? 0) && share > 0);
          for (const [at, share] of shares.entries()) {
            expect(share <= (sizes[at] ?? 0)).toBe(true);
            // What is cut gets the most.
            if (cut.length > 0) expect(share <= Math.max(...cut)).toBe(true);
          }
        },
      ),
      runs,
    );
  });
});

describe("a result", () => {
  test("that is within its bound is not touched", () => {
    for (const content of [[], [text("a".repeat(5_000))], [image(17_000)], [text("a"), image(9)]]) {
      expect(cutResult({ content }, bounds)).toBe(undefined);
    }
    expect(cutResult({ task: {} }, bounds)).toBe(undefined);
    expect(cutResult({ content: "none" }, bounds)).toBe(undefined);
  });

  test("of one text ends early, and its first part is what is shown", () => {
    const whole = Array.from({ length: 900 }, (_, n) => `line ${n}\n`).join("");
    const { shown, pieces, isBeginning } = shownIn({ content: [text(whole)] });
    expect(isBeginning).toBe(true);
    const [{ text: beginning }] = shown as [{ text: string }];
    expect(beginning.endsWith("\n") && whole.startsWith(beginning)).toBe(true);
    const [first = [], second = []] = splitIntoParts(pieces, bounds.charsMax - bounds.noteChars);
    expect(first).toEqual([{ piece: 0, start: 0, end: beginning.length }]);
    expect(second[0]?.start).toBe(beginning.length);
  });

  test("of a long and a short text keeps the short one", () => {
    const { shown, pieces } = shownIn({
      content: [text("Found:"), text("x".repeat(9_000)), text("Done")],
    });
    expect(shown.map((one) => (one as { text: string }).text.length)).toEqual([6, 3_938, 4]);
    expect(pieces.map((piece) => "text" in piece && piece.text.length)).toEqual([6, 9_000, 4]);
  });

  test("of very many blocks leaves the last ones out", () => {
    const content = Array.from({ length: 3_000 }, (_, n) => text(`block ${n} ${"z".repeat(50)}`));
    const { shown, pieces } = shownIn({ content });
    expect(shown).toEqual(content.slice(0, shown.length));
    expect(shown.length > 30).toBe(true);
    expect(pieces.length).toBe(3_000);
  });

  test("has links in the places of images that are too large, and keeps the others", () => {
    const { content, pieces } = shownIn({
      content: [image(9_000), text("between"), image(90_000), image(8_000)],
    });
    expect(content).toEqual([
      { block: image(9_000) },
      { block: text("between") },
      { linkTo: 0 },
      { block: image(8_000) },
    ]);
    expect(pieces).toEqual([{ mimeType: "image/png", blob: "A".repeat(90_000) }]);
  });

  test("keeps structured content that belongs to a schema, and cuts the text beside it", () => {
    const structuredContent = { rows: Array.from({ length: 2_000 }, (_, n) => ({ n })) };
    const value = { content: [text(JSON.stringify(structuredContent))], structuredContent };
    const kept = shownIn(value, { keepsStructure: true });
    expect(kept.structuredContent).toBe(structuredContent);
    expect(JSON.stringify(kept.shown).length < 5_000).toBe(true);
    const cut = shownIn(value);
    const { rows } = cut.structuredContent as { rows: unknown[] };
    expect(rows).toEqual(structuredContent.rows.slice(0, rows.length));
    expect(JSON.stringify(cut.structuredContent).length <= 5_000).toBe(true);
    // The text says the same, so it is kept once.
    expect(cut.pieces.length).toBe(1);
  });

  test("may have nothing but structured content that is too long", () => {
    const structuredContent = { rows: Array.from({ length: 2_000 }, (_, n) => ({ n })) };
    const { shown, pieces } = shownIn({ content: [text("2000 rows")], structuredContent });
    expect(shown).toEqual([text("2000 rows")]);
    expect(pieces).toEqual([
      { mimeType: "application/json", text: JSON.stringify(structuredContent) },
    ]);
  });

  test("embeds no shortened resource: its beginning is a text", () => {
    const resource = { uri: "file:///a", mimeType: "text/markdown", text: "# A\n".repeat(3_000) };
    const { shown, pieces } = shownIn({ content: [{ type: "resource", resource }] });
    expect((shown[0] as { type: string }).type).toBe("text");
    expect(pieces).toEqual([{ mimeType: "text/markdown", text: resource.text }]);
  });

  test("of any blocks is within its bound, and its parts are the whole", () => {
    const block = fc.oneof(
      longText.map(text),
      fc.integer({ min: 1, max: 15_000 }).map(image),
      fc.constant({ type: "resource_link", uri: "a:b", name: "b" }),
      longText.map((one) => ({ type: "resource", resource: { uri: "a:c", text: one } })),
    );
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), (content) => {
        const cut = cutResult({ content }, bounds);
        if (cut === undefined) return;
        const shown = cut.content.flatMap((one) => "block" in one ? [one.block as JsonObject] : []);
        const chars = (type: string, key: string) =>
          shown.reduce((sum, one) => sum + (one["type"] === type ? String(one[key]).length : 0), 0);
        const [texts, media] = [chars("text", "text"), chars("image", "data")];
        expect(texts <= bounds.charsMax && texts + media <= bounds.mediaCharsMax).toBe(true);
        const charsMax = bounds.charsMax - bounds.noteChars;
        const parts = splitIntoParts(cut.pieces, charsMax);
        expect(joined(cut.pieces, parts)).toEqual([...cut.pieces]);
        for (const part of parts) {
          const isText = part.every(({ piece }) => "text" in (cut.pieces[piece] ?? {}));
          const size = part.reduce((sum, { start, end }) => sum + end - start, 0);
          expect(isText ? size <= charsMax : part.length === 1).toBe(true);
        }
      }),
      runs,
    );
  });

  test("of anything that a server may say is within its bound, and is read on exactly", () => {
    const filler = fc.constantFrom("", "a", "b".repeat(700), "c".repeat(9_000));
    const counts = fc.constantFrom(1, 2, 30, 3_000);
    const block = fc.oneof(
      filler.map(text),
      fc.record({ type: fc.constant("text"), text: filler, _meta: fc.record({ x: filler }) }),
      fc.record({ type: fc.constant("image"), data: filler, mimeType: filler, text: filler }),
      fc.record({
        type: fc.constant("resource"),
        resource: fc.record({ uri: filler, mimeType: filler, blob: filler, text: filler }),
      }),
      fc.record({ type: fc.constant("resource"), resource: fc.record({ blob: filler }) }),
      fc.record({ type: fc.constant("resource_link"), uri: filler, name: filler }),
      fc.record({ type: filler }),
      filler,
    );
    const content = fc.array(fc.tuple(block, counts), { maxLength: 4 })
      .map((all) => all.flatMap(([one, count]) => Array.from({ length: count }, () => one)));
    const result = fc.record({
      content: fc.oneof(content, filler, fc.constant(undefined)),
      structuredContent: fc.oneof(fc.constant(undefined), fc.record({ a: filler, b: filler })),
      _meta: fc.oneof(fc.constant(undefined), fc.record({ x: filler })),
      isError: fc.constant(true),
      other: fc.oneof(fc.constant(undefined), filler),
    });
    fc.assert(
      fc.property(result, (value) => {
        const cut = cutResult(value as JsonObject, bounds);
        const { content: blocks, structuredContent, leftOut } = cut ??
          { ...value, content: asList(value.content).map((one) => ({ block: one })), leftOut: [] };
        const links = blocks.filter((one) => "linkTo" in one).length;
        const shown = blocks.flatMap((one) => "block" in one ? [one.block] : []);
        const isMedia = (one: unknown) =>
          ["data", "blob"].some((name) => JSON.stringify(one).includes(`"${name}":`));
        const chars = (all: readonly unknown[]) => JSON.stringify(all).length;
        expect(
          chars(shown.filter((one) => !isMedia(one))) + links * bounds.linkChars <=
            bounds.charsMax + bounds.frameCharsMax,
        ).toBe(true);
        expect(chars(shown) <= bounds.mediaCharsMax + bounds.frameCharsMax).toBe(true);
        expect((JSON.stringify(structuredContent) ?? "").length <= bounds.charsMax).toBe(true);
        const { content: _1, structuredContent: _2, ...others } = value;
        const rest = Object.entries(others).filter(([name]) =>
          !(leftOut as readonly string[]).includes(name)
        );
        expect(JSON.stringify(Object.fromEntries(rest)).length <= bounds.charsMax + 100).toBe(true);
        if (cut === undefined) return;
        const charsMax = bounds.charsMax - bounds.noteChars;
        const parts = splitIntoParts(cut.pieces, charsMax);
        expect(joined(cut.pieces, parts)).toEqual([...cut.pieces]);
        for (const part of parts) {
          const isBlob = part.some(({ piece }) => "blob" in (cut.pieces[piece] ?? {}));
          const size = part.reduce((sum, { start, end }) => sum + end - start + 100, 0);
          expect(isBlob ? part.length === 1 : size <= charsMax + 200).toBe(true);
        }
      }),
      { ...runs, numRuns: 200 },
    );
  });
});

const asList = (content: unknown): readonly unknown[] =>
  content === undefined ? [] : Array.isArray(content) ? content : [content];

/** The pieces made again from their parts. */
function joined(pieces: readonly Piece[], parts: ReturnType<typeof splitIntoParts>): Piece[] {
  const texts = pieces.map(() => "");
  for (const { piece: at, start, end } of parts.flat()) {
    const piece = pieces[at];
    if (piece === undefined) continue;
    texts[at] += ("text" in piece ? piece.text : piece.blob).slice(start, end);
  }
  return pieces.map((piece, at) =>
    "text" in piece
      ? { mimeType: piece.mimeType, text: texts[at] ?? "" }
      : { mimeType: piece.mimeType, blob: texts[at] ?? "" }
  );
}
