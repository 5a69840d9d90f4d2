/**
 * Which callers share a connection is the same however often it was asked before. A failure names
 * the seed; `MCP_TEST_SEED` runs it again.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createDialects } from "../../../src/upstream/link/dialect.ts";
import { createKnownDialects } from "../../../src/upstream/mcp/known_dialects.ts";
import { createPoolKeys } from "../../../src/upstream/mcp/pool_key.ts";
import { createTestClock } from "../../support/clock.ts";
import { fakeConfig } from "../../support/fake_connector.ts";
import { testSeed } from "../../support/random.ts";
import { callerOf } from "../../support/upstream_deps.ts";

const dialects = createDialects({ name: "test", version: "0" });
const all = dialects.of("auto", "2025-11-25");
const capabilities = [{}, { elicitation: {} }, { roots: {}, sampling: { tools: {} } }];
const extensions = [undefined, { "io.modelcontextprotocol/ui": {} }];
const config = fc.record({
  isolation: fc.constantFrom("session" as const, "shared" as const),
  roots: fc.constantFrom("relay" as const, "none" as const),
});
const caller = fc.record({
  scope: fc.constantFrom("one", "two"),
  sharesScope: fc.constantFrom(true, undefined),
  revision: fc.constantFrom("2025-11-25", "2026-07-28"),
  capabilities: fc.constantFrom(...capabilities),
  extensions: fc.constantFrom(...extensions),
}).map(({ scope, ...rest }) => callerOf(scope, rest));
const question = fc.record({
  by: fc.nat(5),
  number: fc.nat(2),
  dialect: fc.constantFrom(undefined, ...all),
});

test("a key that is remembered is the one that is made", () => {
  const callers = fc.array(caller, { minLength: 6, maxLength: 6 });
  const property = fc.property(
    config,
    callers,
    fc.array(question, { maxLength: 40 }),
    (given, known, questions) => {
      const old = createPoolKeys(fakeConfig(given));
      for (const { by, number, dialect } of questions) {
        const one = known[by] ?? callerOf("none");
        const fresh = createPoolKeys(fakeConfig(given));
        expect(old.of(one, number, dialect)).toEqual(fresh.of({ ...one }, number, dialect));
        expect(old.declared(one)).toEqual(fresh.declared({ ...one }));
      }
    },
  );
  fc.assert(property, { seed: testSeed });
});

test("the likeliest dialect is the first of those that are to be tried", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom("refused", "accepted"), dialect: fc.nat(1) }),
    fc.record({ kind: fc.constant("later"), ms: fc.nat(1_500) }),
    fc.record({ kind: fc.constant("forget") }),
  );
  const property = fc.property(
    fc.constantFrom("auto" as const, "legacy" as const, "modern" as const),
    fc.array(step, { maxLength: 20 }),
    (choice, steps) => {
      const clock = createTestClock();
      const known = createKnownDialects(choice, dialects, {
        clock,
        limits: { dialectKnownMs: 1_000 },
      });
      for (const one of steps) {
        const dialect = "dialect" in one ? all[one.dialect] : undefined;
        if ("ms" in one) clock.advance(one.ms);
        else if (dialect === undefined) known.forget();
        else if (one.kind === "refused") known.refused(dialect);
        else known.accepted(dialect);
        for (const revision of ["2025-11-25", "2026-07-28"]) {
          const by = callerOf("a", { revision });
          expect(known.likeliest(by)).toBe(known.of(by)[0]);
        }
      }
    },
  );
  fc.assert(property, { seed: testSeed });
});
