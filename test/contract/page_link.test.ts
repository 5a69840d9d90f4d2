/**
 * The link to the operator's page as a person gets it: from start on a terminal, and from the command
 * page of a gateway that runs. No log has one.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findGateway, openAdminCalls } from "../support/admin_calls.ts";
import {
  hasTerminals,
  runHere,
  runHereJson,
  type RunningCli,
  startCli,
  untilPrinted,
} from "../support/run_cli.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { makeEmptyHome } from "../support/started_command.ts";

const link = /http:\/\/127\.0\.0\.1:\d+\/admin#code=([\w-]{43})/;
let gateway: SpawnedGateway;

beforeAll(async () => {
  gateway = await spawnGateway({ servers: {}, env: { MCP_ADMIN_PORT: "0" } });
  await findGateway(gateway.directory);
});
afterAll(() => gateway.dispose());

const here = () => ({ cwd: gateway.directory });
const logOf = (directory: string) => readFileSync(join(directory, "data/logs/server.log"), "utf8");

/** Exchanges the code of a link. */
async function statusOf(url: string): Promise<number> {
  const [, code] = link.exec(url) ?? [];
  const response = await fetch(`${new URL(url).origin}/admin/page/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  });
  await response.text();
  return response.status;
}

test("the command page prints a link that opens the page once", async () => {
  const { code, stdout, stderr } = await runHere(["page"], here());
  expect(code).toBe(0);
  expect(stdout.trim()).toMatch(link);
  expect(stdout.trim().split("\n").length).toBe(1);
  expect(stderr).toContain("it works once, for ten minutes");
  const page = await fetch(stdout.trim());
  expect([page.status, page.headers.get("content-type")]).toEqual([
    200,
    "text/html; charset=utf-8",
  ]);
  await page.text();
  expect(await statusOf(stdout.trim())).toBe(201);
  expect(await statusOf(stdout.trim())).toBe(401);
});

test("as JSON it says how long the link works", async () => {
  const { url, expiresAt } = await runHereJson<Record<string, string>>(["page"], here());
  expect(url).toMatch(link);
  expect(Date.parse(expiresAt ?? "")).toBeGreaterThan(Date.now());
  expect(await statusOf(url ?? "")).toBe(201);
});

test("without a gateway, and without its admin API, it says what to do", async () => {
  const home = makeEmptyHome();
  const off = await spawnGateway({ servers: {}, env: { MCP_ADMIN: "off" } });
  try {
    const none = await runHere(["page"], { cwd: home.folder });
    expect(none.stderr).toContain("Cannot find a running gateway");
    expect(none.code).not.toBe(0);
    await findGateway(off.directory);
    const closed = await runHere(["page"], { cwd: off.directory });
    expect(closed.stderr).toContain("it runs with MCP_ADMIN=off; start it without");
    expect(closed.code).toBe(1);
  } finally {
    await off.dispose();
    home.dispose();
  }
});

test("the operator's file does not make one", async () => {
  const admin = await openAdminCalls(gateway.directory);
  const refused = await admin.call("POST", "/admin/page/link", { as: "operator", body: {} });
  expect(refused.code).toBe("owner_only");
});

test("a gateway that is started without a terminal prints none, and no log has one", () => {
  expect(gateway.log()).not.toContain("/admin#code=");
  expect(logOf(gateway.directory)).not.toContain("code=");
});

/** Ctrl-C. A signal to the terminal alone would leave the gateway running. */
const interrupt = "\x03";

test.skipIf(!hasTerminals)("start on a terminal prints one, which no log has", async () => {
  const home = makeEmptyHome();
  const folder = home.folder;
  let started: RunningCli | undefined;
  try {
    started = startCli(["start", "--data", join(folder, "data")], {
      cwd: folder,
      env: { MCP_PORT: "0", MCP_ADMIN_PORT: "0" },
      onTerminal: true,
    });
    const [url = ""] = await untilPrinted(started, link);
    expect(await statusOf(url)).toBe(201);
    expect(await statusOf(url)).toBe(401);
    started.write(interrupt);
    await started.ended;
    expect(logOf(folder)).toContain("Serving MCP");
    expect(logOf(folder)).not.toContain("code=");
    expect(logOf(folder)).not.toContain(new URL(url).hash.slice("#code=".length));
  } finally {
    started?.write(interrupt);
    await started?.ended;
    home.dispose();
  }
});
