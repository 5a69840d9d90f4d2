/**
 * A result that passes as the text that its server wrote says the same as one that was read and
 * written again: for random results, ids, orders of members, gaps and split points of what the
 * server writes, for clients of both eras. Two gateways get the same bytes; one keeps every text,
 * the other none. A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import { openSessionClient, openStatelessClient } from "../support/played_clients.ts";
import type { PlayedCall, PlayedClient } from "../support/played_clients.ts";
import { type PlayedGateway, startPlayed, turn } from "../support/played_gateway.ts";
import { testSeed as seed } from "../support/random.ts";

type Json = Readonly<Record<string, unknown>>;

/** Strings that a reader or writer may get wrong. */
const words = fc.oneof(
  fc.constantFrom("", "text", "é😀", "\u2028\u2029", "\ufffd", "\ufeff", '"\\/', "\\u0061", "</"),
  fc.constantFrom(
    "\u0000\n\r\t",
    "\ud800",
    "\udc00x",
    "]}",
    '},"id":7,"result":{',
    "x".repeat(700),
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const numbers = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger());
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    words,
    numbers,
    fc.constantFrom<unknown>(null, true, false, {}, []),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(words, fc.constantFrom("id", "result", "__proto__")), tie("value"), {
      maxKeys: 4,
    }),
  ),
}));
const blocks = fc.oneof(
  { weight: 4, arbitrary: words.map((text): Json => ({ type: "text", text })) },
  fc.constantFrom<Json>(
    { type: "image", data: "AAAA", mimeType: "image/png" },
    { type: "image", data: "no_-", mimeType: "image/png" },
    { type: "resource", resource: { uri: "a://b", text: "x" } },
    { type: "text" },
    { type: "unheard-of" },
  ),
);
const results = fc.record({
  content: fc.array(blocks, { maxLength: 5 }),
  structuredContent: value,
  isError: fc.constantFrom<unknown>(true, false, null),
  _meta: fc.constantFrom<unknown>({}, { "a/b": [1] }, { progressToken: 1 }),
  other: value,
  // Members that the stateless era adds, from a server that has them already.
  resultType: fc.constantFrom("complete", "odd"),
  ttlMs: fc.constantFrom(0, 7),
}, { requiredKeys: ["content"] });

/** The members of a response, in an order, with something beside them. */
const orders = fc.shuffledSubarray(["jsonrpc", "id", "result", "x"], { minLength: 3 })
  .map((names) => [...new Set([...names, "jsonrpc", "id", "result"])]);
const ids = fc.oneof(
  fc.constantFrom<string | number>(0, -1, 7, "", "é😀", "\u2028", '"\\', "x".repeat(256), "id"),
  fc.maxSafeInteger(),
  fc.string({ minLength: 1, maxLength: 20 }).map((text) => text.replace(/[\p{Cc}\p{Cs}]/gu, "")),
);
/** Where what a server writes is cut, in thousandths of its length. */
const cuts = fc.array(fc.nat(1_000), { maxLength: 6 });
const plans = fc.record({
  result: results,
  order: orders,
  indent: fc.constantFrom("", "", " ", "\t", "  "),
  hasTextId: fc.boolean(),
  lineEnd: fc.constantFrom("\n", "\n", "\r\n"),
  token: fc.constantFrom<undefined | string>(undefined, undefined, "t"),
});

/** A gateway with a client of each era and path. */
interface World {
  readonly gateway: PlayedGateway;
  readonly clients: readonly PlayedClient[];
  /** Messages that its program got before. */
  read: number;
}

const places = [
  { path: "/mcp", tool: "a__work", revision: "2025-11-25" },
  { path: "/servers/a/mcp", tool: "work", revision: "2025-03-26" },
  { path: "/mcp", tool: "a__work", revision: undefined },
  { path: "/servers/a/mcp", tool: "work", revision: undefined },
] as const;

async function openWorld(sourceTextCharsMin: number): Promise<World> {
  const gateway = await startPlayed({ a: { isolation: "shared" } }, { sourceTextCharsMin });
  const clients = await Promise.all(
    places.map(({ path, revision }) =>
      revision === undefined
        ? openStatelessClient(gateway, path)
        : openSessionClient(gateway, path, revision)
    ),
  );
  return { gateway, clients, read: 0 };
}

