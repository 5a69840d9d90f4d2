/**
 * What commands say of a server at which a person has to log in: they act for no principal, so they
 * can neither use such a server nor say that it fails.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

const testMs = 60_000;

let far: GrantIssuer;
beforeAll(async () => {
  far = await startGrantIssuer();
});
afterAll(() => far.close());

const serversOf = (more: object = {}) => ({ far: { url: far.url, start: "onDemand", ...more } });

interface DoctorJson {
  readonly findings: readonly {
    readonly group: string;
    readonly level: string;
    readonly text: string;
    readonly advice: readonly string[];
  }[];
}

/** What doctor finds about the servers. */
async function findings(here: CliOptions) {
  const { stdout } = await runHere(["doctor", "--json"], here);
  return (JSON.parse(stdout) as DoctorJson).findings.filter(({ group }) => group === "Servers");
}

/** Logs in for a principal, as its person does in a browser. */
async function logIn(here: CliOptions, principal: string) {
  const running = startCli(["auth", "login", "far", "--principal", principal], here);
  const [url = ""] = await untilPrinted(running, /http:\/\/\S+\/oauth\/connect\/far\?link=[\w-]+/);
  const browser = openBrowser();
  const left = await goOn(browser, await browser.open(url));
  await browser.open(
    `${new URL(url).origin}/oauth/callback?${await far.follow(left.leavesTo ?? "")}`,
  );
  expect((await running.ended).code).toBe(0);
}

for (const connectTool of [true, false]) {
  describe(`where each principal logs in (connect tool: ${connectTool})`, () => {
    let gateway: SpawnedGateway;
    let here: CliOptions;
    beforeAll(async () => {
      gateway = await spawnGateway({
        servers: serversOf({ oauth: { connectTool } }),
        env: { MCP_ADMIN_PORT: "0", MCP_AUTH: "key" },
      });
      await findGateway(gateway.directory);
      here = { cwd: gateway.directory, env: { MCP_AUTH: "key" } };
    }, testMs);
    afterAll(() => gateway.dispose(), testMs);

    const saysThat = async (owners: string) => {
      const need = `needs a log-in of each person; granted to ${owners}`;
      const tested = await runHere(["test", "far"], here);
      const words = tested.stdout.replaceAll(/\s+/g, " ");
      expect([tested.code, words.includes(`far ${need}`)]).toEqual([5, true]);
      expect(words).toContain("mcp-wrapper auth login far --principal ID");
      expect(words).not.toMatch(/does not work|works|1 tool/);
      const found = await findings(here);
      const [server] = found.filter(({ text }) => text.startsWith('Server "far"'));
      expect(server?.text).toBe(`Server "far" ${need}`);
      for (const { text } of found) expect(text).not.toMatch(/does not work|works|1 tool/);
      if (connectTool) {
        expect(found.map(({ text }) => text)).toContain("0 tools together on /mcp");
      }
      return server;
    };

    test("test and doctor say so before anyone has logged in", async () => {
      const server = await saysThat("none so far");
      expect(server?.level).toBe("warning");
      expect(server?.advice.join()).toContain("auth login far --principal ID");
    }, testMs);

    test("a call says that a log-in is needed, and how", async () => {
      const { code, stdout, stderr } = await runHere(["call", "far", "read"], here);
      expect([code === 0, stdout]).toEqual([false, ""]);
      expect(stderr).toContain("needs a log-in");
      expect(stderr).not.toContain("Cannot find tool");
      if (connectTool) {
        expect([code, stderr]).toEqual([5, expect.stringContaining("auth login far --principal")]);
      }
    }, testMs);

    test("test and doctor say to whom it is granted", async () => {
      await logIn(here, "key:ann");
      expect((await saysThat("key:ann"))?.level).toBe("ok");
    }, testMs);
  });
}

describe("where one log-in serves all", () => {
  test("a call without a gateway names the command that logs in", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-each-login-"));
    try {
      writeFileSync(join(folder, "mcp.json"), JSON.stringify({ mcpServers: serversOf() }));
      const { code, stderr } = await runHere(["call", "far", "read"], { cwd: folder });
      expect(code).toBe(5);
      expect(stderr).toContain('Server "far" needs a log-in. Log in: mcp-wrapper auth login far\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, testMs);

  test("status and /health count it as waiting, and not as broken", async () => {
    const gateway = await spawnGateway({
      servers: { far: { url: far.url } },
      env: { MCP_ADMIN_PORT: "0" },
    });
    try {
      await findGateway(gateway.directory);
      const here = { cwd: gateway.directory };
      await runHere(["test", "far"], here);
      const { servers } = await runHereJson<{ servers: { state: string }[] }>(["status"], here);
      expect(servers).toMatchObject([{ state: "needs_login" }]);
      expect((await runHere(["status"], here)).stdout)
        .toContain("\n1 server, none broken, 1 waits for a log-in\n");
      const health = await fetch(`${gateway.url}/health`);
      expect([health.status, await health.json()]).toMatchObject([200, { degraded: ["far"] }]);
    } finally {
      await gateway.dispose();
    }
  }, testMs);
});
