/**
 * The JSON Schema of `mcp.json` for editors accepts what the gateway accepts, key by key, and explains
 * every key.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Schema, Validator } from "@cfworker/json-schema";
import * as v from "valibot";
import { readJwtSettings } from "../../../src/auth/jwt_settings.ts";
import { readAccessRows } from "../../../src/config/access_rows.ts";
import { readClientLimits, readResultChars } from "../../../src/config/client_limit_keys.ts";
import { parseText } from "../../../src/config/json_text.ts";
import { profileSchema, readProfile } from "../../../src/config/profile_entry.ts";
import editorSchema from "../../../src/config/mcp.schema.json" with { type: "json" };
import { joinForms } from "../../../src/config/server_kind.ts";
import type { JsonObject } from "../../../src/model.ts";
import { readOAuthSettings } from "../../../src/oauth/oauth_settings.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";
import { projectDirectory } from "../../support/spawn_gateway.ts";

/** Names that other programs use for keys of the schema. */
const otherNames = [
  "auth",
  ...["serverUrl", "httpUrl", "transport", "transportType"],
  ...["disable", "isDisabled", "enabled", "isEnabled", "active", "isActive"],
  ...["enabledTools", "enabled_tools", "includeTools"],
  ...["disabledTools", "disabled_tools", "excludeTools"],
];

const { schema: entrySchema } = joinForms(upstreamKinds);
const properties: Readonly<Record<string, unknown>> = editorSchema.$defs.server.properties;
const validator = new Validator(editorSchema as Schema, "2020-12");
const accepts = (value: unknown) => validator.validate(value).valid;

const samples: readonly unknown[] = [
  ...["", "x", "none", "relay", "auto", "bare", "session", "shared", "principal", "legacy", "http"],
  ...[
    "early",
    "onDemand",
    "public",
    "warn",
    "quarantine",
    "off",
    0,
    1,
    1.5,
    -1,
    30_000,
    1e12,
    true,
    false,
    null,
  ],
  ...[[], [""], ["a"], [1], ["A_B"], ["not a name"], {}, { a: "b" }, { a: 1 }, { a: null }],
  ...[{ a: {} }, { allow: ["a"] }, { allow: "a" }, { rename: { a: "b" } }, { rename: { a: "?" } }],
  ...[{ describe: { a: "b c" } }, { describe: { a: "" } }, { describe: ["a"] }],
  ...[{ type: "none" }, { type: "bearer" }, { type: "bearer", token: "t" }, { type: "other" }],
  { type: "bearer", token: { file: "./t" }, onFailure: "anonymous" },
  { type: "bearer", token: "t", env: { username: "A" } },
  { type: "bearer", token: "t", more: 1 },
  { type: "basic", username: "u", password: "p" },
  { type: "api_key", in: "header", name: "X-Key", key: "k", env: "API_KEY" },
  { type: "api_key", in: "body", name: "X-Key", key: "k" },
  { type: "headers", headers: { a: "b" } },
  { type: "oauth2", clientId: "c", issuer: "https://id.example.com" },
  { type: "oauth2", issuer: "https://id.example.com" },
  ...["oauth", { grant: "each" }, { grant: "all" }, { clientId: "c", clientSecret: { file: "f" } }],
  ...[{ clientId: "" }, { clientSecret: 1 }, { scopes: "a b" }, { scopes: ["a"] }, { scopes: "" }],
  ...[{ scopes: [1] }, { redirectUri: "https://x.example/oauth/callback" }, { redirectUri: "" }],
  ...[{ clientMetadataUrl: "https://x.example/c.json" }, { clientMetadataUrl: 1 }],
  ...[{ connectTool: false }, { connectTool: "no" }, { unknown: 1 }],
  { type: "oauth2", clientId: "c", clientAuthentication: "private_key_jwt", privateKey: "k" },
  { type: "oauth2", clientId: "c", algorithm: "HS256" },
  { type: "oauth2", clientId: "c", keyId: "k", algorithm: "EdDSA", dpop: true },
  { type: "oauth2", clientId: "c", dpop: "yes" },
  { type: "enterprise", clientId: "c", subjectToken: "t", identityProvider: { clientId: "i" } },
  { type: "enterprise", clientId: "c", subjectToken: "t", identityProvider: { id: "i" } },
  { type: "enterprise", clientId: "c", subjectToken: "t", identityProvider: ["i"] },
  { type: "enterprise", clientId: "c", subjectToken: "t" },
  { type: "workload", assertion: { file: "./jwt" }, clientId: "c", tokenUrl: "https://a.test/t" },
  { type: "workload", assertion: "j", clientSecret: "s" },
  { type: "workload" },
];