/** Writes bytes in pieces, which the gateway may read one by one or together. */
async function write(world: World, bytes: Uint8Array, at: readonly number[], waits: boolean) {
  const [program] = world.gateway.programs;
  const ends = at.map((part) => Math.floor(part * bytes.length / 1_000)).sort((a, b) => a - b);
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    program?.write(bytes.subarray(from, end));
    from = end;
    if (waits) await turn();
  }
}

type Plan = typeof plans extends fc.Arbitrary<infer Value> ? Value : never;

/** The line that answers a request. */
function lineOf(plan: Plan, id: string | number): string {
  const members: Json = {
    jsonrpc: "2.0",
    id: plan.hasTextId ? String(id) : id,
    result: plan.result,
    x: [id],
  };
  const message = Object.fromEntries(plan.order.map((name) => [name, members[name]]));
  // White space between members, and no line break: that ends a message.
  const text = JSON.stringify(message, null, plan.indent).replace(/\n/g, plan.indent);
  const progress = { progressToken: id, progress: 1, message: "é" };
  const notice = { jsonrpc: "2.0", method: "notifications/progress", params: progress };
  return `${JSON.stringify(notice)}\n${text}${plan.lineEnd}`;
}

/** Makes all calls at once, and answers them in one piece of output, cut as it may be. */
async function answersOf(
  world: World,
  taken: readonly { readonly id: string | number; readonly plan: Plan; readonly pick: number }[],
  at: readonly number[],
  waits: boolean,
): Promise<PlayedCall[]> {
  const { gateway } = world;
  const calls = taken.map(({ id, plan, pick }, nonce) => {
    const index = pick % places.length;
    const tool = places[index]?.tool ?? "";
    const client = world.clients[index] as PlayedClient;
    return client.call({ id, tool, args: { nonce }, token: plan.token });
  });
  const received = () => gateway.programs[0]?.received.slice(world.read) ?? [];
  await gateway.until("the calls", () => received().length === taken.length);
  const lines = received().map(({ id = "", params }) => {
    const { nonce } = params["arguments"] as { readonly nonce: number };
    return lineOf(taken[nonce]?.plan as Plan, id);
  });
  world.read += taken.length;
  await write(world, new TextEncoder().encode(lines.join("")), at, waits);
  await gateway.until("the answers", () => calls.every(({ heard }) => heard.isOver));
  return calls;
}

/** A value as it is after it was written and read. */
const written = (it: unknown): unknown =>
  it === undefined ? undefined : JSON.parse(JSON.stringify(it));

const textsIn = (content: unknown): unknown[] =>
  (content as readonly Json[]).flatMap(({ type, text }) => type === "text" && text ? [text] : []);

/** Which texts do not come in this order among others, as those of values that clients do not know. */
function missingIn(heard: readonly unknown[], wanted: readonly unknown[]): unknown[] {
  const missing = [...wanted];
  for (const text of heard) if (text === missing[0]) missing.shift();
  return missing;
}

describe(`A result that passes as text (seed ${seed})`, () => {
  let asText: World;
  let asValue: World;
  beforeAll(async () => {
    asText = await openWorld(0);
    asValue = await openWorld(Number.MAX_SAFE_INTEGER);
  });
  afterAll(async () => {
    for (const { gateway } of [asText, asValue]) {
      await gateway.drain();
      await gateway.close();
    }
  });

  const call = fc.record({ id: ids, plan: plans, pick: fc.nat(places.length - 1) });
  const some = fc.uniqueArray(call, { minLength: 1, maxLength: 6, selector: ({ id }) => id });

  test("says the same as one that is written again", async () => {
    await fc.assert(
      fc.asyncProperty(some, cuts, fc.boolean(), async (taken, at, waits) => {
        const one = await answersOf(asText, taken, at, waits);
        const other = await answersOf(asValue, taken, at, waits);
        for (const [index, { heard }] of one.entries()) {
          const { id, plan } = taken[index] as (typeof taken)[number];
          expect(heard.status).toBe(200);
          expect(heard.messages).toEqual(other[index]?.heard.messages ?? []);
          expect(heard.messages.at(-1)).toMatchObject({ jsonrpc: "2.0", id, result: {} });
          expect(heard.messages.length).toBe(plan.token === undefined ? 1 : 2);
          // Both may be wrong in the same way.
          const { content, other: extra } = heard.messages.at(-1)?.result ?? {};
          expect(missingIn(textsIn(content), textsIn(plan.result.content))).toEqual([]);
          expect(extra).toEqual(written(plan.result.other));
        }
      }),
      { seed, numRuns: process.env["MCP_TEST_ALL"] === "true" ? 1_200 : 120 },
    );
  });
});
