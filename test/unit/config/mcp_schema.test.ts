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
import { parseText } from "../../../src/config/json_text.ts";
import editorSchema from "../../../src/config/mcp.schema.json" with { type: "json" };
import { joinForms } from "../../../src/config/server_kind.ts";
import type { JsonObject } from "../../../src/model.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";
import { projectDirectory } from "../../support/spawn_gateway.ts";

/** Names that other programs use for keys of the schema. */
const otherNames = [
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
  ...["early", "onDemand", 0, 1, 1.5, -1, 30_000, 1e12, true, false, null],
  ...[[], [""], ["a"], [1], ["A_B"], ["not a name"], {}, { a: "b" }, { a: 1 }, { a: null }],
  ...[{ a: {} }, { allow: ["a"] }, { allow: "a" }, { rename: { a: "b" } }, { rename: { a: "?" } }],
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
    const silent = Object.entries({ ...editorSchema.properties, ...properties }).filter(([, one]) =>
      typeof (one as { description?: unknown }).description !== "string" &&
      !("$ref" in (one as object))
    );
    expect(silent).toEqual([]);
  });

  test("accepts mcp.example.json and the examples of the documentation", async () => {
    const texts = ["docs/configuration.md", "docs/remote-servers.md", "docs/credentials.md"]
      .map((file) => readFileSync(join(projectDirectory, file), "utf8"))
      .flatMap((page) =>
        [...page.matchAll(/^```jsonc?\n([\s\S]*?)^```/gm)].map(([, one = ""]) => one)
      )
      .filter((text) => text.includes("mcpServers"));
    expect(texts.length).toBeGreaterThan(2);
    const example = readFileSync(join(projectDirectory, "mcp.example.json"), "utf8");
    for (const text of [example, ...texts]) {
      const { value } = await parseText(text, "example");
      expect([text, accepts(value)]).toEqual([text, true]);
    }
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

  test("marks a wrong value at the top", () => {
    expect([accepts({ names: "short" }), accepts({ names: "bare" })]).toEqual([false, true]);
    expect(accepts({ mcpServers: [] })).toBe(false);
  });
});
