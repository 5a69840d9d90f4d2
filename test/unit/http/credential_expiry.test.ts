/** When a stream ends with the credentials of its client. */
import { describe, expect, test } from "bun:test";
import { onExpiry } from "../../../src/http/credential_expiry.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Principal } from "../../../src/model.ts";
import { createTestClock } from "../../support/clock.ts";

const day = 24 * 3_600_000;
const lifeMs = 60_000;

function start() {
  const clock = createTestClock();
  let principal: Principal = { id: "user:ann", expiresAt: clock.wall() + lifeMs };
  let ends = 0;
  onExpiry({ clock, limits: defaultLimits }, () => principal, () => ends += 1);
  return {
    clock,
    ends: () => ends,
    renew: () => void (principal = { ...principal, expiresAt: clock.wall() + 2 * lifeMs }),
  };
}

describe("a stream", () => {
  for (const jumpMs of [0, day, -day]) {
    test(`G5: ends when its credentials have had their time, after a jump of ${jumpMs} ms`, () => {
      const { clock, ends } = start();
      clock.jump(jumpMs);
      clock.advance(lifeMs - 1);
      expect(ends()).toBe(0);
      clock.advance(1);
      expect(ends()).toBe(1);
    });
  }

  test("goes on with newer credentials for their time", () => {
    const { clock, ends, renew } = start();
    clock.advance(lifeMs / 2);
    renew();
    clock.advance(2 * lifeMs - 1);
    expect(ends()).toBe(0);
    clock.advance(lifeMs);
    expect(ends()).toBe(1);
  });
});
