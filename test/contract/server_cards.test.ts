/**
 * Server cards and the AI catalog (SEP-2127): what a client reads of a gateway before it connects,
 * and which clients may read it.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import {
  type CardGateway,
  type CardGatewayOptions,
  cardOf,
  listedBy,
  openCards,
} from "../support/card_gateway.ts";
import { by } from "../support/header_authenticator.ts";
import { until } from "../support/wait.ts";
import { hostileCommand } from "../fault/hostile_command.ts";

const catalog = "/.well-known/ai-catalog.json";
const allCard = "/mcp/server-card";
const cardAt = (name: string) => `/servers/${name}/mcp/server-card`;
const elsewhere = { origin: "https://elsewhere.example" };
const own = { origin: "http://localhost:8999" };
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

/** A gateway with one server whose card is public and one whose card is not. */
const mixed = (auth: string, card?: "public") =>
  start({
    auth,
    file: {
      mcpServers: { shown: { ...echo, card: "public" }, kept: echo },
      ...(card && { card }),
    },
  });

describe("who may read a card", () => {
  /** The credentials of a gateway's client. */
  const credentials: Readonly<Record<string, (one: CardGateway) => Promise<HeadersOf>>> = {
    none: () => Promise.resolve({}),
    people: () => Promise.resolve(by("ann")),
    async key({ gateway }) {
      const { key } = await gateway.access.keys.add({ name: "ann" });
      return { authorization: `Bearer ${key}` };
    },
  };

  test("a public card is for all, any other needs what its endpoint needs", async () => {
    const seen: unknown[] = [];
    const wanted: unknown[] = [];
    for (const [auth, credentialsOf] of Object.entries(credentials)) {
      for (const card of [undefined, "public"] as const) {
        const one = await mixed(auth, card);
        const headers = await credentialsOf(one);
        const refused = auth === "none" ? 200 : 401;
        for (const method of ["GET", "HEAD"]) {
          const statuses = async (from: HeadersOf) => {
            const paths = [allCard, cardAt("shown"), cardAt("kept"), cardAt("absent")];
            const answers = paths.map((path) => one.fetch(path, { method, headers: from }));
            return (await Promise.all(answers)).map(({ status }) => status);
          };
          const all = card === "public" ? 200 : refused;
          seen.push([auth, card, method, "without", await statuses({})]);
          wanted.push([auth, card, method, "without", [
            ...[all, 200, refused],
            auth === "none" ? 404 : 401,
          ]]);
          seen.push([auth, card, method, "with", await statuses(headers)]);
          wanted.push([auth, card, method, "with", [200, 200, 200, 404]]);
        }
      }
    }
    expect(seen).toEqual(wanted);
  });

  test("a refusal tells where the endpoint's credentials come from, and is readable by pages", async () => {
    const one = await mixed("key");
    const refused = await one.fetch(cardAt("kept"), { headers: elsewhere });
    expect([refused.status, refused.headers.get("access-control-allow-origin")])
      .toEqual([401, "*"]);
    expect(refused.headers.get("www-authenticate")).toContain("Bearer");
    const text = await (await one.fetch(cardAt("absent"))).text();
    expect(await refused.text()).toBe(text);
  });

  test("a server that access denies has no card for that principal, as it has no endpoint", async () => {
    const one = await start({
      auth: "people",
      file: {
        mcpServers: { files: echo, mail: echo },
        access: [{ principal: "ann", servers: "files", what: "allow" }],
      },
    });
    const headers = by("ann");
    expect((await one.fetch(cardAt("files"), { headers })).status).toBe(200);
    const hidden = await one.fetch(cardAt("mail"), { headers });
    const unknown = await one.fetch(cardAt("none"), { headers });
    const textOf = async (response: Response) => (await response.text()).replace(/mail|none/g, "X");
    expect([hidden.status, await textOf(hidden)]).toEqual([404, await textOf(unknown)]);
    expect(await listedBy(await one.fetch(catalog, { headers }))).toEqual([
      allCard,
      cardAt("files"),
    ]);
  });

  test("where clients need no credentials, a page of another origin reads public cards alone", async () => {
    const one = await mixed("none");
    const statuses = async (headers: HeadersOf) =>
      await Promise.all(
        [allCard, cardAt("shown"), cardAt("kept"), cardAt("absent")].map(async (path) =>
          (await one.fetch(path, { headers })).status
        ),
      );
    expect(await statuses(elsewhere)).toEqual([403, 200, 403, 403]);
    expect(await statuses(own)).toEqual([200, 200, 200, 404]);
    expect(await listedBy(await one.fetch(catalog, { headers: elsewhere })))
      .toEqual([cardAt("shown")]);
    // Everything else is closed to it, as before.
    expect((await one.fetch("/health", { headers: elsewhere })).status).toBe(403);
    expect((await one.fetch(allCard, { headers: { host: "evil.example" } })).status).toBe(403);
  });

  test("a key opens cards to a page of another origin", async () => {
    const one = await mixed("key");
    const { key } = await one.gateway.access.keys.add({ name: "ann" });
    const headers = { ...elsewhere, authorization: `Bearer ${key}` };
    const card = await one.fetch(cardAt("kept"), { headers });
    expect([card.status, card.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  });

  test("a reload publishes a card, and takes it back", async () => {
    const one = await mixed("key");
    const statusOf = async (path: string) => (await one.fetch(path)).status;
    await one.reload({ card: "public", mcpServers: { shown: echo, kept: echo } });
    expect([await statusOf(allCard), await statusOf(cardAt("shown"))]).toEqual([200, 401]);
    await one.reload({ mcpServers: { shown: echo, kept: { ...echo, card: "public" } } });
    expect([await statusOf(allCard), await statusOf(cardAt("kept"))]).toEqual([401, 200]);
  });
});

describe("the catalog", () => {
  test("names public cards without credentials, and all that the caller may know with them", async () => {
    for (const auth of ["key", "people"]) {
      const one = await mixed(auth);
      const { key } = await one.gateway.access.keys.add({ name: "ann" });
      const headers = auth === "key" ? { authorization: `Bearer ${key}` } : by("ann");
      expect(await listedBy(await one.fetch(catalog))).toEqual([cardAt("shown")]);
      const whole = await one.fetch(catalog, { headers });
      expect(whole.headers.get("content-type")).toBe("application/ai-catalog+json");
      expect(whole.headers.get("cache-control")).toBe("private, no-cache");
      expect(await listedBy(whole)).toEqual([allCard, cardAt("shown"), cardAt("kept")]);
      if (auth === "key") {
        const wrong = { authorization: "Bearer mcpk_wrong" };
        expect((await one.fetch(catalog, { headers: wrong })).status).toBe(401);
      }
    }
  });

  test("each entry leads to the card that it names", async () => {
    const one = await start({
      file: { mcpServers: { "my files": echo, "a/b": echo, [`x${"y".repeat(120)}`]: echo } },
    });
    const { entries } = await (await one.fetch(catalog)).json() as {
      entries: { url: string; identifier: string }[];
    };
    expect(new Set(entries.map(({ identifier }) => identifier)).size).toBe(4);
    const names = new Set<string>();
    for (const { url } of entries) {
      const response = await one.fetch(new URL(url).pathname);
      expect([url, response.status]).toEqual([url, 200]);
      const { name, remotes } = await cardOf(response);
      names.add(name);
      expect(`${remotes[0]?.url}/server-card`).toBe(url);
    }
    expect(names.size).toBe(4);
  });
});

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

type HeadersOf = Readonly<Record<string, string>>;
