/**
 * A gateway in small, to be killed by a test: it opens the database of a folder and a warden, holds
 * one child that ignores SIGTERM and the end of its input, as its grandchild does, tells their ids
 * as one JSON line, and waits. With `leaderless` the child ends and leaves the grandchild alone.
 */
import process from "node:process";
import { systemClock } from "../../src/clock.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { openSqliteProcessGroups } from "../../src/store/sqlite_process_groups.ts";
import { defaultLimits } from "../../src/limits.ts";
import { openWarden } from "../../src/upstream/stdio/warden.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createTestLog } from "./log.ts";

const [folder = "", mode = ""] = process.argv.slice(2);
const runtime = await createTestRuntime();
const database = openStoreDatabase(runtime, `${folder}/gateway.db`, defaultLimits);
const log = createTestLog();
const warden = await openWarden({
  runtime,
  groups: openSqliteProcessGroups({ database, clock: systemClock }),
  log,
  clock: systemClock,
  limits: defaultLimits,
});

const stubborn = "trap '' TERM HUP; while :; do sleep 1; done";
const script = `trap '' TERM HUP; (${stubborn}) & echo $!; read -r line; ` +
  (mode === "leaderless" ? "exit 0" : "while :; do sleep 1; done");
const child = runtime.spawn({
  command: "/bin/sh",
  args: ["-c", script],
  env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
});
await warden.hold(child.pid, "stubborn");
const { value } = await child.stdout.getReader().read();
const grandchild = Number(new TextDecoder().decode(value));
if (mode === "leaderless") {
  child.stdin.close();
  await child.exited;
}
const killed = log.records.filter((record) => /earlier run/.test(record.message)).length;
console.log(JSON.stringify({ child: child.pid, grandchild, killed }));
setInterval(() => {}, 60_000);
