/**
 * Server cards where clients log in: where a client without a token is sent, and what a token for one
 * server opens.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hostileCommand } from "../fault/hostile_command.ts";
import { listedBy } from "../support/card_gateway.ts";
import { base, logIn, type OAuthGateway, openOAuthGateway } from "../support/oauth_gateway.ts";

const catalog = "/.well-known/ai-catalog.json";
const cardAt = (name: string) => `/servers/${name}/mcp/server-card`;

let opened: OAuthGateway;
beforeAll(async () => {
  const servers = {
    one: hostileCommand(),
    two: { ...hostileCommand(), card: "public" },
  };
  opened = await openOAuthGateway({ servers });
}, 60_000);
afterAll(() => opened.close());

const read = (path: string, token?: string) =>
  opened.fetch(`${base}${path}`, token === undefined ? {} : bearer(token));
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe("a client that logs in", () => {
  test("is sent to the metadata of the endpoint, which is there", async () => {
    for (const endpoint of ["/mcp", "/servers/one/mcp"]) {
      const { status, headers } = await read(`${endpoint}/server-card`);
      const url = /resource_metadata="([^"]+)"/.exec(headers.get("www-authenticate") ?? "")?.[1];
      expect([status, url])
        .toEqual([401, `${base}/.well-known/oauth-protected-resource${endpoint}`]);
      expect((await opened.fetch(url ?? "")).status).toBe(200);
    }
    expect((await read(cardAt("two"))).status).toBe(200);
    expect(await listedBy(await read(catalog))).toEqual([cardAt("two")]);
  });

  test("reads every card with a token for the whole gateway", async () => {
    const { access } = await logIn(opened, { resource: base });
    expect(await listedBy(await read(catalog, access)))
      .toEqual(["/mcp/server-card", cardAt("one"), cardAt("two")]);
    for (const path of ["/mcp/server-card", cardAt("one")]) {
      expect([path, (await read(path, access)).status]).toEqual([path, 200]);
    }
  });

  test("finds in the catalog only cards that a token for one URL opens", async () => {
    const { access } = await logIn(opened, { resource: `${base}/mcp` });
    expect(await listedBy(await read(catalog, access)))
      .toEqual(["/mcp/server-card", cardAt("two")]);
    expect((await read(cardAt("one"), access)).status).toBe(401);
  });

  test("reads one server's card with that server's token, but not the catalog", async () => {
    const { access } = await logIn(opened, { resource: `${base}/servers/one/mcp` });
    const statuses = [];
    for (const path of [cardAt("one"), cardAt("two"), "/mcp/server-card", catalog]) {
      statuses.push((await read(path, access)).status);
    }
    expect(statuses).toEqual([200, 200, 401, 401]);
  });
});