describe("the JSON Schema of mcp.json", () => {
  test("has every key of a server, except for other programs' names of it", () => {
    expect([...Object.keys(properties), ...otherNames].sort()).toEqual(
      Object.keys(entrySchema.entries).sort(),
    );
  });

  test("accepts a value of a key where the gateway does", () => {
    const verdicts = Object.keys(properties).flatMap((key) =>
      samples.map((sample) => {
        const entry = { [key]: sample };
        const isTaken = v.safeParse(entrySchema, entry).success;
        return [key, sample, isTaken, accepts({ mcpServers: { one: entry } })] as const;
      })
    );
    expect(verdicts.filter(([, , gateway, editor]) => gateway !== editor)).toEqual([]);
    for (const key of Object.keys(properties)) {
      const both = new Set(verdicts.filter(([one]) => one === key).map(([, , taken]) => taken));
      expect([key, both.size]).toEqual([key, 2]);
    }
  });

  test("explains every key", () => {
    const all = {
      ...editorSchema.properties,
      ...editorSchema.$defs.profile.properties,
      ...properties,
    };
    const silent = Object.entries(all).filter(([, one]) =>
      typeof (one as { description?: unknown }).description !== "string" &&
      !("$ref" in (one as object))
    );
    expect(silent).toEqual([]);
  });

  test("accepts mcp.example.json and the examples of the documentation", async () => {
    const texts = ["configuration", "remote-servers", "credentials", "access"]
      .map((page) => `docs/${page}.md`)
      .map((file) => readFileSync(join(projectDirectory, file), "utf8"))
      .flatMap((page) =>
        [...page.matchAll(/^```jsonc?\n([\s\S]*?)^```/gm)].map(([, one = ""]) => one)
      )
      .filter((text) => text.includes("mcpServers") || text.includes('"auth"'));
    expect(texts.length).toBeGreaterThan(2);
    const example = readFileSync(join(projectDirectory, "mcp.example.json"), "utf8");
    for (const text of [example, ...texts]) {
      const { value } = await parseText(text, "example");
      expect([text, accepts(value)]).toEqual([text, true]);
      const { auth: { oauth = {} } = {} } = value as { auth?: { oauth?: JsonObject } };
      await readOAuthSettings(oauth);
    }
  });

  test("accepts what the gateway does of what clients get", () => {
    const isTaken = ({ resultCharsMax, clientLimits }: JsonObject): boolean => {
      try {
        readResultChars(resultCharsMax, "x");
        readClientLimits(clientLimits, "x");
        return true;
      } catch {
        return false;
      }
    };
    const values = [false, true, null, 0, 1, 19, 20, 80, 1_000, 1_001, 1_024, 1_025, 3_999, 4_000];
    const more = [1.5, 2 ** 24, 2 ** 24 + 1, "80", [], {}];
    const names = ["toolsMax", "nameCharsMax", "resultCharsMax", "other"];
    const keys: readonly JsonObject[] = [...values, ...more].flatMap((value): JsonObject[] => [
      { resultCharsMax: value },
      { clientLimits: value },
      { clientLimits: { cursor: value } },
      ...names.map((name) => ({ clientLimits: { "my-*": { [name]: value } } })),
    ]);
    const verdicts = keys.map((one) => [one, isTaken(one), accepts(one)]);
    expect(verdicts.filter(([, gateway, editor]) => gateway !== editor)).toEqual([]);
    expect(new Set(verdicts.map(([, taken]) => taken)).size).toBe(2);
  });

  test("accepts what the gateway does of an external issuer", () => {
    const isTaken = (settings: JsonObject): boolean => {
      try {
        return readJwtSettings(settings).length > 0;
      } catch {
        return false;
      }
    };
    const { issuer: _name, jwksUrl: _url, ...keys } = editorSchema.$defs.jwtIssuer.properties;
    const issuer = "https://id.example.com";
    const own = [["RS256"], ["HS256"], ["at+jwt"], { id: "sub" }, { role: "x" }, 60, 301, "a b"];
    const values = [...own, [], [""], "", 1.5, -1, true, null, {}, { id: 1 }, { id: [] }];
    const settings: readonly JsonObject[] = [
      ...Object.keys(keys).flatMap((key) =>
        values.map((value) => ({ issuers: [{ issuer, [key]: value }] }))
      ),
      ...[{}, { issuers: [] }, { issuers: {} }, { issuers: [{}] }, { issuer }],
      { issuers: [{ issuer, jwksURL: issuer }] },
    ];
    const verdicts = settings.map((jwt) => [jwt, isTaken(jwt), accepts({ auth: { jwt } })]);
    expect(verdicts.filter(([, gateway, editor]) => gateway !== editor)).toEqual([]);
    expect(new Set(verdicts.map(([, taken]) => taken)).size).toBe(2);
  });

  test("accepts what the gateway does of OAuth", async () => {
    const { oauth, oauthClient, openid } = editorSchema.$defs;
    const url = "https://id.example.com/x";
    const back = ["https://app.example.com/back"];
    const keys = { keys: [] };
    const own = [60, 86_400, 400, "open", "off", url, { "/mcp": false }, { "/mcp": 1 }, "*", [url]];
    const further = [["a"], [""], { id: "oid" }, { groups: ["staff"] }, { groups: [] }, {
      ids: "a",
    }];
    const values = [
      ...own,
      ...further,
      ["client_credentials"],
      ["password"],
      keys,
      [],
      "",
      59,
      1.5,
    ];
    const all = [...values, -1, true, null, {}];
    const client = (entry: JsonObject) => ({
      clients: [{ id: "one", redirectUris: back, ...entry }],
    });
    const provider = (entry: JsonObject) => ({
      login: { openid: { issuer: url, clientId: "gateway", allow: "*", ...entry } },
    });
    const assertion = (entry: JsonObject) => ({
      assertionIssuers: [{ issuer: url, jwksUri: url, ...entry }],
    });
    const machine = { redirectUris: [], grants: ["client_credentials"] };
    const redirects = [
      "http://localhost:1/a",
      "http://a.example/",
      "cursor://a/b",
      "https://a#b",
      "a",
    ];
    const settings: readonly JsonObject[] = [
      {},
      { accessTokenSecond: 60 },
      { clients: [{}] },
      { clients: [{ id: "one" }] },
      { clients: [{ id: "one", grants: ["client_credentials"], secret: "s" }] },
      ...Object.keys(oauth.properties).flatMap((key) => all.map((value) => ({ [key]: value }))),
      ...Object.keys(oauthClient.properties).flatMap((key) =>
        all.flatMap((value) => [client({ [key]: value }), client({ ...machine, [key]: value })])
      ),
      ...redirects.map((redirect) => client({ redirectUris: [redirect] })),
      ...[client({ key: 1 }), client({ secret: "s", jwks: keys }), client({ id: url })],
      ...[client({ secret: "s", jwksUri: url }), client({ jwks: keys, jwksUri: url })],
      ...[{ secret: "s" }, { jwks: keys }, { jwksUri: url }, {}].map((proof) =>
        client({ ...machine, ...proof })
      ),
      ...Object.keys(openid.properties).flatMap((key) =>
        all.map((value) => provider({ [key]: value }))
      ),
      ...["http://localhost:8080/realm", "http://id.example.com", `${url}?a`].map((issuer) =>
        provider({ issuer })
      ),
      ...[provider({ allowed: "*" }), { login: { openid: { issuer: url, clientId: "gateway" } } }],
      ...["issuer", "jwksUri", "nameClaim", "name"].flatMap((key) =>
        all.map((value) => assertion({ [key]: value }))
      ),
    ];
    const verdicts = await Promise.all(settings.map(async (one) => {
      const isTaken = await readOAuthSettings(one).then(() => true, () => false);
      return [one, isTaken, accepts({ auth: { oauth: one } })] as const;
    }));
    expect(verdicts.filter(([, gateway, editor]) => gateway !== editor)).toEqual([]);
    expect(new Set(verdicts.map(([, taken]) => taken)).size).toBe(2);
  });

  test("accepts rows of access where the gateway does", () => {
    const rows: readonly unknown[] = [
      ...[{}, { what: "ask" }, { what: "maybe" }, { callsAtOnce: 2 }, { callsAtOnce: 0 }],
      ...[{ what: "deny", tools: "a" }, { what: "deny", tools: [] }, {
        what: "deny",
        tools: ["a"],
      }],
      ...[{ what: "deny", hints: ["readOnly"] }, { what: "deny", hints: "safe" }],
      ...[{ what: "deny", tool: "a" }, { what: "deny", group: " " }, "deny"],
    ];
    for (const access of [[], {}, ...rows.map((row) => [row])]) {
      let isTaken = true;
      try {
        readAccessRows(access, { file: "mcp.json", repeated: [] });
      } catch {
        isTaken = false;
      }
      expect([access, accepts({ access })]).toEqual([access, isTaken]);
    }
  });

  test("accepts profiles where the gateway does, and has all of their keys", () => {
    const { properties } = editorSchema.$defs.profile;
    expect(Object.keys(properties).sort()).toEqual(Object.keys(profileSchema.entries).sort());
    const servers: readonly unknown[] = [
      ...[["a"], [], {}, { a: {} }, { a: { tools: ["x"] } }, { a: { tools: { deny: ["x"] } } }],
      ...[{ a: { tools: { rename: { x: "?" } } } }, { a: [] }, { a: 1 }, [1], "a", 1, null],
      { a: { tools: { describe: { x: "y" } } } },
    ];
    const entries: readonly unknown[] = [
      ...[undefined, {}, [], "a", null, 1],
      ...servers.map((one) => ({ servers: one })),
      ...[...samples, "search", "list", "prefixed"].flatMap((sample) =>
        Object.keys(properties).map((key) => ({ servers: ["a"], [key]: sample }))
      ),
      ...[{ tools: "search", pinned: ["a"] }, { tools: "list", pinned: ["a"] }].map((one) => ({
        servers: ["a"],
        ...one,
      })),
    ];
    const place = { path: "profiles.a", definedIn: "file" } as const;
    const verdicts = entries.map((entry) => {
      const { problem } = readProfile("a", entry, place, { file: "mcp.json", warnings: [] });
      // An absent profile is no entry.
      const isAccepted = entry !== undefined && accepts({ profiles: { a: entry } });
      return [entry, problem === undefined, isAccepted] as const;
    });
    expect(verdicts.filter(([, gateway, editor]) => gateway !== editor)).toEqual([]);
    expect(new Set(verdicts.map(([, taken]) => taken)).size).toBe(2);
  });

  test("marks a wrong value at the top", () => {
    expect([accepts({ names: "short" }), accepts({ names: "bare" })]).toEqual([false, true]);
    expect(accepts({ mcpServers: [] })).toBe(false);
  });
});
