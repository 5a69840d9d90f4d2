/** The program as one file: for this platform it starts without a runtime and serves. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pageFiles } from "../../src/http/admin/page_names.ts";
import { manifest, runOrThrow } from "../support/packed.ts";
import { sendSignal } from "../support/processes.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { executable, projectDirectory } from "../support/spawn_gateway.ts";
import { makeEmptyHome, startCommand } from "../support/started_command.ts";

const testMs = 240_000;
const isCommon = process.platform === "linux" || process.platform === "darwin";

test.skipIf(!isCommon)(
  "one file holds the program, its runtime, its recipes and its page",
  async () => {
    const home = makeEmptyHome();
    const platform = `${process.platform}-${process.arch}`;
    runOrThrow(executable("bun"), ["packaging/binaries.ts", platform], {
      cwd: projectDirectory,
      env: { ...process.env, BINARIES_DIR: home.folder },
    });
    const program = join(home.folder, `mcp-wrapper-${platform}`);
    // Nothing but the program itself.
    const env = { ...home.env, PATH: "/usr/bin:/bin" };
    expect(runOrThrow(program, ["--version"], { cwd: home.folder, env }).trim())
      .toBe(manifest.version);
    const started = startCommand([program], home.folder, env);
    try {
      const session = await openRpcSession(await started.url());
      expect(JSON.stringify(await session.request(1, "tools/list"))).toContain("simple_price");
      await session.end();
      const [, admin] = /\badmin=(http:\S+)/.exec(started.text()) ?? [];
      for (const file of pageFiles) {
        const served = await fetch(`${admin}/admin/page/${file}`);
        const text = readFileSync(join(projectDirectory, "src/page", file), "utf8");
        expect([file, await served.text()]).toEqual([file, text]);
      }
      sendSignal(started.child.pid, "SIGTERM");
      expect(await started.ended).toBe(0);
    } finally {
      started.dispose();
      home.dispose();
    }
  },
  testMs,
);
