/** Verified tokens are remembered until they expire or are forgotten, and never beyond the bound. */
import { expect, test } from "bun:test";
import { createVerifiedTokens } from "../../../src/auth/verified_tokens.ts";
import { createTestClock } from "../../support/clock.ts";

const ada = { id: "user:ada" };
const bob = { id: "user:bob" };

function make(verifiedTokensMax = 10) {
  const clock = createTestClock();
  return { clock, tokens: createVerifiedTokens({ clock, limits: { verifiedTokensMax } }) };
}

test("the same principal object comes back, and nothing for another digest", () => {
  const { tokens } = make();
  tokens.put("a", ada, undefined);
  expect(tokens.get("a")).toBe(ada);
  expect(tokens.get("b")).toBeUndefined();
});

test("a token ends at its time on the wall clock, and stays ended when the clock goes back", () => {
  const { clock, tokens } = make();
  tokens.put("a", ada, clock.wall() + 1_000);
  clock.jump(999);
  expect(tokens.get("a")).toBe(ada);
  clock.jump(1);
  expect(tokens.get("a")).toBeUndefined();
  clock.jump(-500);
  expect(tokens.get("a")).toBeUndefined();
});

test("a token that has expired already is not remembered", () => {
  const { clock, tokens } = make();
  tokens.put("a", ada, clock.wall());
  clock.jump(-1);
  expect(tokens.get("a")).toBeUndefined();
});

test("the oldest gives way to newer ones", () => {
  const { tokens } = make(2);
  tokens.put("a", ada, undefined);
  tokens.put("b", bob, undefined);
  tokens.put("a", ada, undefined);
  tokens.put("c", bob, undefined);
  expect([tokens.get("a"), tokens.get("b"), tokens.get("c")]).toEqual([ada, undefined, bob]);
});

test("forgetting takes only what matches", () => {
  const { tokens } = make();
  tokens.put("a", ada, undefined);
  tokens.put("b", bob, undefined);
  tokens.put("c", bob, undefined);
  tokens.forget((principal, digest) => principal.id === "user:bob" && digest === "b");
  expect([tokens.get("a"), tokens.get("b"), tokens.get("c")]).toEqual([ada, undefined, bob]);
});

test("a token whose verification began before a revocation is not remembered", () => {
  const { tokens } = make();
  const began = tokens.generation;
  tokens.forget(() => true);
  tokens.put("a", ada, undefined, began);
  expect(tokens.get("a")).toBeUndefined();
  tokens.put("a", ada, undefined, tokens.generation);
  expect(tokens.get("a")).toBe(ada);
});
