/**
 * A whole log-in by `auth login` at a protected server with an authorization server of its own: at a
 * running gateway, and in the command itself while none runs. Then who is logged in, in words, and a
 * log-out.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findGateway } from "../support/admin_calls.ts";
import { goOn } from "../support/connect_pages.ts";
import { type GrantIssuer, startGrantIssuer } from "../support/grant_issuer.ts";
import { openBrowser } from "../support/oauth_person.ts";
import {
  type CliOptions,
  runHere,
  runHereJson,
  startCli,
  untilPrinted,
} from "../support/run_cli.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;

let far: GrantIssuer;
beforeAll(async () => {
  far = await startGrantIssuer({ scope: "read write" });
});
afterAll(() => far.close());

const serversOf = () => ({ far: { url: far.url, start: "onDemand" } });

interface StatusJson {
  readonly logins: readonly {
    readonly state: string;
    readonly grants: readonly Readonly<Record<string, unknown>>[];
  }[];
}

/** Runs the command, and logs in as its person does in a browser. */
async function logIn(here: CliOptions, args: readonly string[] = []) {
  const running = startCli(["auth", "login", "far", "--timeout", "40", ...args], here);
  const [url = ""] = await untilPrinted(running, /http:\/\/\S+\/oauth\/connect\/far\?link=[\w-]+/);
  const browser = openBrowser();
  const left = await goOn(browser, await browser.open(url));
  const { origin } = new URL(url);
  const back = await browser.open(
    `${origin}/oauth/callback?${await far.follow(left.leavesTo ?? "")}`,
  );
  return { ...(await running.ended), url, status: back.status };
}

const logins = async (here: CliOptions) =>
  (await runHereJson<StatusJson>(["auth", "status", "far"], here)).logins[0];

describe("while no gateway runs", () => {
  let folder: string;
  let here: CliOptions;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-auth-login-"));
    writeFileSync(join(folder, "mcp.json"), JSON.stringify({ mcpServers: serversOf() }));
    here = { cwd: folder, env: { MCP_PORT: "0" } };
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test(
    "a person logs in on the command's own page; the command says what was granted",
    async () => {
      const { code, stdout, stderr, url, status } = await logIn(here);
      expect([code, status]).toEqual([0, 200]);
      expect(new URL(url).hostname).toBe("127.0.0.1");
      expect(stdout).toContain('Logged in at "far" for all\n');
      expect(stdout).toContain(`  issuer   ${far.issuer}\n`);
      expect(stdout).toContain("  scopes   read write\n");
      expect(stdout).toMatch(/ {2}expires {2}in (?:1 h|60 min|59 min), renewed by itself\n/);
      expect(stdout + stderr).not.toMatch(/access-|refresh-/);
    },
    testMs,
  );

  test("the log-in is stored sealed, and the next command knows it", async () => {
    const { stdout } = await runHere(["auth", "status"], here);
    expect(stdout).toMatch(/^far +granted to all +read write +in .*renewed by itself +never$/m);
    expect(await logins(here)).toMatchObject({
      state: "granted",
      grants: [{ issuer: far.issuer, scopes: ["read", "write"], isRefreshable: true }],
    });
    for (const file of readdirSync(join(folder, "data"), { recursive: true, encoding: "utf8" })) {
      if (!/\.(?:db|db-wal|log|json)$/.test(file)) continue;
      expect(readFileSync(join(folder, "data", file), "latin1")).not.toMatch(/access-|refresh-/);
    }
  }, testMs);

  test("another log-in takes its place", async () => {
    const { code } = await logIn(here, ["--json"]);
    expect(code).toBe(0);
    expect((await logins(here))?.grants.length).toBe(1);
  }, testMs);

  test("a log-in that is denied ends the command at once, with the reason", async () => {
    far.knobs.error = "access_denied";
    try {
      const begun = performance.now();
      const { code, stdout, stderr, status } = await logIn(here);
      expect([code, stdout, status]).toEqual([1, "", 400]);
      expect(stderr).toContain(
        'Cannot log in: Server "far" cannot be logged in to: the log-in was denied',
      );
      expect(performance.now() - begun).toBeLessThan(30_000);
    } finally {
      far.knobs.error = undefined;
    }
    const { code } = await logIn(here);
    expect(code).toBe(0);
  }, testMs);

  test("a log-out revokes it at the issuer", async () => {
    const before = far.at("/revoke").length;
    expect(await runHere(["auth", "logout", "far"], here)).toMatchObject({
      code: 0,
      stdout: 'Logged out at "far": revoked 1 grant\n',
    });
    expect(far.at("/revoke").length).toBeGreaterThan(before);
    expect(await logins(here)).toMatchObject({ grants: [] });
  }, testMs);
});

