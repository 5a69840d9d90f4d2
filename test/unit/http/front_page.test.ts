/** The page at the gateway's URL, in a browser or with curl. */
import { describe, expect, test } from "bun:test";
import { createHarness } from "../../support/http_harness.ts";

const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const remote = { host: "gateway.example:8999" };
const config = { allowedHosts: ["gateway.example"] };

describe("the front page", () => {
  test("a browser at / reads what this is, and how each client connects to this very URL", async () => {
    const { send } = createHarness({ config });
    for (const host of ["localhost:8999", "gateway.example:8999"]) {
      const response = await send("GET", "/", { headers: { ...browser, host } });
      expect([response.status, response.headers.get("content-type")])
        .toEqual([200, "text/html; charset=utf-8"]);
      const page = await response.text();
      expect(page).toContain("gateway for the Model Context Protocol");
      expect(page).toContain(`<span class="url">http://${host}/mcp</span>`);
      for (const client of ["Claude Desktop", "Claude Code", "Cursor", "VS Code"]) {
        expect(page).toContain(`<h2>${client} `);
      }
      expect(page).toContain(`claude mcp add --transport http mcp-wrapper http://${host}/mcp`);
      expect(page).toContain(`<a href="http://${host}/health">`);
    }
  });

  test("the settings that it shows can be pasted: JSON that names the URL", async () => {
    const { send } = createHarness({ config });
    for (const headers of [{}, remote]) {
      const text = await (await send("GET", "/", { headers })).text();
      const url = /^http:\S+\/mcp$/m.exec(text)?.[0];
      const settings = [...text.matchAll(/^\{[^]*?^\}.*$/gm)].map(([json]) => JSON.parse(json));
      const isRemote = headers === remote;
      expect(settings).toEqual([
        {
          mcpServers: {
            "mcp-wrapper": {
              command: "npx",
              args: ["-y", "mcp-remote", url, ...(isRemote ? ["--allow-http"] : [])],
            },
          },
        },
        { mcpServers: { "mcp-wrapper": { url } } },
        { servers: { "mcp-wrapper": { type: "http", url } } },
      ]);
    }
  });

  test("curl at / reads the same as plain text", async () => {
    const { send } = createHarness();
    for (const headers of [{ accept: "*/*" }, {}]) {
      const response = await send("GET", "/", { headers });
      expect([response.status, response.headers.get("content-type")])
        .toEqual([200, "text/plain; charset=utf-8"]);
      expect(await response.text()).toContain("http://localhost:8999/mcp\n");
    }
    const head = await send("HEAD", "/", { headers: browser });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("where clients must authenticate, one sentence says so, and names no server", async () => {
    const cases: readonly (readonly [kinds: readonly string[], sentence: string])[] = [
      [["oauth"], "Clients log in when they connect."],
      [["jwt"], "Clients log in when they connect."],
      [["key"], "Clients need a key that the operator made for them: add the header"],
      [["key", "oauth"], "Clients log in when they connect, or send a key"],
      [["own"], "Clients must authenticate."],
    ];
    for (const [kinds, sentence] of cases) {
      const { send } = createHarness({ config: { auth: { kinds, settings: {} } } });
      for (const headers of [browser, {}]) {
        const text = await (await send("GET", "/", { headers })).text();
        expect([kinds, text.includes(sentence), /\bfiles\b/.test(text)])
          .toEqual([kinds, true, false]);
      }
    }
    for (const config of [{}, { auth: { kinds: ["none"], settings: {} } }]) {
      const text = await (await createHarness({ config }).send("GET", "/")).text();
      expect(text).not.toMatch(/log in|need a key|authenticate/);
    }
  });

  test("behind a proxy it shows the public URL, and https where a proxy says so", async () => {
    const publicUrl = "https://mcp.example.com/base";
    const proxied = createHarness({ config: { publicUrl } });
    const headers = { ...browser, host: "mcp.example.com" };
    const text = await (await proxied.send("GET", "/", { headers })).text();
    expect(text).toContain(`<span class="url">${publicUrl}/mcp</span>`);
    expect(text).not.toContain("--allow-http");
    const { send } = createHarness({ config: { ...config, trustedProxies: ["10.0.0.0/8"] } });
    const seen = async (scheme: string, remoteAddress: string) => {
      const headers = { ...remote, "x-forwarded-proto": scheme };
      const response = await send("GET", "/", { headers, context: { remoteAddress } });
      return /https?:\/\/gateway.example:8999\/mcp/.exec(await response.text())?.[0];
    };
    expect(await seen("https", "10.1.2.3")).toBe("https://gateway.example:8999/mcp");
    expect(await seen("<b>", "10.1.2.3")).toBe("http://gateway.example:8999/mcp");
    expect(await seen("https", "192.0.2.1")).toBe("http://gateway.example:8999/mcp");
  });

  test("B3 it loads nothing, runs nothing and shows no server, and a foreign Host never sees it", async () => {
    const { send } = createHarness();
    const response = await send("GET", "/", { headers: browser });
    const policy = response.headers.get("content-security-policy") ?? "";
    const nonce = /style-src 'nonce-([^']+)'/.exec(policy)?.[1] ?? "none";
    expect(policy.replace(nonce, "N")).toBe(
      "default-src 'none'; style-src 'nonce-N'; base-uri 'none'; form-action 'none'; " +
        "frame-ancestors 'none'",
    );
    const page = await response.text();
    expect(page).toContain(`<style nonce="${nonce}">`);
    expect(page).not.toMatch(/<script|<img|<link|\son\w+=|url\(|@import|\bfiles\b/i);
    const second = await send("GET", "/", { headers: browser });
    expect(second.headers.get("content-security-policy")).not.toContain(nonce);
    const foreign = await send("GET", "/", { headers: { ...browser, host: "evil.com" } });
    expect(foreign.status).toBe(403);
  });

  test("a URL with markup in it stays text", async () => {
    const publicUrl = "https://mcp.example.com/a'&b";
    const { send } = createHarness({ config: { publicUrl } });
    const headers = { ...browser, host: "mcp.example.com" };
    const page = await (await send("GET", "/", { headers })).text();
    expect(page).toContain("https://mcp.example.com/a&#39;&amp;b/mcp");
    expect(page).not.toContain("/a'&b");
  });
});
