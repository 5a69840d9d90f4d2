/**
 * `isolation: principal` in the configuration: it needs principals that differ, wherever other
 * machines can reach the gateway.
 */
import { describe, expect, test } from "bun:test";
import type { ServersConfig } from "../../../src/config/config.ts";
import { readConfig } from "../../../src/config/environment.ts";
import { addServers } from "../../../src/config/added_servers.ts";
import { isOfKind } from "../../../src/config/server_kind.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";
import { own, shell } from "./read.ts";

const local = { command: "x", isolation: "principal" };
const remote = { url: "https://x.test/mcp", isolation: "principal" };
const why = "clients do not authenticate";

/** The problem of each server: undefined for one that can be used. */
function problemsOf({ servers }: ServersConfig): (string | undefined)[] {
  return servers.map((server) => {
    if (
      !isOfKind<{ kind: "failed"; name: string; problem: string } & typeof server>(server, "failed")
    ) {
      return undefined;
    }
    return server.problem;
  });
}

async function start(env: Readonly<Record<string, string>>, auth?: object) {
  const text = JSON.stringify({ mcpServers: { local, remote }, ...(auth && { auth }) });
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env: { ...shell, MCP_CONFIG: "mcp.json", ...env },
    cwd: "/srv",
    readText: (path) => Promise.resolve(path === "/srv/mcp.json" ? text : undefined),
  });
  return problemsOf(config);
}

const reachable: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "an address": { MCP_HOST: "0.0.0.0", MCP_ALLOW_UNAUTHENTICATED: "true" },
  "a public URL": { MCP_PUBLIC_URL: "https://mcp.example.com", MCP_ALLOW_UNAUTHENTICATED: "true" },
  "a proxy": { MCP_TRUSTED_PROXIES: "127.0.0.1", MCP_ALLOW_UNAUTHENTICATED: "true" },
};

describe("a server with a process for each principal", () => {
  test("can be used where only this machine reaches the gateway", async () => {
    expect(await start({})).toEqual([undefined, undefined]);
    expect(await start({ MCP_PUBLIC_URL: "http://localhost:8999" })).toEqual([
      undefined,
      undefined,
    ]);
  });

  for (const [by, env] of Object.entries(reachable)) {
    test(`is refused where others reach it by ${by} and clients do not authenticate`, async () => {
      for (const given of [env, { ...env, MCP_AUTH: "none" }, { ...env, MCP_AUTH: "none,key" }]) {
        const problems = await start(given);
        expect(problems.map((problem) => problem?.includes(why))).toEqual([true, true]);
        expect(problems[0]).toContain("mcpServers.local.isolation in mcp.json");
      }
    });

    test(`can be used where others reach it by ${by} and clients authenticate`, async () => {
      expect(await start({ ...env, MCP_AUTH: "key" })).toEqual([undefined, undefined]);
      expect(await start(env, { key: {} })).toEqual([undefined, undefined]);
      expect((await start({ ...env, MCP_AUTH: "none" }, { key: {} })).length).toBe(2);
    });
  }

  test("is refused in the registry, too", async () => {
    const added = async (host: string, authKinds: readonly string[]) => {
      const row = { name: "local", entry: local, disabled: false, addedAt: 0 };
      const base = { servers: [], names: "auto", warnings: [], files: [], secrets: [] } as const;
      return problemsOf(
        await addServers(base, [row], {
          path: "/srv/mcp.json",
          env: shell,
          own: { ...own, host },
          authKinds,
          kinds: upstreamKinds,
          readText: () => Promise.resolve(undefined),
        }),
      );
    };
    expect(await added("localhost", [])).toEqual([undefined]);
    expect(await added("0.0.0.0", ["key"])).toEqual([undefined]);
    expect((await added("0.0.0.0", []))[0]).toContain(why);
  });
});
