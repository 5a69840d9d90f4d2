/** A disk that becomes full while a log is written, as the file's largest size plays it. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { programCommand } from "../support/runtimes.ts";

test.skipIf(process.platform === "win32")(
  "what a full disk takes of a text is not left in the log, and later lines are whole",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "full-disk-"));
    try {
      const path = join(folder, "audit.log");
      // Two texts and a half. Runtimes write files of their own, which are smaller.
      const chars = 4_000_000;
      const { command, args } = programCommand("test/support/bounded_log.ts", [path, `${chars}`]);
      const limited = `trap "" XFSZ; ulimit -f ${Math.floor(chars * 2.5 / 512)}; exec "$0" "$@"`;
      const { stdout, stderr } = spawnSync("sh", ["-c", limited, command, ...args], {
        encoding: "utf8",
        timeout: 60_000,
      });
      expect([stdout.trim(), stderr]).toEqual([
        `[true,true,false,true,${2 * (chars + 1)}]`,
        "",
      ]);
      const lines = readFileSync(path, "utf8").split("\n");
      expect(lines.map((line) => `${line[0] ?? ""}${line.length}`)).toEqual([
        `a${chars}`,
        "d1",
        "0",
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
