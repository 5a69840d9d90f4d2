/**
 * Rows of `access` by example, and for random rows: what is listed can be called, and what is not
 * listed fails as an unknown name does, without a word to its server.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { AccessRow } from "../../../src/config/access_rows.ts";
import { allowAll, hintsOf, type PolicyItem } from "../../../src/gateway/access_policy.ts";
import { createAccess } from "../../../src/gateway/composed_policy.ts";
import { createRowRates } from "../../../src/gateway/row_rates.ts";
import { gatewayPrincipal, type JsonObject, type Principal } from "../../../src/model.ts";
import { createCoreGateway, endOf, statelessCaller } from "../../support/core_gateway.ts";
import { createFakeUpstream } from "../../support/fake_upstream.ts";

const ann: Principal = { id: "user:ann", roles: ["dev"], groups: ["a", "b"], client: "app" };
const tool = (own: string, annotations?: JsonObject): PolicyItem => ({
  kind: "tools",
  own,
  hints: hintsOf({ annotations }),
});
const uri = (own: string): PolicyItem => ({ kind: "resources", own });
const decide = (
  rows: readonly AccessRow[],
  item: PolicyItem | undefined,
  principal = ann,
  server = "disk",
) => createAccess(allowAll, rows).policy(principal, server, item);

describe("rows", () => {
  test("decide by the first that matches, and deny what none matches", () => {
    const rows: readonly AccessRow[] = [
      { tools: ["drop_*"], what: "deny" },
      { role: ["dev"], tools: ["*"], what: "allow" },
    ];
    expect(decide(rows, tool("drop_all"))).toBe("deny");
    expect(decide(rows, tool("look"))).toBe("allow");
    expect(decide(rows, uri("file:///a"))).toBe("deny");
    expect(decide(rows, tool("look"), { id: "user:bob" })).toBe("deny");
    expect(decide(rows.toReversed(), tool("drop_all"))).toBe("allow");
  });

  test("match by all of their members, and by one item of each list", () => {
    const who: readonly (readonly [AccessRow, boolean])[] = [
      [{ principal: ["user:a*"] }, true],
      [{ group: ["x", "b"] }, true],
      [{ group: ["x"] }, false],
      [{ role: ["dev"], client: ["other"] }, false],
      [{ role: ["dev"], client: ["app"], servers: ["d*"] }, true],
      [{ servers: ["e*"] }, false],
      [{ key: ["ann"] }, false],
    ];
    for (const [row, isMatch] of who) {
      const answer = decide([{ ...row, what: "allow" }], tool("look"));
      expect([row, answer]).toEqual([row, isMatch ? "allow" : "deny"]);
    }
    const key = { id: "key:ci" };
    expect(decide([{ key: ["c*"], what: "allow" }], tool("look"), key)).toBe("allow");
  });

  test("take a tool without hints as destructive", () => {
    const rows: readonly AccessRow[] = [{ hints: ["destructive"], what: "ask" }, { what: "allow" }];
    expect(decide(rows, tool("x"))).toBe("ask");
    expect(decide(rows, tool("x", { destructiveHint: false }))).toBe("allow");
    expect(decide(rows, tool("x", { readOnlyHint: true }))).toBe("allow");
    expect(decide(rows, uri("file:///a"))).toBe("allow");
  });

  test("take the stricter answer where the hints are not known", () => {
    const unread: PolicyItem = { kind: "tools", own: "x" };
    expect(decide([{ hints: ["readOnly"], what: "allow" }], unread)).toBe("deny");
    expect(decide([{ hints: ["destructive"], what: "deny" }, { what: "allow" }], unread))
      .toBe("deny");
  });

  test("do not take a URI for another one that its server may mean", () => {
    const open: readonly AccessRow[] = [{ resources: ["file:///open/*"], what: "allow" }];
    const shut: readonly AccessRow[] = [
      { resources: ["file:///secret/*"], what: "deny" },
      { what: "allow" },
    ];
    expect(decide(open, uri("file:///open/a%20b"))).toBe("allow");
    expect(decide(shut, uri("file:///open/a%20b"))).toBe("allow");
    for (
      const own of [
        "file:///open/../secret/a",
        "file:///open/%2e%2E/secret/a",
        "file:///open\\..\\secret/a",
        "file:///%73ecret/a",
        "file:///open//../secret/a",
        "file:///open/..",
      ]
    ) {
      expect([own, decide(open, uri(own)), decide(shut, uri(own))]).toEqual([own, "deny", "deny"]);
    }
  });

  test("deny a URI in every spelling that its server may take for a denied one", () => {
    const denied: Readonly<Record<string, readonly string[]>> = {
      "mem://Host/a": [
        "MEM://Host/a",
        "mem://host/a",
        " mem://Host/a",
        "mem://Host/a\n",
        "mem://Ho\tst/a",
        "mem://Host/a\u200b",
        "mem://Host/a#x",
        "mem://Host/a?",
        "mem:/Host/a",
        "mem:Host/a",
      ],
      "file:///b c": ["file:///b%20c", "file:/b c", "file://localhost/b c", "FILE:///b%20c"],
      "file:///b%20c": ["file:///b c"],
      "file:///%C3%A9": ["file:///%c3%a9", "file:///\u00e9", "file:///e\u0301"],
      "mem://items/{id}": ["mem://items/{id}#", "Mem://items/{id}"],
    };
    for (const [pattern, spellings] of Object.entries(denied)) {
      const shut: readonly AccessRow[] = [
        { resources: [pattern], what: "deny" },
        { what: "allow" },
      ];
      const open: readonly AccessRow[] = [{ resources: [pattern], what: "allow" }];
      expect([decide(shut, uri(pattern)), decide(open, uri(pattern))]).toEqual(["deny", "allow"]);
      for (const own of spellings) {
        const both = [decide(shut, uri(own)), decide(open, uri(own))];
        expect([own, ...both]).toEqual([own, "deny", "deny"]);
      }
    }
    const others = ["mem://host/b", "mem://other/a", "mem://Host/A", "file:///b", "mem://x{#y}"];
    const rows: readonly AccessRow[] = [
      { resources: Object.keys(denied), what: "deny" },
      { what: "allow" },
    ];
    for (const own of others) expect([own, decide(rows, uri(own))]).toEqual([own, "allow"]);
  });

  test("leave the gateway itself alone, and join the limits of credentials", () => {
    expect(decide([{ what: "deny" }], tool("x"), gatewayPrincipal)).toBe("allow");
    const limited = { ...ann, servers: ["disk"], tools: ["get_*"] };
    const rows: readonly AccessRow[] = [{ what: "allow" }];
    expect(decide(rows, tool("get_a"), limited)).toBe("allow");
    expect(decide(rows, tool("set_a"), limited)).toBe("deny");
    expect(decide(rows, uri("file:///a"), limited)).toBe("deny");
    expect(decide(rows, tool("get_a"), limited, "other")).toBe("deny");
    expect(decide([{ tools: ["get_b"], what: "allow" }], tool("get_a"), limited)).toBe("deny");
  });

  test("give the smallest rates of all that are about a principal", () => {
    let rows: readonly AccessRow[] = [
      { callsPerMinute: 60 },
      { role: ["dev"], callsPerMinute: 30, callsAtOnce: 4 },
      { role: ["ops"], callsAtOnce: 1 },
    ];
    const ratesOf = createRowRates(() => rows);
    expect(ratesOf(ann)).toEqual({ callsPerMinute: 30, callsAtOnce: 4 });
    rows = [{ callsPerMinute: 90 }];
    expect(ratesOf(ann)).toEqual({ callsPerMinute: 90, callsAtOnce: undefined });
    // Rows that have rates alone deny nothing.
    expect(decide(rows, tool("x"))).toBe("allow");
  });
});

const names = ["get_a", "get_b", "set_a", "drop_a"];
const few = (...values: readonly string[]) =>
  fc.option(fc.subarray([...values], { minLength: 1 }), { nil: undefined });
const anyRow: fc.Arbitrary<AccessRow> = fc.record({
  principal: few("user:ann", "user:bob", "user:*"),
  group: few("a", "b", "z*"),
  servers: few("one", "two", "t*"),
  tools: few("get_*", "*_a", "drop_a", "*"),
  prompts: few("get_a", "*"),
  hints: fc.option(fc.subarray(["readOnly", "destructive"] as const, { minLength: 1 }), {
    nil: undefined,
  }),
  what: fc.constantFrom("allow", "allow", "deny"),
});
const anyPrincipal: fc.Arbitrary<Principal> = fc.record({
  id: fc.constantFrom("user:ann", "user:bob", "key:c"),
  groups: few("a", "b", "zz"),
  servers: few("one", "*"),
  tools: few("get_*", "*"),
});
const anyTools = fc.array(
  fc.record({
    name: fc.constantFrom(...names),
    annotations: fc.constantFrom<JsonObject>({}, { readOnlyHint: true }, {
      destructiveHint: false,
    }),
  }),
  { maxLength: 4 },
);

const listings = [
  { list: "tools/list", call: "tools/call", key: "tools" },
  { list: "prompts/list", call: "prompts/get", key: "prompts" },
] as const;

/** The surface of all servers and those of one, and the names that clients may try there. */
const surfaces = [
  { surface: "/mcp", tried: names.flatMap((name) => [`one__${name}`, `two__${name}`]) },
  { surface: "/servers/one", tried: names },
  { surface: "/servers/two", tried: names },
];

