/** `users`, `clients` and `grants`, in the store of a data folder and at a running gateway. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBrowser } from "../support/oauth_person.ts";
import { hasTerminals, runHere, runHereJson, startCli, untilPrinted } from "../support/run_cli.ts";
import { spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const password = "correct horse battery";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "users-"));
});
afterEach(() => rm(folder, { recursive: true }));

const options = (input = "") => ({
  cwd: folder,
  env: { MCP_DATA_DIR: join(folder, "data"), MCP_AUTH: "oauth" },
  input,
});

interface Listed {
  readonly users: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    readonly groups: readonly string[];
    readonly hasPassword: boolean;
  }[];
}

describe("users, without a gateway", () => {
  test("are added, listed, changed and removed", async () => {
    const add = ["users", "add", "ann", "--group", "staff", "--role", "admin", "--password-stdin"];
    expect((await runHere(add, options(`${password}\n`))).code).toBe(0);
    const { users } = await runHereJson<Listed>(["users", "list"], options());
    expect(users).toMatchObject([
      { name: "ann", roles: ["admin"], groups: ["staff"], hasPassword: true },
    ]);
    expect(JSON.stringify(users)).not.toContain("argon2");
    const again = await runHere(add, options(password));
    expect([again.code, again.stderr]).toMatchObject([
      2,
      expect.stringContaining("a user of this name"),
    ]);
    const changed = await runHere(
      ["users", "passwd", "ann", "--password-stdin"],
      options("a".repeat(11)),
    );
    expect([changed.code, changed.stderr]).toMatchObject([
      2,
      expect.stringContaining("at least 12"),
    ]);
    expect((await runHere(["users", "remove", "ann"], options())).code).toBe(0);
    expect((await runHere(["users", "remove", "ann"], options())).code).toBe(3);
  });

  test("get a link in the place of a password; the link alone is on stdout", async () => {
    const added = await runHere(["users", "add", "bob", "--link"], options());
    expect(added.stdout.trim())
      .toMatch(/^http:\/\/localhost:8999\/oauth\/login\/link\?user=bob&token=mcpl_[\w-]{43}$/);
    const next = await runHereJson<{ url: string }>(["users", "link", "bob"], options());
    expect(next.url).not.toBe(added.stdout.trim());
    expect((await runHere(["users", "link", "ann"], options())).code).toBe(3);
  });

  test("cannot be asked for a password without a terminal", async () => {
    const { code, stderr } = await runHere(["users", "add", "ann"], options(password));
    expect([code, stderr]).toMatchObject([5, expect.stringContaining("--password-stdin")]);
  });

  test("are warned of that MCP_AUTH does not name oauth", async () => {
    const given = options(password);
    const env = { MCP_DATA_DIR: given.env.MCP_DATA_DIR };
    const { stderr } = await runHere(["users", "add", "ann", "--password-stdin"], {
      ...given,
      env,
    });
    expect(stderr).toContain("MCP_AUTH=oauth");
  });

  test("clients and grants are empty lists, and an unknown one cannot be revoked", async () => {
    for (const command of ["clients", "grants"]) {
      expect(await runHereJson<unknown>([command, "list"], options())).toEqual({ [command]: [] });
      expect((await runHere([command, "revoke", "x"], options())).code).toBe(3);
    }
  });

  test.skipIf(!hasTerminals)("a password that is typed is not shown", async () => {
    const running = startCli(["users", "add", "ann"], { ...options(), onTerminal: true });
    await untilPrinted(running, /Password:/);
    // With a slip that is taken back.
    running.write(`${password}x\u007f\r`);
    await untilPrinted(running, /Password again:/);
    running.write(`${password}\r`);
    const { code, stdout } = await running.ended;
    expect([code, stdout]).toMatchObject([0, expect.stringContaining('Added user "ann"')]);
    expect(stdout).not.toContain("horse");
    const differing = startCli(["users", "passwd", "ann"], { ...options(), onTerminal: true });
    await untilPrinted(differing, /Password:/);
    differing.write(`${password}\r`);
    await untilPrinted(differing, /Password again:/);
    differing.write("something else entirely\r");
    expect(await differing.ended).toMatchObject({
      code: 2,
      stdout: expect.stringContaining("differ"),
    });
    const interrupted = startCli(["users", "passwd", "ann"], { ...options(), onTerminal: true });
    await untilPrinted(interrupted, /Password:/);
    interrupted.write("half\u0003");
    expect((await interrupted.ended).code).toBe(130);
  }, 60_000);
});

describe("users, at a running gateway", () => {
  test("can log in at once, and are refused once they are removed", async () => {
    const gateway = await spawnGateway({
      servers: {},
      env: { MCP_ADMIN_PORT: "0", MCP_AUTH: "oauth" },
    });
    try {
      expect(gateway.log()).toContain("mcp-wrapper users add NAME");
      const file = join(gateway.directory, "data", "gateway.json");
      await until("the gateway can be found", () => existsSync(file));
      const run = (args: readonly string[], input = "") =>
        runHere(args, { cwd: gateway.directory, input });
      const added = await run(["users", "add", "ann", "--password-stdin"], password);
      expect([added.code, added.stderr]).toEqual([0, ""]);
      const browser = openBrowser();
      const login = await browser.open(`${gateway.url}/oauth/login`);
      expect((await browser.submit(login, { name: "ann", password })).html)
        .toContain("You are logged in");
      await run(["users", "add", "bob", "--link"]);
      const link = (await run(["users", "link", "bob"])).stdout.trim();
      const other = openBrowser();
      const page = await other.open(link.replace("localhost", "127.0.0.1"));
      expect((await other.submit(page, {})).html).toContain("bob");
      expect((await openBrowser().submit(await openBrowser().open(link), {})).status).toBe(403);
      expect((await run(["users", "remove", "ann"])).code).toBe(0);
      expect((await browser.open(`${gateway.url}/oauth/login`)).html).toContain('name="password"');
      const { users } = await runHereJson<Listed>(["users", "list"], { cwd: gateway.directory });
      expect(users.map(({ name }) => name)).toEqual(["bob"]);
      expect(gateway.log()).not.toContain("mcpl_");
    } finally {
      await gateway.dispose();
    }
  }, 60_000);
});
