import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { createDialects } from "../../../src/upstream/link/dialect.ts";
import { createRestartPolicies } from "../../../src/upstream/mcp/restart_policies.ts";
import { createTestClock } from "../../support/clock.ts";

const [modern, legacy] = createDialects({ name: "test", version: "1" }).of("auto", "2026-07-28");
const fault = { reason: "it answers with status 503", permanent: false };
const make = (isPerDialect: boolean) => {
  const clock = createTestClock();
  return createRestartPolicies("far", isPerDialect, {
    clock,
    limits: defaultLimits,
    emit: () => {},
  });
};

describe("starts that fail", () => {
  test("in one dialect of a remote server say nothing about the other", () => {
    const supervisors = make(true);
    const up = supervisors.of(legacy).begin();
    up.succeeded();
    for (let times = 1; times <= 9; times += 1) supervisors.of(modern).begin().failed(fault);
    expect(supervisors.of(modern).refusal()?.code).toBe("upstream_unavailable");
    expect(supervisors.of(legacy).refusal()).toBe(undefined);
    // What runs shows that the server is well.
    expect([supervisors.state(), supervisors.problem()]).toEqual(["well", undefined]);
    up.ended(undefined);
    expect([supervisors.state(), supervisors.problem()]).toEqual(["crash_loop", fault.reason]);
    expect(supervisors.refusal()?.outcome).toBe("not_sent");
  });

  test("of a program count for all dialects, since it read no message", () => {
    const supervisors = make(false);
    supervisors.of(modern).begin().failed(fault);
    expect(supervisors.of(legacy).refusal()?.code).toBe("upstream_unavailable");
  });

  test("before any start all is well", () => {
    const supervisors = make(true);
    expect([supervisors.state(), supervisors.problem(), supervisors.retryMs()])
      .toEqual(["well", undefined, undefined]);
    expect(supervisors.refusal()).toBe(undefined);
  });
});
