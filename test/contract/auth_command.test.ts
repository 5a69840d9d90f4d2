/**
 * `auth`: against a running gateway and without one; and the admin API of log-ins. What an
 * authorization server answers is in the tests of the grants.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AdminCalls, openAdminCalls } from "../support/admin_calls.ts";
import {
  type CliOptions,
  runCli,
  runHere,
  runHereJson,
  startCli,
  untilPrinted,
} from "../support/run_cli.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;

/** A server that wants a log-in, whatever is sent. */
let locked: Server;
let servers: Readonly<Record<string, unknown>>;
beforeAll(async () => {
  locked = createServer((_request, response) => {
    response.writeHead(401, { "www-authenticate": "Bearer" }).end();
  });
  await new Promise<void>((resolve) => locked.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(locked.address() as AddressInfo).port}/mcp`;
  const rest = { start: "onDemand" };
  servers = {
    far: { url, ...rest },
    off: { url, oauth: false, ...rest },
    keyed: { url, credentials: { type: "bearer", token: "t" }, ...rest },
    program: { command: "no-such-program", ...rest },
  };
});
afterAll(async () => {
  await new Promise((resolve) => locked.close(resolve));
});

interface StatusJson {
  readonly logins: readonly { readonly name: string; readonly grant: string }[];
}

/** The link that a command has printed. */
const linkForm = /http:\/\/\S+\/oauth\/connect\/(\S+)\?link=[\w-]{43}/;

/** The mistakes that are the same with a running gateway and without one. */
function testMistakes(here: () => CliOptions): void {
  const wrong: readonly (readonly [string[], number, string])[] = [
    [["auth", "begin"], 2, 'Cannot read the action "begin"; expected login, status, logout'],
    [["auth", "login"], 2, "Cannot find the NAME of the server"],
    [["auth", "logout"], 2, "Cannot find the NAME of the server"],
    [["auth", "login", "fra"], 3, 'Cannot find server "fra"; did you mean "far"?'],
    [["auth", "logout", "fra"], 3, 'Cannot find server "fra"; did you mean "far"?'],
    [["auth", "status", "fra"], 3, 'Cannot find server "fra"; did you mean "far"?'],
    [["auth", "login", "program"], 2, 'Server "program" needs no log-in'],
    [["auth", "login", "keyed"], 2, 'Server "keyed" needs no log-in'],
    [["auth", "login", "off"], 2, 'Server "off" needs no log-in'],
    [["auth", "login", "far", "--principal", "user:ann"], 2, "has one log-in for all"],
    [["auth", "login", "far", "--timeout", "soon"], 2, 'Cannot use --timeout "soon"'],
    [["auth", "login", "far", "--timeout", "0"], 2, "expected seconds from 1 to 3600"],
    [["auth", "login", "far", "--timeout", "3601"], 2, "expected seconds from 1 to 3600"],
  ];
  test("mistakes are errors that name them", async () => {
    for (const [args, exit, words] of wrong) {
      const { code, stdout, stderr } = await runHere(args, here());
      expect([args, code, stdout]).toEqual([args, exit, ""]);
      expect(stderr).toContain(words);
    }
  }, testMs);
}

/** Starts a log-in, opens its link, and waits until the command gives up. */
async function openLink(here: CliOptions, args: readonly string[] = []) {
  const running = startCli(["auth", "login", "far", "--timeout", "20", ...args], here);
  const [url = "", name] = await untilPrinted(running, linkForm);
  const page = await fetch(url);
  const text = await page.text();
  return { running, url, name, status: page.status, text };
}

describe("while no gateway runs", () => {
  let folder: string;
  let here: CliOptions;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-auth-command-"));
    writeFileSync(join(folder, "mcp.json"), JSON.stringify({ mcpServers: servers }));
    here = { cwd: folder, env: { MCP_PORT: "0" } };
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("status lists the servers that may need a log-in, and makes no database", async () => {
    const { code, stdout } = await runHere(["auth", "status"], here);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^far +no log-in needed so far +- +- +-$/m);
    expect(stdout).not.toMatch(/keyed|program|off/);
    const { logins } = await runHereJson<StatusJson>(["auth", "status", "far"], here);
    expect(logins).toMatchObject([{ name: "far", grant: "shared", state: "unasked", grants: [] }]);
    expect(existsSync(join(folder, "data"))).toBe(false);
  }, testMs);

  testMistakes(() => here);

  test("login serves the page of its link, and no other path", async () => {
    const { running, url, name, status, text } = await openLink(here);
    try {
      expect([name, status]).toEqual(["far", 200]);
      expect(text).toContain("far");
      const { origin } = new URL(url);
      expect(new URL(url).hostname).toBe("127.0.0.1");
      for (const path of ["/mcp", "/servers/far/mcp", "/health", "/", "/admin/status"]) {
        const answer = await fetch(`${origin}${path}`);
        await answer.body?.cancel();
        expect([path, answer.status]).toEqual([path, 404]);
      }
    } finally {
      running.signal("SIGINT");
    }
    const { code, stdout } = await running.ended;
    expect([code, stdout]).toEqual([130, ""]);
  }, testMs);

  test("a log-in that does not end in time ends the command, which says so", async () => {
    const { code, stdout, stderr } = await runHere(
      ["auth", "login", "far", "--no-browser", "--timeout", "1"],
      here,
    );
    expect([code, stdout]).toEqual([5, ""]);
    expect(stderr).toMatch(linkForm);
    expect(stderr).toContain("Cannot log in: no log-in ended within 1 s; try again");
  }, testMs);

  test("nothing is kept without a data folder", async () => {
    const env = { MCP_DATA_DIR: ":memory:" };
    const { code, stderr } = await runHere(["auth", "login", "far"], { ...here, env });
    expect([code, stderr]).toEqual([2, expect.stringContaining("name a folder")]);
  }, testMs);

  test("where each principal logs in, one must be named", async () => {
    const each = { ...here, env: { ...here.env, MCP_AUTH: "key" } };
    const { code, stderr } = await runHere(["auth", "login", "far"], each);
    expect(code).toBe(2);
    expect(stderr).toContain("has a log-in for each principal");
    expect(stderr).toContain('"user:ann"');
    const named = await runHere(
      ["auth", "login", "far", "--principal", "key:ci", "--timeout", "1"],
      each,
    );
    expect([named.code, linkForm.test(named.stderr)]).toEqual([5, true]);
  }, testMs);
});

describe("against a running gateway", () => {
  let gateway: SpawnedGateway;
  let here: CliOptions;
  let admin: AdminCalls;
  beforeAll(async () => {
    gateway = await spawnGateway({ servers, env: { MCP_ADMIN_PORT: "0" } });
    admin = await openAdminCalls(gateway.directory);
    here = { cwd: gateway.directory };
  }, testMs);
  afterAll(() => gateway.dispose(), testMs);

  testMistakes(() => here);

  test("login prints a link of that gateway, which leads to its page", async () => {
    const { running, url, status } = await openLink(here, ["--json"]);
    expect([url.startsWith(`${gateway.url}/oauth/connect/far?`), status]).toEqual([true, 200]);
    running.signal("SIGINT");
    expect((await running.ended).code).toBe(130);
  }, testMs);

  test("logout says that there was nothing to revoke", async () => {
    expect(await runHere(["auth", "logout", "far"], here)).toMatchObject({
      code: 0,
      stdout: 'There is no log-in at "far"; mcp-wrapper auth status lists all\n',
    });
    expect(await runHereJson(["auth", "logout", "far", "--principal", "user:ann"], here))
      .toEqual({ name: "far", revoked: 0 });
  }, testMs);

  test("the operator sees log-ins; only the owner makes links and logs out", async () => {
    const path = "/admin/servers/far/logins";
    for (const as of ["operator", "owner"] as const) {
      const all = await admin.call("GET", "/admin/logins", { as });
      expect([all.status, all.body]).toMatchObject([200, { logins: [{ name: "far" }] }]);
      const one = await admin.call("GET", path, { as });
      expect(one.body).toMatchObject({ name: "far", grant: "shared", grants: [] });
      const { body } = await admin.call("GET", "/admin/servers/far", { as });
      expect(body).toMatchObject({ name: "far", login: { grant: "shared", grants: [] } });
      const other = await admin.call("GET", "/admin/servers/keyed", { as });
      expect(other.body["login"]).toBeUndefined();
    }
    for (const [method, body] of [["POST", {}], ["DELETE", undefined]] as const) {
      const refused = await admin.call(method, path, { as: "operator", body });
      expect([method, refused.status, refused.code]).toEqual([method, 403, "owner_only"]);
      const without = await admin.call(method, path, { body });
      expect([method, without.status]).toEqual([method, 401]);
    }
    for (const [method, where] of [["GET", path], ["GET", "/admin/logins"]] as const) {
      expect((await admin.call(method, where)).status).toBe(401);
    }
    const made = await admin.call("POST", path, { as: "owner", body: {} });
    expect([made.status, linkForm.test(String(made.body["url"]))]).toEqual([201, true]);
    const minutes = (Date.parse(String(made.body["expiresAt"])) - Date.now()) / 60_000;
    expect([minutes > 9, minutes <= 10]).toEqual([true, true]);
    const left = await admin.call("DELETE", `${path}?principal=user%3Aann`, { as: "owner" });
    expect([left.status, left.body]).toEqual([200, { name: "far", revoked: 0 }]);
  });

  test("what cannot be done is refused in words", async () => {
    const rows: [string, string, unknown, number, string][] = [
      ["GET", "none", undefined, 404, "access_unknown"],
      ["POST", "none", {}, 404, "access_unknown"],
      ["DELETE", "none", undefined, 404, "access_unknown"],
      ["POST", "keyed", {}, 400, "access_invalid"],
      ["POST", "far", { principal: "user:ann" }, 400, "access_invalid"],
      ["POST", "far", { principal: 1 }, 400, "invalid"],
      ["POST", "far", { other: 1 }, 400, "invalid"],
    ];
    for (const [method, name, body, status, code] of rows) {
      const path = `/admin/servers/${name}/logins`;
      const answer = await admin.call(method, path, { as: "owner", body });
      expect([method, name, answer.status, answer.code]).toEqual([method, name, status, code]);
    }
  });

  test("no link is in the log", async () => {
    const { stderr } = await runCli(
      ["auth", "login", "far", "--no-browser", "--timeout", "1"],
      here,
    );
    const [url = ""] = linkForm.exec(stderr) ?? [];
    const token = new URL(url).searchParams.get("link") ?? "";
    expect(token.length).toBe(43);
    await (await fetch(url)).body?.cancel();
    expect(gateway.log()).not.toContain(token);
  }, testMs);
});
