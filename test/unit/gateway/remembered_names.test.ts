/**
 * Which server gets a call, while lists change, the configuration is reloaded and clients call names
 * that do not exist: a gateway that has seen all of it decides as one that has just started. A
 * failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Naming, ToolFilter } from "../../../src/config/config.ts";
import type { Gateway } from "../../../src/gateway/surface.ts";
import {
  coreConfig,
  createCoreGateway,
  endOf,
  sessionCaller,
  statelessCaller,
} from "../../support/core_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";
import { testSeed } from "../../support/random.ts";

const servers = ["a", "b", "a b", "b__a"];
const tools = ["x", "y", "__x", "b__x", "x.y", "x_y", "y".repeat(70)];
const filters: readonly ToolFilter[] = [
  {},
  { deny: ["x*"] },
  { allow: ["y*", "x"] },
  { rename: { x: "y", y: "x" } },
];
const callers = [sessionCaller("one"), sessionCaller("two"), statelessCaller("ada")];

/** One thing that happens. */
type Event =
  | { readonly kind: "list"; readonly server: number; readonly tools: readonly string[] }
  | {
    readonly kind: "reload";
    readonly order: readonly number[];
    readonly names: Naming;
    readonly filter: number;
  }
  | { readonly kind: "flood" }
  | {
    readonly kind: "call";
    readonly name: string;
    readonly by: number;
    readonly surface: string;
  };

/** Every name that a surface may offer for one of the tools, and some that none does. */
const offered = [
  ...tools,
  ...["a", "b", "a_b", "b__a"].flatMap((server) => tools.map((name) => `${server}__${name}`)),
  "nothing",
  "",
];

const event = fc.oneof<fc.Arbitrary<Event>[]>(
  fc.record({
    kind: fc.constant("list"),
    server: fc.nat(servers.length - 1),
    tools: fc.subarray(tools),
  }),
  fc.record({
    kind: fc.constant("reload"),
    order: fc.shuffledSubarray(servers.map((_, index) => index), { minLength: 1 }),
    names: fc.constantFrom("auto", "bare", "prefixed"),
    filter: fc.nat(filters.length - 1),
  }),
  fc.record({ kind: fc.constant("flood") }),
  ...Array.from({ length: 4 }, () =>
    fc.record({
      kind: fc.constant("call" as const),
      name: fc.constantFrom(...offered),
      by: fc.nat(callers.length - 1),
      surface: fc.constantFrom("/mcp", "/servers/a"),
    })),
);

/** The server that got a call and the name under which it did, or why none did. */
async function fateOf(
  gateway: Gateway,
  fakes: readonly FakeUpstream[],
  { name, by, surface }: Extract<Event, { kind: "call" }>,
): Promise<unknown> {
  for (const { opened } of fakes) opened.length = 0;
  const caller = callers[by] ?? sessionCaller();
  const end = await endOf(gateway, caller, "tools/call", { name }, undefined, surface);
  const got = fakes.flatMap(({ name: server, opened }) =>
    opened.map(({ params }) => ({ server, own: params["name"] }))
  );
  return { got, failure: end.kind === "failure" ? end.error.message : undefined };
}

test("a name leads to the same server as in a gateway that has just started", async () => {
  const property = fc.asyncProperty(
    fc.array(event, { minLength: 1, maxLength: 25 }),
    async (events) => {
      const fakes = servers.map((name) =>
        createFakeUpstream(name, { tools: tools.map((tool) => ({ name: tool })) })
      );
      let running = fakes.slice(0, 3);
      let naming: { names: Naming; tools: Record<string, ToolFilter> } = {
        names: "prefixed",
        tools: {},
      };
      const old = await createCoreGateway(fakes, naming);
      await old.reconfigure(coreConfig(running, naming));
      for (const one of events) {
        switch (one.kind) {
          case "list": {
            const changed = fakes[one.server];
            if (changed !== undefined) {
              changed.lists = { tools: one.tools.map((name) => ({ name })) };
            }
            break;
          }
          case "reload":
            running = one.order.flatMap((index) => fakes[index] ?? []);
            naming = { names: one.names, tools: { a: filters[one.filter] ?? {} } };
            await old.reconfigure(coreConfig(running, naming));
            break;
          case "flood":
            for (let index = 0; index < 50; index += 1) {
              await endOf(old, sessionCaller("one"), "tools/call", { name: `a__flood_${index}` });
            }
            break;
          case "call": {
            const fresh = await createCoreGateway(running, naming);
            expect(await fateOf(old, fakes, one)).toEqual(await fateOf(fresh, fakes, one));
            await fresh.drain();
          }
        }
      }
      old.drain();
    },
  );
  await fc.assert(property, { seed: testSeed, numRuns: 60 });
}, 60_000);
