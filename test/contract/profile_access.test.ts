/**
 * Who may use a profile: it is a protected resource of its own, keys for some servers reach only
 * those, and its card is for its clients, or for all where it says so.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { type CardGateway, cardOf, listedBy, openCards } from "../support/card_gateway.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import {
  base,
  knock,
  logIn,
  type OAuthGateway,
  openOAuthGateway,
  openSession,
} from "../support/oauth_gateway.ts";
import { lastOf } from "../support/own_tables.ts";

const at = (name: string) => `/profiles/${name}/mcp`;
const profiles = { work: { servers: ["child"] }, "two words": { servers: ["child"] } };

describe("where clients log in", () => {
  let opened: OAuthGateway;
  let hiding: OAuthGateway;
  beforeAll(async () => {
    opened = await openOAuthGateway({ profiles });
    hiding = await openOAuthGateway({
      profiles,
      settings: { discovery: { "/profiles/work": false } },
    });
  }, 60_000);
  afterAll(async () => {
    await opened.close();
    await hiding.close();
  }, 60_000);
  const wellKnown = "/.well-known/oauth-protected-resource";
  const read = async (path: string, { fetch }: OAuthGateway = opened) => {
    const response = await fetch(`${base}${path}`);
    return { status: response.status, ...await response.json() as JsonObject };
  };

  test("each endpoint of a profile is a resource, whose metadata its challenge names", async () => {
    const paths = [at("work"), at("two%20words"), "/profiles/work/sse", at("no-such")];
    for (const path of paths) {
      expect(await read(`${wellKnown}${path}`)).toMatchObject({
        status: 200,
        resource: `${base}${path}`,
        authorization_servers: [base],
      });
      expect(await read(`${path}${wellKnown}`)).toMatchObject({ resource: `${base}${path}` });
      const challenge = await opened.fetch(`${base}${path}`);
      await challenge.text();
      expect([path, challenge.status]).toEqual([path, 401]);
      expect(challenge.headers.get("www-authenticate"))
        .toContain(`resource_metadata="${base}${wellKnown}${path}"`);
    }
  });

  test("a token for a profile is good there and nowhere else", async () => {
    const { access } = await logIn(opened, { resource: `${base}${at("work")}` });
    const statuses = [];
    const paths = [at("work"), "/profiles/work/messages", at("two%20words"), "/mcp"];
    for (const path of [...paths, "/servers/child/mcp"]) {
      statuses.push([path, (await knock(opened, access, path)).status === 401]);
    }
    expect(statuses).toEqual([
      [at("work"), false],
      ["/profiles/work/messages", false],
      [at("two%20words"), true],
      ["/mcp", true],
      ["/servers/child/mcp", true],
    ]);
    expect((await openSession(opened, access, at("work"))).status).toBe(200);
  });

  test("a token for another URL is refused there; one for the whole gateway is not", async () => {
    for (const path of ["/mcp", "/servers/child/mcp", at("two%20words")]) {
      const { access } = await logIn(opened, { resource: `${base}${path}` });
      expect([path, (await knock(opened, access, at("work"))).status]).toEqual([path, 401]);
    }
    const { access } = await logIn(opened, { resource: base });
    expect((await openSession(opened, access, at("two%20words"))).status).toBe(200);
  });

  test("clients of a profile do not find the log-in where it is hidden from them", async () => {
    expect((await read(`${wellKnown}${at("work")}`, hiding)).status).toBe(404);
    expect((await read(`${wellKnown}${at("two%20words")}`, hiding)).status).toBe(200);
  });
});

describe("a key", () => {
  test("for some servers reaches those of a profile alone", async () => {
    const { gateway, fetch, close } = await openOAuthGateway({
      kinds: ["key", "oauth"],
      servers: { files: hostileCommand(), vault: hostileCommand() },
      profiles: { both: { servers: ["files", "vault"] }, secret: { servers: ["vault"] } },
    });
    const { key } = await gateway.access.keys.add({ name: "ci", servers: ["files"] });
    const send = (path: string, body: unknown, session = "") =>
      fetch(`${base}${path}`, {
        method: "POST",
        headers: {
          ...jsonHeaders,
          authorization: `Bearer ${key}`,
          ...(session && { "mcp-session-id": session }),
        },
        body: JSON.stringify(body),
      });
    const first = await send(at("both"), initialize("2025-11-25"));
    await first.text();
    const session = first.headers.get("mcp-session-id") ?? "";
    const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
    const { result } = await lastOf(await send(at("both"), list, session));
    const names = (result as { tools: JsonObject[] }).tools.map(({ name }) => String(name));
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !name.startsWith("files__"))).toEqual([]);
    const [hidden, unknown] = await Promise.all(["secret", "no-such"].map(async (name) => {
      const response = await send(at(name), initialize("2025-11-25"));
      return [response.status, (await response.text()).replace("no-such", "secret")];
    }));
    expect(hidden).toEqual(unknown);
    expect(hidden?.[0]).toBe(404);
    await close();
  }, 60_000);
});

describe("the card of a profile", () => {
  let open: CardGateway | undefined;
  afterEach(() => open?.close());
  const card = (name: string) => `${at(name)}/server-card`;
  const mcpServers = { files: { echo: true }, other: { echo: true } };
  const file = {
    mcpServers,
    profiles: {
      shown: { servers: ["files"], card: "public", description: "Reads\nfiles of the team" },
      kept: { servers: ["files"] },
      wrong: { servers: 5, card: "public" },
    },
  };

  test("says what the profile is for, and nothing of its servers", async () => {
    const said = { files: { name: "com.example/files", version: "9.9.9", title: "Files" } };
    open = await openCards({ file, said });
    const { name, title, description, remotes, version } = await cardOf(
      await open.fetch(card("shown")),
    );
    expect({ name, title, description, url: remotes[0]?.url }).toEqual({
      name: "localhost/profiles.shown",
      title: "shown",
      description: "Reads files of the team",
      url: "http://localhost:8999/profiles/shown/mcp",
    });
    expect(version).not.toBe("9.9.9");
    const kept = await cardOf(await open.fetch(card("kept")));
    expect([kept.title, kept.description.includes("gateway")]).toEqual(["kept", true]);
  });

  test("is for its clients, or for all if it is public, and the catalog lists it likewise", async () => {
    open = await openCards({ file, auth: "key" });
    const statuses = async (headers: Record<string, string> = {}) =>
      await Promise.all(
        ["shown", "kept", "wrong"].map(async (name) =>
          (await open?.fetch(card(name), { headers }))?.status
        ),
      );
    expect(await statuses()).toEqual([200, 401, 401]);
    const catalog = "/.well-known/ai-catalog.json";
    expect(await listedBy(await open.fetch(catalog))).toEqual([card("shown")]);
    const { key } = await open.gateway.access.keys.add({ name: "ann" });
    const headers = { authorization: `Bearer ${key}` };
    expect(await statuses(headers)).toEqual([200, 200, 404]);
    expect(await listedBy(await open.fetch(catalog, { headers }))).toEqual([
      "/mcp/server-card",
      "/servers/files/mcp/server-card",
      "/servers/other/mcp/server-card",
      card("shown"),
      card("kept"),
    ]);
    await open.reload({ mcpServers, profiles: { kept: file.profiles.kept } });
    expect(await statuses(headers)).toEqual([404, 200, 404]);
  });
});
