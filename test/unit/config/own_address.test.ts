/** Servers that lead back to the gateway itself are refused, by whichever name; all others are not. */
import { describe, expect, test } from "bun:test";
import type { OwnAddress } from "../../../src/config/own_address.ts";
import { isOwnUrl } from "../../../src/config/own_address.ts";
import { failed, http, own, read, readOne, start, stdio } from "./read.ts";

const local: OwnAddress = { host: "localhost", port: 8999 };
const everywhere: OwnAddress = { host: "0.0.0.0", port: 8999 };
const proxied: OwnAddress = { ...local, publicUrl: "https://mcp.example.com/base" };

describe("a URL of the gateway itself", () => {
  const cases: readonly (readonly [string, OwnAddress])[] = [
    ["http://localhost:8999/mcp", local],
    ["http://LOCALHOST:8999/sse", local],
    ["http://localhost.:8999/mcp", local],
    ["http://127.0.0.1:8999/servers/files/mcp", local],
    ["http://127.1:8999/mcp", local],
    ["http://[::1]:8999/mcp", local],
    ["http://[::ffff:127.0.0.1]:8999/mcp", local],
    ["http://0.0.0.0:8999/mcp", local],
    ["http://gateway.localhost:8999/mcp", local],
    ["http://localhost:8999/mcp?a=b", everywhere],
    ["http://localhost:8999", { host: "::", port: 8999 }],
    ["http://localhost/mcp", { host: "localhost", port: 80 }],
    ["http://192.168.1.5:8999/mcp", { host: "192.168.1.5", port: 8999 }],
    ["http://[fd00::5]:8999/mcp", { host: "fd00::5", port: 8999 }],
    ["https://mcp.example.com/base/mcp", proxied],
    ["https://MCP.example.com:443/base", proxied],
    ["https://mcp.example.com/base/servers/files/mcp", proxied],
    ["https://mcp.example.com/sse", { ...local, publicUrl: "https://mcp.example.com" }],
    ["http://localhost:8999/mcp", proxied],
  ];
  for (const [url, address] of cases) {
    test(`${url} at ${address.host}`, () => expect(isOwnUrl(url, address)).toBe(true));
  }
});

describe("a URL of something else", () => {
  const cases: readonly (readonly [string, OwnAddress])[] = [
    ["http://localhost:8998/mcp", local],
    ["http://localhost/mcp", local],
    ["http://192.168.1.5:8999/mcp", local],
    ["http://localhost.example.com:8999/mcp", local],
    ["http://localhost:8999/mcp", { host: "192.168.1.5", port: 8999 }],
    ["http://localhost:8999/mcp", { host: "localhost", port: 0 }],
    ["https://mcp.example.com/other/mcp", proxied],
    ["https://mcp.example.com/basement", proxied],
    ["https://mcp.example.com/basemcp", proxied],
    ["https://mcp.example.com/base/elsewhere/mcp", proxied],
    ["https://other.example.com/base/mcp", proxied],
    ["no URL", local],
  ];
  for (const [url, address] of cases) {
    test(`${url} at ${address.host}`, () => expect(isOwnUrl(url, address)).toBe(false));
  }
});

describe("a server that leads back to the gateway", () => {
  const sentence =
    "leads back to this gateway, which cannot be a server of its own; give the URL " +
    "of the server itself, or remove this one";

  test("is refused with a sentence, and the others start", async () => {
    const config = await read({
      mcpServers: {
        loop: { url: "http://localhost:8999/mcp" },
        far: { url: "https://example.com/mcp" },
      },
    });
    expect(failed(config, "loop").problem).toBe(`mcpServers.loop.url in mcp.json: ${sentence}`);
    expect(http(config, "far").url).toBe("https://example.com/mcp");
  });

  test("is refused by each name that a URL may have", async () => {
    for (const key of ["url", "serverUrl", "httpUrl"]) {
      const { problem } = failed(await readOne({ [key]: "http://127.0.0.1:8999/sse" }));
      expect(problem).toBe(`mcpServers.files.${key} in mcp.json: ${sentence}`);
    }
  });

  test("is refused through a program that relays a URL", async () => {
    const commands: readonly (readonly string[])[] = [
      ["npx", "-y", "mcp-remote", "http://localhost:8999/mcp"],
      ["bunx", "mcp-remote@latest", "http://127.0.0.1:8999/servers/files/mcp", "--allow-http"],
      ["uvx", "mcp-proxy", "--transport=streamablehttp", "http://[::1]:8999/mcp"],
      ["npx", "-y", "supergateway", "--sse=http://localhost:8999/sse"],
      ["sh", "-c", "exec npx -y mcp-remote http://localhost:8999/mcp"],
    ];
    for (const [command, ...args] of commands) {
      const { problem } = failed(await readOne({ command, args }));
      expect(problem).toMatch(/^mcpServers\.files\.args\[\d\] in mcp\.json: leads back/);
    }
  });

  test("is accepted if a program relays another gateway", async () => {
    const args = ["-y", "mcp-remote", "http://localhost:9000/mcp"];
    expect(stdio(await readOne({ command: "npx", args })).args).toEqual(args);
  });

  test("is recognised by the gateway's environment", async () => {
    const at = (url: string) => ({
      "/srv/mcp.json": JSON.stringify({ mcpServers: { loop: { url } } }),
    });
    const elsewhere = {
      MCP_PUBLIC_URL: "https://mcp.example.com",
      MCP_ALLOW_UNAUTHENTICATED: "true",
    };
    const cases = [
      [{ MCP_PORT: "9100" }, "http://localhost:9100/mcp", "failed"],
      [{ MCP_PORT: "9100" }, "http://localhost:8999/mcp", "http"],
      [elsewhere, "https://mcp.example.com/mcp", "failed"],
    ] as const;
    for (const [env, url, kind] of cases) {
      const { config } = await start(env, at(url));
      expect([url, config.servers[0]?.kind]).toEqual([url, kind]);
    }
    expect(own.port).toBe(8999);
  });
});
