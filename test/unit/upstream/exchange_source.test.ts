/** The push side of an exchange: order, bounds, one end, asks with limits. */
import { next } from "../../support/pull.ts";
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Notice } from "../../../src/model.ts";
import { createExchange } from "../../../src/upstream/exchange_source.ts";
import { createTestClock } from "../../support/clock.ts";

const limits = { exchangeRepliesMax: 2, exchangeCharsMax: 100, askMs: 1_000 };
const result = { kind: "result", value: { done: true } } as const;
const notice = (n: number): Notice => ({ kind: "notice", method: "m", params: { n } });

function make() {
  const clock = createTestClock();
  const heard: unknown[] = [];
  const source = createExchange({ limits, clock }, {
    cancelled: (reason) => void heard.push(["cancelled", reason]),
    asking: (open) => void heard.push(["asking", open]),
  });
  return { clock, heard, source, exchange: source.exchange };
}

describe("an exchange", () => {
  test("returns replies in order, then its end every time", async () => {
    const { source, exchange } = make();
    source.notice(notice(1));
    source.notice(notice(2));
    source.end(result);
    expect(await next(exchange)).toEqual(notice(1));
    expect(await next(exchange)).toEqual(notice(2));
    expect(await next(exchange)).toBe(result);
    expect(await next(exchange)).toBe(result);
  });

  test("wakes readers that wait", async () => {
    const { source, exchange } = make();
    const [first, second] = [next(exchange), next(exchange)];
    source.notice(notice(1));
    source.end(result);
    expect(await first).toEqual(notice(1));
    expect(await second).toBe(result);
  });

  test("drops notices beyond its bound, but never an ask or the end", async () => {
    const { source, exchange } = make();
    expect([1, 2, 3].map((n) => source.notice(notice(n)))).toEqual([true, true, false]);
    void source.ask("roots/list", {});
    source.end(result);
    const kinds: string[] = [];
    for (let index = 0; index < 4; index++) kinds.push((await next(exchange)).kind);
    expect(kinds).toEqual(["notice", "notice", "ask", "result"]);
  });

  test("B12: counts the bytes of notices that wait, not their number alone", async () => {
    const { source, exchange } = make();
    const large: Notice = { kind: "notice", method: "m", params: { text: "x".repeat(60) } };
    expect([source.notice(large), source.notice(large)]).toEqual([true, false]);
    expect(await next(exchange)).toBe(large);
    expect(source.notice(large)).toBe(true);
  });

  test("takes notices again when its reader has caught up", async () => {
    const { source, exchange } = make();
    [1, 2].forEach((n) => source.notice(notice(n)));
    await next(exchange);
    expect(source.notice(notice(3))).toBe(true);
  });

  test("only its first end counts, and nothing follows it", async () => {
    const { source, exchange } = make();
    source.end(result);
    source.end({ kind: "failure", error: new GatewayError("internal") });
    expect(source.notice(notice(1))).toBe(false);
    expect(await next(exchange)).toBe(result);
    expect((await source.ask("roots/list", {})).kind).toBe("refusal");
  });

  test("a cancel ends it once and is reported once", async () => {
    const { source, exchange, heard } = make();
    exchange.cancel("first");
    exchange.cancel("second");
    source.end(result);
    const reply = await next(exchange);
    expect(reply.kind === "failure" && reply.error.code).toBe("cancelled");
    expect(heard).toEqual([["cancelled", "first"]]);
  });

  test("says while at least one ask is open", async () => {
    const { source, exchange, heard } = make();
    const answers = [source.ask("roots/list", { n: 1 }), source.ask("roots/list", { n: 2 })];
    const ids = [await next(exchange), await next(exchange)].map((reply) =>
      reply.kind === "ask" ? reply.id : ""
    );
    for (const id of ids) exchange.answer(id, { kind: "answer", value: { id } });
    expect(await Promise.all(answers)).toEqual(
      ids.map((id) => ({ kind: "answer", value: { id } })),
    );
    expect(heard).toEqual([["asking", true], ["asking", false]]);
  });

  test("an ask ends by its limit, by withdrawal, or with the call", async () => {
    const late = make();
    const unanswered = late.source.ask("roots/list", {});
    late.clock.advance(limits.askMs);
    expect(await unanswered).toMatchObject({
      kind: "refusal",
      message: "No client answered in time",
    });

    const withdrawn = new AbortController();
    const asked = make().source.ask("roots/list", {}, withdrawn.signal);
    withdrawn.abort();
    expect(await asked).toMatchObject({ kind: "refusal" });

    const over = make();
    const open = over.source.ask("roots/list", {});
    over.source.end(result);
    expect(await open).toMatchObject({ kind: "refusal" });
    expect(over.exchange.answer("1", { kind: "answer", value: {} })).toBe(false);
  });
});
