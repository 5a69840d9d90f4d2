/** What a server card says (SEP-2127), and what the gateway leaves out of it. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  type CardGateway,
  type CardGatewayOptions,
  cardOf,
  openCards,
} from "../support/card_gateway.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { until } from "../support/wait.ts";
import { hostileCommand } from "../fault/hostile_command.ts";

const allCard = "/mcp/server-card";
const cardAt = (name: string) => `/servers/${name}/mcp/server-card`;
const echo = { echo: true };

let open: CardGateway[] = [];
afterEach(async () => {
  for (const one of open) await one.close();
  open = [];
}, 60_000);

async function start(options: CardGatewayOptions): Promise<CardGateway> {
  const one = await openCards(options);
  open.push(one);
  return one;
}

describe("what a card says", () => {
  const full = {
    name: "com.example/files",
    title: "Files\u0007 of\n the team",
    version: "2.1.0",
    description: "Reads and writes files",
    websiteUrl: "https://files.example/",
    icons: [
      { src: "https://files.example/icon.png", mimeType: "image/png", sizes: ["48x48"] },
      { src: "javascript:alert(1)" },
    ],
    secret: "not a member of a card",
  };

  test("a server's card says what the server says of itself, and starts nothing for it", async () => {
    const one = await start({
      file: { mcpServers: { files: echo, other: echo } },
      said: { files: full },
    });
    const response = await one.fetch(cardAt("files"));
    expect(response.headers.get("content-type")).toBe("application/mcp-server-card+json");
    expect(await cardOf(response)).toEqual({
      $schema: "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json",
      name: "com.example/files",
      version: "2.1.0",
      title: "Files of the team",
      description: "Reads and writes files",
      websiteUrl: "https://files.example/",
      icons: [{ src: "https://files.example/icon.png", mimeType: "image/png", sizes: ["48x48"] }],
      remotes: [{
        type: "streamable-http",
        url: "http://localhost:8999/servers/files/mcp",
        supportedProtocolVersions: [
          "2026-07-28",
          "2025-11-25",
          "2025-06-18",
          "2025-03-26",
          "2024-11-05",
        ],
      }],
    });
    const { name, title, version, remotes } = await cardOf(await one.fetch(allCard));
    expect({ name, title, url: remotes[0]?.url }).toEqual({
      name: "localhost/mcp",
      title: "mcp-wrapper",
      url: "http://localhost:8999/mcp",
    });
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect([...one.servers.values()].map(({ opened, trials }) => [opened.length, trials]))
      .toEqual([[0, 0], [0, 0]]);
  });

  test("odd and long texts of a server keep to the schema", async () => {
    const long = "é".repeat(5_000);
    const odd = [
      { name: long, title: long, version: long, description: long, websiteUrl: long, icons: long },
      { name: "", title: "", version: "", description: "\u0000 \n" },
      { name: 1, title: {}, version: null, description: [], websiteUrl: "ftp://x", icons: [1] },
      { name: "a/b/c", version: "1", websiteUrl: "javascript:alert(1)" },
    ];
    for (const files of odd) {
      const one = await start({
        file: { mcpServers: { files: echo, other: echo } },
        said: { files: files as never },
      });
      const card = await cardOf(await one.fetch(cardAt("files")));
      expect([card.name, card.websiteUrl, card.icons])
        .toEqual(["localhost/servers.files", undefined, undefined]);
    }
  });

  test("a server that has not described itself is marked, until it is used", async () => {
    const one = await start({ file: { mcpServers: { child: hostileCommand() } } });
    const before = await one.fetch(cardAt("child"));
    const unknown = await cardOf(before);
    expect([unknown.version, unknown.title, unknown._meta])
      .toEqual(["unknown", "child", { "mcp-wrapper/unknown": true }]);
    expect(unknown.description).toContain("Not known yet");
    expect(await (await one.fetch("/health")).text()).toContain('"state":"idle"');
    const used = await one.gateway.fetch(
      new Request("http://localhost:8999/servers/child/mcp", {
        method: "POST",
        headers: { host: "localhost:8999", ...jsonHeaders },
        body: JSON.stringify(initialize("2025-11-25")),
      }),
    );
    await used.text();
    const headers = { "if-none-match": before.headers.get("etag") ?? "" };
    const after = await until("another card", async () => {
      const again = await one.fetch(cardAt("child"), { headers });
      return again.status === 200 && again;
    });
    const known = await cardOf(after);
    expect([known.version, known.title, known._meta]).toEqual([
      "1.0.0",
      "hostile-child",
      undefined,
    ]);
  }, 60_000);

  test("the card of a gateway with one server has that server's title and icons, as /mcp has", async () => {
    const one = await start({ file: { mcpServers: { files: echo } }, said: { files: full } });
    const card = await cardOf(await one.fetch(allCard));
    expect([card.name, card.title, card.description, card.icons?.length])
      .toEqual(["localhost/mcp", "Files of the team", "Reads and writes files", 1]);
    expect(card.version).not.toBe("2.1.0");
  });

  test("its URLs and name follow the public URL, and a proxy's word on https", async () => {
    const file = { card: "public", mcpServers: { files: echo } };
    const gateway = { host: "gateway.example.com" };
    const published = await start({
      file,
      auth: "key",
      env: { MCP_PUBLIC_URL: "https://gateway.example.com/team" },
    });
    const card = await cardOf(await published.fetch(allCard, { headers: gateway }));
    expect([card.name, card.remotes[0]?.url])
      .toEqual(["com.example.gateway/team", "https://gateway.example.com/team/mcp"]);
    expect(card.remotes[0]?.headers?.map(({ name, value, isSecret }) => [name, value, isSecret]))
      .toEqual([["Authorization", "Bearer {key}", true]]);

    const proxied = await start({
      file,
      auth: "key",
      env: { MCP_TRUSTED_PROXIES: "10.0.0.0/8", MCP_ALLOWED_HOSTS: "gateway.example.com" },
    });
    const headers = { ...gateway, "x-forwarded-proto": "https" };
    for (const [peer, scheme] of [["10.0.0.1", "https"], ["192.0.2.1", "http"]] as const) {
      const { remotes } = await cardOf(await proxied.fetch(allCard, { headers, peer }));
      expect([peer, remotes[0]?.url]).toEqual([peer, `${scheme}://gateway.example.com/mcp`]);
    }
  });
});
