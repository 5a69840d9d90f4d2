/**
 * What a person sees who starts the gateway: on a terminal a short local time and colours, elsewhere
 * the whole time, and in the file JSON.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasTerminals, startCli, untilPrinted } from "../support/run_cli.ts";
import { startMsMax, within } from "../support/wait.ts";

let cwd = "";

beforeAll(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-log-")));
  writeFileSync(join(cwd, "mcp.json"), '{"mcpServers": {}}');
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const greeting = "Serving MCP at";
/** Five and a half hours before UTC's, whatever the zone of this machine is. */
const zone = { TZ: "Asia/Kolkata" };

/** The line with which the gateway says that it works, and the same record in the file. */
async function lineOf(env: Record<string, string>, onTerminal: boolean) {
  const running = startCli(["start"], {
    cwd,
    onTerminal,
    env: { MCP_PORT: "0", MCP_ADMIN: "off", MCP_DATA_DIR: "data", NO_COLOR: "", ...zone, ...env },
  });
  try {
    await untilPrinted(running, /Reads .*mcp\.json/);
  } finally {
    // A person at a terminal presses Ctrl-C; the program that gives it one would keep a signal.
    if (onTerminal) running.write("\u0003");
    else running.signal("SIGTERM");
    await within("the gateway to end", running.ended);
  }
  const text = `${running.stdout()}\n${running.stderr()}`;
  const [line = ""] = text.split(/\r?\n/).filter((one) => one.includes(greeting));
  const file = readFileSync(join(cwd, "data", "logs", "server.log"), "utf8");
  const records = file.split("\n").filter((one) => one.includes(greeting));
  const { time } = JSON.parse(records.at(-1) ?? "") as { time: string };
  const local = new Date(time).toLocaleTimeString("sv-SE", { timeZone: zone.TZ });
  return { line, time, local };
}

describe("the log", () => {
  test.skipIf(!hasTerminals)("of a terminal has the local time and colours", async () => {
    const { line, local } = await lineOf({}, true);
    expect(line).toContain(
      `\u001b[2m${local}\u001b[0m \u001b[32mINFO \u001b[0m gateway ${greeting} http`,
    );
    expect(line).toContain("/mcp \u001b[2mservers=0 ");
    expect(line.endsWith("\u001b[0m")).toBe(true);
  }, 2 * startMsMax);

  test.skipIf(!hasTerminals)("of a terminal without colours has the local time", async () => {
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
      const { line, local } = await lineOf(env, true);
      expect(line).toMatch(new RegExp(`${local} INFO  gateway ${greeting} http`));
      expect(line).not.toContain("\u001b[");
    }
  }, 4 * startMsMax);

  test("of a pipe has the whole time, and colours only where they are forced", async () => {
    const plain = await lineOf({}, false);
    expect(plain.line).toMatch(new RegExp(`^${plain.time} INFO  gateway ${greeting} http`));
    expect(plain.line).not.toContain("\u001b[");
    const forced = await lineOf({ FORCE_COLOR: "1" }, false);
    expect(forced.line).toContain(`\u001b[2m${forced.time}\u001b[0m \u001b[32mINFO`);
  }, 4 * startMsMax);
});
