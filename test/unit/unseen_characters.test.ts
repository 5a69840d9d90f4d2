/** Which characters of a text are spelled out, because a reader would not see them. */
import { describe, expect, test } from "bun:test";
import { toVisible } from "../../src/cli/visible_text.ts";
import { oneLine } from "../../src/one_line.ts";
import { escapeUnseen, showUnseen } from "../../src/unseen_characters.ts";

const tags = [..."run"].map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0)));

/** What hides something -> how the operator sees it. */
const hiding: readonly (readonly [string, string, string])[] = [
  ["marks of direction", "a\u202eb\u2066c\u200fd\u061c", "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200F⟩d⟨U+061C⟩"],
  ["zero width", "a\u200bb\u2060c\ufeffd\u00ade", "a⟨U+200B⟩b⟨U+2060⟩c⟨U+FEFF⟩d⟨U+00AD⟩e"],
  ["joiners between plain letters", "a\u200db\u200cc", "a⟨U+200D⟩b⟨U+200C⟩c"],
  ["tags", `x${tags.join("")}`, "x⟨U+E0072⟩⟨U+E0075⟩⟨U+E006E⟩"],
  ["selectors after a letter", "a\ufe0fb\u{e0101}", "a⟨U+FE0F⟩b⟨U+E0101⟩"],
  ["selectors in a row", "☀\ufe0f\ufe0f\ufe01", "☀\ufe0f⟨U+FE0F⟩⟨U+FE01⟩"],
  ["terminal codes", "\u001b[31mred\u009b", "⟨U+001B⟩[31mred⟨U+009B⟩"],
  ["letters that look empty", "a\u3164\u115f\u2800b", "a⟨U+3164⟩⟨U+115F⟩⟨U+2800⟩b"],
  ["line ends that are none", "a\u2028b\u0085c\rd", "a⟨U+2028⟩b⟨U+0085⟩c⟨U+000D⟩d"],
  ["half a pair", "a\ud83d", "a⟨U+D83D⟩"],
];

/** What people write. */
const written: readonly string[] = [
  "Reads a file.\n\tReturns its text: 100 % plain, naïve, 日本語, Привет.",
  "❤\ufe0f ☀\ufe0f 1\ufe0f\u20e3 👩\u200d💻 👩🏽\u200d🚀 🏳\ufe0f\u200d🌈",
  "می\u200cخواهم",
  "क्\u200dष র\u200d্য",
  "葛\u{e0100}城",
];

describe("F13 hidden characters", () => {
  for (const [what, text, shown] of hiding) {
    test(`${what} are shown`, () => {
      expect(showUnseen(text)).toBe(shown);
      const plain = /^[^\p{Cc}\p{Cs}\u200b-\u200f\u202a-\u202e\u2060-\u2069\u{e0000}-\u{e007f}]*$/u;
      expect(escapeUnseen(text)).toMatch(plain);
      expect(toVisible(text)).toMatch(plain);
      expect(oneLine(text, 100)).toMatch(plain);
    });
  }

  test("what people write stays as it is", () => {
    for (const text of written) {
      expect(showUnseen(text)).toBe(text);
      expect(toVisible(text)).toBe(text);
      expect(escapeUnseen(text)).toBe(JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"'));
    }
  });

  test("escapes in a JSON text leave its value as it is", () => {
    for (const [, text] of hiding) {
      const line = escapeUnseen(JSON.stringify({ [text]: [text] }));
      expect(JSON.parse(line)).toEqual({ [text]: [text] });
    }
  });
});
