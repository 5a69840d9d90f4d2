/** How a changed tool is shown on a terminal before it is approved. */
import { expect, test } from "bun:test";
import { toDifferenceLines } from "../../../src/cli/tool_difference.ts";

test("a change that is not shown whole says so, even where what is shown is the same", () => {
  const change = {
    id: "1",
    server: "box",
    tool: "read",
    kind: "changed",
    mode: "quarantine",
    isWithheld: true,
    seenAt: new Date(0).toISOString(),
    before: { name: "read", description: "Reads…" },
    after: { name: "read", description: "Reads…" },
  };
  const lines = (isCut: boolean) =>
    toDifferenceLines({ ...change, isCut }, { style: (_, text) => text }, 1_000).slice(1);
  expect(lines(false)).toEqual([]);
  expect(lines(true).join()).toContain("too long to be shown whole: read it at the server");
});