describe("at a running gateway", () => {
  let gateway: SpawnedGateway;
  let here: CliOptions;
  beforeAll(async () => {
    gateway = await spawnGateway({
      servers: serversOf(),
      env: { MCP_ADMIN_PORT: "0", MCP_AUTH: "key" },
    });
    await findGateway(gateway.directory);
    here = { cwd: gateway.directory, env: { MCP_AUTH: "key" } };
  }, testMs);
  afterAll(() => gateway.dispose(), testMs);

  test("each principal has a log-in of its own, on the gateway's page", async () => {
    for (const principal of ["key:ann", "key:bob"]) {
      const { code, stdout, url } = await logIn(here, ["--principal", principal, "--no-browser"]);
      expect([code, url.startsWith(`${gateway.url}/`)]).toEqual([0, true]);
      expect(stdout).toContain(`Logged in at "far" for ${principal}\n`);
    }
    const { stdout } = await runHere(["auth", "status"], here);
    expect(stdout).toMatch(/^far +granted to key:ann +read write /m);
    expect(stdout).toMatch(/^far +granted to key:bob +read write /m);
    expect(gateway.log()).not.toMatch(/access-|refresh-|link=[\w-]{43}/);
  }, testMs);

  test("the failure of another principal's log-in ends no command", async () => {
    far.knobs.error = "access_denied";
    const failed = await logIn(here, ["--principal", "key:eve"]);
    far.knobs.error = undefined;
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("denied")]);
    const after = await runHere(
      ["auth", "login", "far", "--principal", "key:cid", "--timeout", "1", "--no-browser"],
      here,
    );
    expect([after.code, after.stderr]).toEqual([5, expect.stringContaining("within 1 s")]);
  }, testMs);

  test("status, its details and doctor say to whom it is granted, and for what", async () => {
    const table = await runHere(["status"], here);
    expect(table.stdout).toMatch(/^far +granted to key:ann +read write +in .* +never$/m);
    const details = await runHere(["status", "far"], here);
    const grant = "granted to key:bob: scopes read write; expires in";
    expect(details.stdout).toMatch(new RegExp(`^log-in +${grant} .*; last refresh never$`, "m"));
    const doctor = await runHere(["doctor"], here);
    expect(doctor.stdout.replaceAll(/\s+/g, " ")).toContain(`Log-in at "far" ${grant}`);
  }, testMs);

  test("one principal is logged out, and after a kill the other is still logged in", async () => {
    const { stdout } = await runHere(["auth", "logout", "far", "--principal", "key:ann"], here);
    expect(stdout).toBe('Logged out at "far" for key:ann: revoked 1 grant\n');
    await gateway.kill9();
    const bob = [{ principal: "key:bob" }];
    expect((await logins({ ...here, env: { ...here.env, MCP_PORT: "0" } }))?.grants)
      .toMatchObject(bob);
    await gateway.restart();
    await until(
      "the gateway can be found",
      async () => (await findGateway(gateway.directory)).pid === gateway.pid,
    );
    expect((await logins(here))?.grants).toMatchObject(bob);
  }, testMs);
});
