/** What the log says about a server that waits for a log-in. */
import { expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { createLogReader } from "../../../src/telemetry/log_reader.ts";
import { createTestLog, type LogLine } from "../../support/upstream_deps.ts";

/** The lines that a server's changes of state lead to, but for those of DEBUG. */
function linesOf(...states: readonly string[]): readonly string[] {
  const lines: LogLine[] = [];
  const read = createLogReader(createTestLog(lines), defaultLimits);
  for (const state of states) read({ type: "server_state", server: "tracker", state });
  return lines.filter(({ severity }) => severity !== "debug").map(({ message }) => message);
}

test("a server that needs a log-in is one line, which names the command that says more", () => {
  expect(linesOf("starting", "needs_login")).toEqual([
    'Server "tracker" needs a log-in; "mcp-wrapper status" says what to do',
  ]);
});

test("other states are no line, because a client's calls change them often", () => {
  expect(linesOf("starting", "running", "idle")).toEqual([]);
});
