/**
 * The gateway behind Caddy and nginx, with TLS by a local authority: streams come at once, the
 * public name is accepted, refusals name what clients need, and forwarding headers count only from
 * a trusted proxy.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { hostileCommand } from "../fault/hostile_command.ts";
import { freePort } from "../support/free_port.ts";
import { initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { runCli } from "../support/run_cli.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import {
  type ProxyKind,
  proxyKinds,
  publicName,
  sendPublicly,
  startProxy,
} from "../support/tls_proxy.ts";

const testMs = 60_000;
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, testMs);

/** A gateway behind a proxy; `env` gets the public port. */
async function open(
  kind: ProxyKind,
  env: (port: number) => Readonly<Record<string, string>>,
): Promise<{ readonly port: number; readonly gateway: SpawnedGateway }> {
  const port = await freePort();
  const gateway = await spawnGateway({ servers: { kid: hostileCommand() }, env: env(port) });
  ends.push(gateway.dispose);
  const proxy = await startProxy(kind, { port, gateway: gateway.port });
  ends.push(proxy.close);
  return { port, gateway };
}

const publicUrl = (port: number) => `https://${publicName}:${port}`;

for (const kind of proxyKinds) {
  describe.skipIf(!kind.isThere)(`P17 behind ${kind.name} with TLS`, () => {
    test(
      "a client with a key connects, and the first frame of a call comes before its end",
      async () => {
        const { port, gateway } = await open(kind, (public_) => ({
          MCP_PUBLIC_URL: publicUrl(public_),
          MCP_TRUSTED_PROXIES: "127.0.0.1",
          MCP_AUTH: "key",
        }));
        const made = await runCli(["keys", "add", "me", "--json"], {
          cwd: gateway.directory,
          env: { MCP_AUTH: "key" },
        });
        const { key } = JSON.parse(made.stdout);
        const headers = { ...jsonHeaders, authorization: `Bearer ${key}` };
        const sent = { port, path: "/mcp", method: "POST", headers };
        const opened = await sendPublicly({ ...sent, body: initialize("2025-11-25") });
        expect(opened.status).toBe(200);
        const session = { ...headers, "mcp-session-id": String(opened.headers["mcp-session-id"]) };
        const params = {
          name: "progress",
          arguments: { steps: 2, ms: 600 },
          _meta: { progressToken: "p" },
        };
        const seen: string[] = [];
        const body = request(1, "tools/call", params);
        const answer = await sendPublicly({
          ...sent,
          headers: session,
          body,
          onText: (text) => seen.push(text),
        });
        expect(answer.text).toContain('"done"');
        // A proxy that buffers would give everything at once.
        expect(seen.some((text) => text.includes("step 1") && !text.includes('"done"'))).toBe(true);
      },
      testMs,
    );

    test("the 401 for missing or wrong credentials names what a client needs", async () => {
      const { port } = await open(kind, (public_) => ({
        MCP_PUBLIC_URL: publicUrl(public_),
        MCP_AUTH: "key",
      }));
      const sent = { port, path: "/mcp", method: "POST", body: initialize("2025-11-25") };
      const none = await sendPublicly({ ...sent, headers: jsonHeaders });
      expect([none.status, none.headers["www-authenticate"]])
        .toEqual([401, 'Bearer realm="mcp-wrapper"']);
      const authorization = `Bearer mcpk_${"A".repeat(43)}`;
      const wrong = await sendPublicly({ ...sent, headers: { ...jsonHeaders, authorization } });
      expect([wrong.status, wrong.headers["www-authenticate"]])
        .toEqual([401, 'Bearer realm="mcp-wrapper", error="invalid_token"']);
      // The name that is public, with or without its port, and no other.
      for (const [host, status] of [[publicName, 200], [`${publicName}:${port}`, 200]] as const) {
        const page = await sendPublicly({ port, path: "/", headers: { host } });
        expect([host, page.status, page.text.includes(`${publicUrl(port)}/mcp`)])
          .toEqual([host, status, true]);
      }
      const foreign = await sendPublicly({ port, path: "/mcp", headers: { host: "evil.test" } });
      expect(foreign.text).not.toContain(publicName);
    }, testMs);

    test("the 401 leads to metadata whose URLs are all public and work", async () => {
      const { port } = await open(kind, (public_) => ({
        MCP_PUBLIC_URL: publicUrl(public_),
        MCP_TRUSTED_PROXIES: "127.0.0.1",
        MCP_AUTH: "oauth,key",
      }));
      const base = publicUrl(port);
      const readJson = async (url: string) => {
        expect(url.startsWith(`${base}/`)).toBe(true);
        const { status, text } = await sendPublicly({ port, path: url.slice(base.length) });
        expect([url, status]).toEqual([url, 200]);
        return JSON.parse(text);
      };
      for (const path of ["/mcp", "/servers/kid/mcp"]) {
        const body = initialize("2025-11-25");
        const sent = { port, path, method: "POST", headers: jsonHeaders, body };
        const { status, headers } = await sendPublicly(sent);
        expect(status).toBe(401);
        const challenge = String(headers["www-authenticate"]);
        const metadata = await readJson(/resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? "");
        expect(metadata).toMatchObject({
          resource: `${base}${path}`,
          authorization_servers: [base],
        });
      }
      const server = await readJson(`${base}/.well-known/oauth-authorization-server`);
      expect(server.issuer).toBe(base);
      const urls = Object.values(server).filter((value) => /^https?:/.test(String(value)));
      expect(urls.filter((url) => !String(url).startsWith(base))).toEqual([]);
    }, testMs);

    test("without a public URL, https is believed of a trusted proxy alone", async () => {
      const shown = async (proxies: string) => {
        const { port } = await open(kind, () => ({
          MCP_TRUSTED_PROXIES: proxies,
          MCP_ALLOWED_HOSTS: publicName,
          MCP_ALLOW_UNAUTHENTICATED: "true",
        }));
        const { text } = await sendPublicly({ port, path: "/", headers: { accept: "text/plain" } });
        return { url: /https?:\/\/\S+\/mcp/.exec(text)?.[0], port };
      };
      const trusted = await shown("127.0.0.1");
      const authority = kind.keepsPort ? `${publicName}:${trusted.port}` : publicName;
      expect(trusted.url).toBe(`https://${authority}/mcp`);
      expect((await shown("10.9.9.9")).url).toMatch(/^http:/);
    }, testMs);
  });
}
