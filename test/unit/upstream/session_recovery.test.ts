/** New sessions of a link in the place of lost ones. */
import { expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { createSessionRecovery } from "../../../src/upstream/http/session_recovery.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog } from "../../support/upstream_deps.ts";

function make(open: () => Promise<string>) {
  let session: string | undefined = "first";
  const recovery = createSessionRecovery(
    "x",
    { limits: defaultLimits, clock: createTestClock(), log: createTestLog([]) },
    {
      session: () => session,
      async open() {
        session = undefined;
        session = await open();
      },
      failed: () => {},
    },
  );
  return { recovery, session: () => session };
}

test("a call that waited for a session which is lost at once waits for the next", async () => {
  const opened = ["second", "third"];
  const { recovery, session } = make(() => Promise.resolve(opened.shift() ?? "none"));
  const lost = recovery.renew("first").then(() => recovery.renew("second"));
  for (let opening; (opening = recovery.opening()) !== undefined;) {
    await opening;
    // Another call finds the second lost before this one goes on.
    await Promise.resolve();
  }
  expect(session()).toBe("third");
  await lost;
});

test("no call waits while the session stands, and each learns that none could be had", async () => {
  const { recovery } = make(() => Promise.reject(new Error("gone")));
  expect(recovery.opening()).toBeUndefined();
  const told = recovery.renew("first").catch(String);
  await expect(recovery.opening()).rejects.toThrow();
  await told;
  await expect(recovery.opening()).rejects.toThrow();
});