test("what is listed can be called, and what is not fails as an unknown name", async () => {
  let called = 0;
  let refused = 0;
  const play = async (
    rows: readonly AccessRow[],
    principal: Principal,
    lists: readonly JsonObject[][],
  ) => {
    const prompts = names.map((name) => ({ name }));
    const fakes = ["one", "two"].map((name, at) =>
      createFakeUpstream(name, { tools: lists[at] ?? [], prompts })
    );
    const reached = () => fakes.reduce((sum, { opened }) => sum + opened.length, 0);
    const gateway = await createCoreGateway(fakes, { access: rows });
    const { strictest } = createAccess(allowAll, rows);
    const caller = { ...statelessCaller("x"), principal, scope: `p:${principal.id}` };
    for (const { surface, tried } of surfaces) {
      const alone = /^\/servers\/(\w+)$/.exec(surface)?.[1];
      // Where nothing is denied, names that its server does not list reach it.
      if (alone !== undefined && strictest(principal, alone) !== "deny") continue;
      for (const { list, call, key } of listings) {
        const listed = await endOf(gateway, caller, list, {}, undefined, surface);
        if (listed.kind !== "result") throw new Error(`${list} failed`);
        const seen = new Set((listed.value[key] as JsonObject[]).map(({ name }) => name));
        for (const name of tried) {
          const before = reached();
          const ending = await endOf(gateway, caller, call, { name }, undefined, surface);
          if (seen.has(name)) {
            called += 1;
            expect([name, ending.kind, reached() - before]).toEqual([name, "result", 1]);
          } else {
            refused += 1;
            expect([name, ending.kind, reached() - before]).toEqual([name, "failure", 0]);
            const { error } = ending as Extract<typeof ending, { kind: "failure" }>;
            const what = key === "tools" ? "tool" : "prompt";
            expect([error.code, error.message]).toEqual([
              "invalid_params",
              `Unknown ${what} "${name}": list the ${what}s to see which there are`,
            ]);
          }
        }
      }
    }
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRow, { minLength: 1, maxLength: 4 }),
      anyPrincipal,
      fc.tuple(anyTools, anyTools),
      play,
    ),
    { seed: 20261128, numRuns: 120 },
  );
  expect(called).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);
});
