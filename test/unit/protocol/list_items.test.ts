/**
 * Lists of careless servers, read by the official SDK's own checks: one wrong member would make a
 * client refuse the lists of all servers.
 */
import { describe, expect, test } from "bun:test";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import * as sdk from "@modelcontextprotocol/sdk/types.js";
import { defaultLimits } from "../../../src/limits.ts";
import { type JsonObject, type ListKind, listKinds } from "../../../src/model.ts";
import { latestRevision } from "../../../src/protocol/legacy/revisions.ts";
import { client, legacy, resultOf } from "../../support/codecs.ts";
import { correctSchemas } from "../../../src/protocol/tool_schemas.ts";

/** The one item of a list as a client gets it. */
function seen(kind: ListKind, item: JsonObject): unknown {
  const { method, key } = listKinds[kind];
  const decoded = legacy.upstream.decodeResult(method, { [key]: [item] });
  if (decoded.kind !== "ok" || decoded.value.kind !== "result") {
    throw new Error("The list was refused");
  }
  const items = decoded.value.value[key] as JsonObject[];
  const usable = kind === "tools"
    ? items.map((tool) => correctSchemas(tool, defaultLimits).tool)
    : items;
  const result = legacy.client.encodeResult(
    method,
    resultOf({ [key]: usable }),
    client(latestRevision),
  );
  return (result[key] as unknown[])[0];
}

const readers = {
  tools: sdk.ToolSchema,
  prompts: sdk.PromptSchema,
  resources: sdk.ResourceSchema,
  templates: sdk.ResourceTemplateSchema,
};

const icons = [{ src: "https://a.example/i.png", mimeType: "image/png", sizes: ["48x48"] }];
const shown = { title: "T", description: "d", icons, _meta: { "example.com/a": 1 } };
const annotations = { audience: ["user"], priority: 0, lastModified: "2025-01-12T15:00:58Z" };
/** Skills have tests of their own: nothing in them is corrected. */
type CorrectedKind = Exclude<ListKind, "skills">;
const whole: Record<CorrectedKind, JsonObject> = {
  tools: {
    ...shown,
    name: "a",
    inputSchema: {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: { a: { $ref: "#/$defs/b" }, ["__proto__"]: { type: "string" } },
      required: ["a"],
      $defs: { b: true },
      additionalProperties: false,
    },
    outputSchema: { type: "object", properties: {}, required: [] },
    execution: { taskSupport: "optional" },
    annotations: { title: "T", readOnlyHint: true, openWorldHint: false, ownHint: 1 },
    own: null,
  },
  prompts: { ...shown, name: "a", arguments: [{ name: "b", description: "d", required: true }] },
  resources: { ...shown, uri: "a://b", name: "b", mimeType: "text/plain", size: 0, annotations },
  templates: { ...shown, uriTemplate: "a://{b}", name: "b", mimeType: "text/plain", annotations },
};
const kinds = Object.keys(whole) as CorrectedKind[];

/** Every way to put a wrong value in the place of one member, however deep. */
function* spoiled(value: unknown): Generator<unknown> {
  for (const wrong of [null, 5, "text", true, [], [null], {}, { a: null }]) yield wrong;
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    for (const other of spoiled(member)) {
      yield Array.isArray(value) ? [other, ...value] : { ...value, [key]: other };
    }
  }
}

