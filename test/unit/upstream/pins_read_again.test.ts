/** What another instance has stored of tools is read while a person approves them here. */
import { expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { openToolPins } from "../../../src/upstream/catalog/tool_pins.ts";
import type { PinStore, StoredChange } from "../../../src/upstream/pins.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog } from "../../support/log.ts";

const change: StoredChange = {
  tool: "read",
  kind: "changed",
  fingerprint: "new",
  before: "old",
  principal: "",
  variant: "",
  at: 0,
  isApproved: false,
};

test("an approval outlives a reading that began before it was stored", async () => {
  let stored: readonly StoredChange[] = [change];
  let reads = 0;
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const store: PinStore = {
    async changes() {
      const read = new Map([["box", stored]]);
      reads += 1;
      // The second reading is slow: what it has read is old by then.
      if (reads === 2) await held;
      return read;
    },
    lists: async () => [],
    definition: async () => undefined,
    async update(_server, { changes = [] }) {
      stored = changes;
    },
    remove: async () => {},
    servers: async () => ["box"],
  };
  const clock = createTestClock();
  clock.advance(60_000);
  const pins = await openToolPins({
    store,
    clock,
    limits: defaultLimits,
    emit: () => {},
    logOf: () => createTestLog(),
    sha256: (text) => text,
    digest: async (text) => text,
  });
  const reading = pins.readAgain("box");
  expect(await pins.approve("box")).toEqual(["read"]);
  release();
  await reading;
  expect([pins.count("box"), reads]).toEqual([0, 3]);
});
