/**
 * The usual progress notice skips its schema: whatever is taken so, the schema takes, too. A failure
 * names the seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import type { JsonObject } from "../../../src/model.ts";
import { legacyUpstreamCodec as codec } from "../../../src/protocol/legacy/upstream_facing.ts";
import {
  isUsualProgress,
  problemIn,
  sharedNotifications,
} from "../../../src/protocol/shared/method_params.ts";

const seed = Number(process.env["MCP_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const method = "notifications/progress";
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(2 ** 53, Infinity, -0));
const params: fc.Arbitrary<JsonObject> = fc.record({
  progressToken: fc.oneof(number, fc.string(), fc.jsonValue()),
  progress: fc.oneof(number, fc.jsonValue()),
  total: fc.jsonValue(),
  _meta: fc.oneof(fc.constant(undefined), fc.object(), fc.jsonValue()),
}, { requiredKeys: [] });

describe("a usual progress notice", () => {
  test("is one that the schema takes", () => {
    let usual = 0;
    fc.assert(
      fc.property(params, (given) => {
        if (!isUsualProgress(given)) return;
        usual += 1;
        expect(problemIn(sharedNotifications[method], method, given)).toBe(undefined);
      }),
      { seed, numRuns: 2_000 },
    );
    expect(usual).toBeGreaterThan(0);
  });

  test("keeps every member but its token and those of one hop", () => {
    const given = JSON.parse(
      '{"progressToken":7,"progress":0.5,"total":null,"message":"m","task":1,"__proto__":{"a":1}}',
    );
    const decoded = codec.decodeNotice(method, given);
    expect(decoded).toMatchObject({ kind: "ok", value: { request: 7 } });
    if (decoded.kind !== "ok") return;
    expect(JSON.stringify(decoded.value.notice.params))
      .toBe('{"progress":0.5,"message":"m","__proto__":{"a":1}}');
  });

  test("is still refused without a number or a token", () => {
    for (
      const given of [{ progress: 1 }, { progressToken: 1 }, { progressToken: 1, progress: "1" }]
    ) {
      expect(codec.decodeNotice(method, given).kind).toBe("invalid");
    }
  });
});