describe("an item", () => {
  for (const kind of kinds) {
    test(`of ${kind} stays as it is when nothing is wrong with it`, () => {
      expect(JSON.stringify(seen(kind, whole[kind]))).toBe(JSON.stringify(whole[kind]));
    });

    test(`of ${kind} can be read by the SDK, whatever is wrong in it`, () => {
      const { identity } = listKinds[kind];
      let cases = 0;
      for (const other of spoiled(whole[kind])) {
        const item = { ...other as JsonObject, [identity]: whole[kind][identity] };
        const given = seen(kind, item) as JsonObject;
        const read = readers[kind].safeParse(given);
        if (kind === "tools" && given["outputSchema"] !== undefined) {
          new AjvJsonSchemaValidator().getValidator(given["outputSchema"] as never);
        }
        expect([JSON.stringify(item), read.error?.issues ?? []]).toEqual([
          JSON.stringify(item),
          [],
        ]);
        cases += 1;
      }
      expect(cases).toBeGreaterThan(100);
    });
  }

  const corrected: [ListKind, JsonObject, JsonObject][] = [
    ["tools", { name: "a" }, { name: "a", inputSchema: { type: "object" } }],
    ["tools", { name: "a", inputSchema: { properties: { b: true, c: false, d: null } } }, {
      name: "a",
      inputSchema: { properties: { b: {}, c: { not: {} } }, type: "object" },
    }],
    ["tools", { ...whole.tools, description: null, annotations: { readOnlyHint: "yes" } }, {
      ...without(whole.tools, "description"),
      annotations: {},
    }],
    ["tools", { ...whole.tools, execution: null }, without(whole.tools, "execution")],
    ["tools", { ...whole.tools, execution: { taskSupport: "maybe" } }, {
      ...whole.tools,
      execution: {},
    }],
    ["tools", { name: "a", inputSchema: { type: "object", properties: { b: { enum: [] } } } }, {
      name: "a",
      description: expect.stringContaining("replaced this tool's input schema"),
      inputSchema: { type: "object" },
    }],
    ["resources", { uri: "a://b", name: "b", size: 1.5 }, { uri: "a://b", name: "b" }],
    ["prompts", { name: "a", arguments: [{ name: "b", required: null }, {}, null] }, {
      name: "a",
      arguments: [{ name: "b" }],
    }],
    ["resources", { uri: "a://b", size: null }, { uri: "a://b", name: "a://b" }],
    ["resources", {
      uri: "a://b",
      name: "b",
      annotations: { audience: ["user", "robot"], priority: 2, lastModified: "2025-01-12" },
    }, { uri: "a://b", name: "b", annotations: { audience: ["user"] } }],
    ["templates", { uriTemplate: "a://{b}", name: 5 }, {
      uriTemplate: "a://{b}",
      name: "a://{b}",
    }],
  ];
  for (const [kind, item, expected] of corrected) {
    test(`of ${kind} ${JSON.stringify(item).slice(0, 80)} loses what is wrong and no more`, () => {
      expect(seen(kind, item)).toEqual(expected);
    });
  }

  function without(item: JsonObject, key: string): JsonObject {
    const { [key]: _, ...rest } = item;
    return rest;
  }
});

describe("a skill", () => {
  const sound = {
    uri: "skill://a/SKILL.md",
    frontmatter: { name: "a", description: "d", license: null, metadata: [] },
    resources: [{ uri: "skill://a/SKILL.md", digest: "sha256:0", size: null, own: null }],
    _meta: { "example.com/a": null },
  };

  test("stays to the letter, whatever is odd in it", () => {
    for (const skill of [sound, { ...sound, resources: "dynamic" }, { ...sound, resources: [] }]) {
      expect(JSON.stringify(seen("skills", skill))).toBe(JSON.stringify(skill));
      const got = legacy.upstream.decodeResult("skills/get", { skill });
      expect(got).toEqual({ kind: "ok", value: { kind: "result", value: { skill } } });
    }
  });

  test("that no host may load is left out of the list, and is no answer", () => {
    const odd: JsonObject[] = [
      { uri: 5 },
      { frontmatter: undefined },
      { frontmatter: "name: a" },
      { resources: undefined },
      { resources: "static" },
      { resources: [null] },
      { resources: [{ digest: "sha256:0" }] },
    ];
    for (const wrong of odd) {
      const skill = { ...sound, ...wrong };
      expect(seen("skills", skill)).toBe(undefined);
      expect(legacy.upstream.decodeResult("skills/get", { skill }).kind).toBe("invalid");
    }
  });
});
