/** Which stateless clients the operator sees as recent, whatever the wall clock does. */
import { expect, test } from "bun:test";
import { createSeenClients } from "../../../src/http/modern/seen_clients.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createTestClock } from "../../support/clock.ts";
import { callerOf } from "../../support/upstream_deps.ts";

for (const jumpMs of [86_400_000, -86_400_000]) {
  test(`G5: a client that was here a minute ago is recent after a jump by ${jumpMs} ms, and not for ever`, () => {
    const clock = createTestClock();
    const seen = createSeenClients({ clock, limits: defaultLimits, emit: () => {} });
    seen.note(callerOf("a"), "/mcp");
    clock.advance(60_000);
    clock.jump(jumpMs);
    expect(seen.recent(120_000).map(({ activeAt }) => activeAt)).toEqual([clock.wall() - 60_000]);
    clock.advance(61_000);
    expect(seen.recent(120_000)).toEqual([]);
  });
}
