/** `auth.oauth` of `mcp.json`: what is accepted, and how a fault is explained. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/model.ts";
import { readOAuthSettings } from "../../../src/oauth/oauth_settings.ts";

const problemOf = (settings: JsonObject) =>
  readOAuthSettings(settings).then(() => undefined, (thrown: Error) => thrown.message);

describe("the settings of the authorization server", () => {
  test("have a default each", async () => {
    const settings = await readOAuthSettings({});
    expect(settings).toMatchObject({
      accessTokenMs: 86_400_000,
      refreshTokenMs: 7_776_000_000,
      registration: "open",
      hidesSurfaces: false,
      assertionIssuers: [],
    });
    expect(settings.isDiscoverable("/mcp")).toBe(true);
  });

  test("hide the surfaces that they name, or all", async () => {
    const some = await readOAuthSettings({ discovery: { "/servers/x": false, "/mcp": true } });
    expect(["/servers/x", "/mcp", "/servers/y"].map(some.isDiscoverable)).toEqual([
      false,
      true,
      true,
    ]);
    expect((await readOAuthSettings({ discovery: false })).isDiscoverable("/mcp")).toBe(false);
  });

  test("keep no secret of a client as text", async () => {
    const { clients } = await readOAuthSettings({
      clients: [{ id: "c", secret: "s3cret", redirectUris: ["https://a.example/cb"] }],
    });
    expect(JSON.stringify([...clients])).not.toContain("s3cret");
    expect(clients.get("c")).toMatchObject({ authentication: "secret", isTrusted: true });
  });

  const client = (more: JsonObject) => ({ clients: [{ id: "c", ...more }] });
  const faults: [JsonObject, string][] = [
    [{ accessTokenSecond: 60 }, 'did you mean "accessTokenSeconds"?'],
    [
      { accessTokenSeconds: 1 },
      "auth.oauth.accessTokenSeconds in mcp.json: expected whole seconds",
    ],
    [{ refreshTokenDays: 0 }, "expected whole days from 1 to 366"],
    [{ registration: "closed" }, 'expected "open" or "off"'],
    [{ discovery: { "/mcp": "no" } }, "auth.oauth.discovery"],
    [client({}), '"authorization_code" needs redirectUris'],
    [client({ redirectUris: ["http://a.example/"] }), "auth.oauth.clients[0].redirectUris[0]"],
    [client({ grants: ["client_credentials"] }), "needs secret, jwks or jwksUri"],
    [client({ grants: ["password"] }), "auth.oauth.clients[0].grants[0]"],
    [client({ secret: "s", jwksUri: "https://a.example/k" }), "expected secret or jwks, not both"],
    [{ clients: [{ id: "https://a.example/c" }] }, "an id that is a URL belongs to"],
    [{ assertionIssuers: [{ issuer: "http://a.example" }] }, "auth.oauth.assertionIssuers[0]"],
  ];
  for (const [settings, words] of faults) {
    test(`say what is wrong with ${JSON.stringify(settings)}`, async () => {
      expect(await problemOf(settings)).toContain(words);
    });
  }
});
