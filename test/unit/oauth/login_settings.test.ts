/** `auth.oauth.login`: which settings are taken, and what is said of others. */
import { describe, expect, test } from "bun:test";
import { readOAuthSettings } from "../../../src/oauth/oauth_settings.ts";

const openid = { issuer: "https://id.example.com", clientId: "gateway", allow: "*" } as const;
const read = (more: object) => readOAuthSettings({ login: { openid: { ...openid, ...more } } });

describe("the settings of log-ins", () => {
  test("name a provider, its claims and who may log in", async () => {
    expect((await readOAuthSettings({})).login).toEqual({});
    expect((await read({})).login).toEqual({
      openid: {
        ...openid,
        scopes: ["openid", "profile", "email"],
        claims: { id: "sub" },
      },
    });
    const whole = {
      issuer: "http://127.0.0.1:8080/realms/one",
      clientId: "c",
      clientSecret: "s",
      scopes: ["openid"],
      claims: { id: "email", roles: "r", groups: "g" },
      allow: { ids: [], emails: [], domains: ["example.com"], groups: [] },
    };
    expect((await read(whole)).login.openid).toEqual(whole);
  });

  test("are refused with the key and what was expected", async () => {
    const rows = [
      [{ issuer: "http://id.example.com" }, "issuer", "an https URL"],
      [{ issuer: "https://user:x@id.example.com" }, "issuer", "an https URL"],
      [{ issuer: "https://id.example.com/?x=1" }, "issuer", "an https URL"],
      [{ clientId: "" }, "clientId", ""],
      [{ allow: undefined }, "allow", '"*", or an object'],
      [{ allow: "all" }, "allow", '"*", or an object'],
      [{ allow: {} }, "allow", '"*", or an object'],
      [{ allow: { domain: ["example.com"] } }, "allow", ""],
      [{ claims: { name: "x" } }, "claims", ""],
      [{ secret: "x" }, "secret", ""],
    ] as const;
    for (const [more, key, expected] of rows) {
      await expect(read(more)).rejects.toThrow(`auth.oauth.login.openid.${key}`);
      await expect(read(more)).rejects.toThrow(expected);
    }
  });
});
