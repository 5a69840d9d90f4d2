/** The example step: which numbers are cards, and what of a value stays as it was. */
import { expect, test } from "bun:test";
import { redact, redactText } from "../../../examples/redact_cards/redact_cards.ts";

test("card numbers in any grouping are hidden, with what stands next to them left alone", () => {
  const rows: [string, string][] = [
    ["4111111111111111", "[card …1111]"],
    ["card 5500-0000-0000-0004.", "card [card …0004]."],
    ["3400 000000 00009 03/28", "[card …0009] 03/28"],
    ["12 4111 1111 1111 1111 12/27 5500000000000004", "12 [card …1111] 12/27 [card …0004]"],
    ["4111111111111111 5500000000000004", "[card …1111] [card …0004]"],
  ];
  for (const [text, expected] of rows) expect(redactText(text)).toBe(expected);
});

test("other numbers stay: a wrong check digit, a time, an account, a part of a longer number", () => {
  for (
    const text of [
      "4111111111111112",
      "1764338400000",
      "1764338400000000",
      "12345678",
      "0.4111111111111111",
      "41111111111111114111111111111111",
    ]
  ) expect(redactText(text)).toBe(text);
});

test("a value without a card is the same value, and another is not changed in place", () => {
  const plain = { content: [{ type: "text", text: "hello" }], n: [1, null, true] };
  expect(redact(plain)).toBe(plain);
  const paid = { text: "4111111111111111", amount: 5, card: 4111111111111111 };
  expect(redact(paid)).toEqual({ text: "[card …1111]", amount: 5, card: 0 });
  expect(paid.text).toBe("4111111111111111");
});
