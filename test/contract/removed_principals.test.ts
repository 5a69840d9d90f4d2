/**
 * What protected servers granted to a person or a key ends when that one is removed: the next one of
 * the same name begins without it, whether a gateway runs meanwhile or not.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGateway, type GatewayHandle, openAccess } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { callback, patient } from "../support/grant_gateway.ts";
import { type GrantIssuer, startGrantIssuer } from "../support/grant_issuer.ts";
import { remoteConfig } from "../support/http_upstream.ts";
import { until } from "../support/wait.ts";

let far: GrantIssuer;
let folder: string;
beforeAll(async () => {
  far = await startGrantIssuer();
  folder = mkdtempSync(join(tmpdir(), "removed-"));
});
afterAll(async () => {
  await far.close();
  rmSync(folder, { recursive: true });
});

async function configOf() {
  const env = { MCP_DATA_DIR: folder };
  const readText = async () => undefined;
  const { config } = await readConfig({ kinds: upstreamKinds, env, cwd: "/srv", readText });
  const oauth = { grant: "each", connectTool: true } as const;
  return {
    ...config,
    publicUrl: "https://gateway.example",
    auth: { kinds: ["key"], settings: {} },
    servers: [remoteConfig(far.url, { name: "far", oauth })],
    tryServers: false,
  };
}

async function withGateway(work: (gateway: GatewayHandle) => Promise<void>): Promise<void> {
  const runtime = await createTestRuntime();
  const gateway = await createGateway({ config: await configOf(), runtime, console: () => {} });
  try {
    await work(gateway);
  } finally {
    await gateway.close();
  }
}

async function logIn({ grants }: GatewayHandle, principal: string): Promise<void> {
  const request = { server: "far", principal, redirectUri: callback, browser: principal };
  const { url } = await grants.begin(request, patient);
  await grants.finish({ params: await far.follow(url), browser: principal }, patient);
}

const principals = async ({ grants }: GatewayHandle) =>
  (await grants.reports()).map(({ principal }) => principal).sort();

describe("the log-ins at servers", () => {
  test("of a key and of a user end with them, and are revoked", async () => {
    await withGateway(async (gateway) => {
      const { access, logins } = gateway;
      await access.keys.add({ name: "ci" });
      await access.users.add("ann", { roles: [], groups: [] });
      for (const one of ["key:ci", "user:ann", "user:bob"]) await logIn(gateway, one);
      const { url } = await logins.makeLink("far", "key:ci");
      await access.keys.revoke("ci");
      expect(await principals(gateway)).toEqual(["user:ann", "user:bob"]);
      await access.users.remove("ann");
      expect(await principals(gateway)).toEqual(["user:bob"]);
      await until("all is revoked", () => far.at("/revoke").length === 4, 5_000);
      const page = await gateway.fetch(
        new Request(url, { headers: { host: "gateway.example" } }),
      );
      expect(page.status).toBe(410);
    });
  });

  test("also end while no gateway runs", async () => {
    await withGateway(async (gateway) => {
      await gateway.access.keys.add({ name: "ci" });
      await logIn(gateway, "key:ci");
    });
    const access = await openAccess({
      config: await configOf(),
      runtime: await createTestRuntime(),
      console: () => {},
    });
    await access.keys.revoke("ci");
    await access.close();
    await withGateway(async (gateway) => expect(await principals(gateway)).toEqual(["user:bob"]));
  });
});
