/** How server cards and the AI catalog are served: entity tags, caching, and pages of any origin. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConfigError } from "../../src/config/config_error.ts";
import type { JsonObject } from "../../src/model.ts";
import { type CardGateway, openCards } from "../support/card_gateway.ts";

const catalog = "/.well-known/ai-catalog.json";
const card = "/servers/files/mcp/server-card";
const documents = [catalog, "/mcp/server-card", card];
const said: Record<string, JsonObject> = {};
let one: CardGateway;

beforeAll(async () => {
  const mcpServers = { files: { echo: true, card: "public" }, kept: { echo: true } };
  one = await openCards({ file: { mcpServers, card: "public" }, said });
});
afterAll(() => one.close());

describe("a card or the catalog", () => {
  test("has an entity tag, and is not sent to a client that has it", async () => {
    for (const path of documents) {
      const first = await one.fetch(path);
      const etag = first.headers.get("etag") ?? "";
      expect(etag).toMatch(/^"[0-9a-f]{64}"$/);
      await first.text();
      const lists = [etag, `W/${etag}`, `"other", ${etag}`, "*"];
      for (const list of lists) {
        const again = await one.fetch(path, { headers: { "if-none-match": list } });
        expect([path, list, again.status, again.headers.get("etag"), await again.text()])
          .toEqual([path, list, 304, etag, ""]);
        expect(again.headers.get("access-control-allow-origin")).toBe("*");
      }
      for (const list of ["", '"other"', etag.replaceAll('"', "")]) {
        const again = await one.fetch(path, { headers: { "if-none-match": list } });
        expect([path, list, again.status]).toEqual([path, list, 200]);
      }
    }
  });

  test("has another tag as soon as the server describes itself otherwise", async () => {
    const tags = new Set<string | null>();
    for (const description of ["Reads files", "Reads and writes files"]) {
      said["files"] = { name: "files", version: "1.0.0", description };
      const response = await one.fetch(card);
      tags.add(response.headers.get("etag"));
      expect(await response.text()).toContain(`"description":"${description}"`);
    }
    delete said["files"];
    tags.add((await one.fetch(card)).headers.get("etag"));
    expect(tags.size).toBe(3);
  });

  test("answers HEAD like GET, without the body", async () => {
    for (const path of documents) {
      const [whole, head] = [await one.fetch(path), await one.fetch(path, { method: "HEAD" })];
      expect(await head.text()).toBe("");
      expect(await whole.text()).not.toBe("");
      for (const name of ["content-type", "etag", "cache-control", "access-control-allow-origin"]) {
        expect([path, name, head.headers.get(name)]).toEqual([path, name, whole.headers.get(name)]);
      }
    }
  });

  test("may be kept by caches where every client gets the same", async () => {
    const kept = "/servers/kept/mcp/server-card";
    const caching = [];
    for (const path of [card, kept, catalog]) {
      const { headers } = await one.fetch(path);
      caching.push([headers.get("cache-control"), headers.get("vary")]);
    }
    const own = ["private, no-cache", "Authorization, Origin"];
    expect(caching).toEqual([["public, max-age=60", null], own, own]);
  });

  test("is readable by scripts of every origin, with its tag, and without a cookie", async () => {
    for (const path of documents) {
      for (const origin of ["https://elsewhere.example", "null", "http://localhost:8999"]) {
        const { status, headers } = await one.fetch(path, { headers: { origin } });
        expect([path, origin, status, headers.get("access-control-allow-origin")])
          .toEqual([path, origin, 200, "*"]);
        expect(headers.get("access-control-expose-headers")).toContain("ETag");
        expect(headers.get("access-control-allow-credentials")).toBeNull();
      }
    }
  });

  test("lets a browser ask first, which reveals no server", async () => {
    const answers = new Set<string>();
    for (const path of [...documents.slice(1), "/servers/none/mcp/server-card"]) {
      const { status, headers } = await one.fetch(path, {
        method: "OPTIONS",
        headers: { origin: "https://elsewhere.example", "access-control-request-method": "GET" },
      });
      const names = headers.get("access-control-allow-headers") ?? "";
      answers.add(JSON.stringify([
        status,
        headers.get("access-control-allow-origin"),
        headers.get("access-control-allow-methods"),
        ["if-none-match", "authorization"].every((name) => names.includes(name)),
      ]));
    }
    expect([...answers]).toEqual(['[204,"*","GET, HEAD, OPTIONS",true]']);
  });

  test("knows GET and HEAD alone", async () => {
    for (const path of documents) {
      const { status, headers } = await one.fetch(path, { method: "POST" });
      expect([path, status, headers.get("allow")]).toEqual([path, 405, "GET, HEAD, OPTIONS"]);
    }
  });
});

describe('"card" in mcp.json', () => {
  test("takes nothing but public, and says so", async () => {
    const mcpServers = { files: { echo: true } };
    for (const [value, got] of [["open", '"open"'], [true, "a boolean"]] as const) {
      const opened = openCards({ file: { mcpServers, card: value } });
      await expect(opened).rejects.toThrow(ConfigError);
      await expect(opened).rejects.toThrow(`: expected "public", got ${got}`);
    }
    const broken = await openCards({
      file: { mcpServers: { files: { echo: true, card: "open" } } },
    });
    const { servers } = await (await broken.fetch("/health")).json() as {
      servers: { state: string }[];
    };
    expect(servers.map(({ state }) => state)).toEqual(["failed"]);
    await broken.close();
  });
});
