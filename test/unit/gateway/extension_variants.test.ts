/** Which extensions of a client the servers of a surface get, and how many different ones. */
import { expect, test } from "bun:test";
import type { FailedServerConfig, ToolFilter } from "../../../src/config/config.ts";
import { createShowExtensions } from "../../../src/gateway/extension_variants.ts";
import { mergeDescriptions } from "../../../src/gateway/merged_description.ts";
import { createScopes } from "../../../src/gateway/scope.ts";
import type { ResolvedSurface } from "../../../src/gateway/server.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { createTestClock } from "../../support/clock.ts";
import { createFakeUpstream } from "../../support/fake_upstream.ts";
import { callerOf } from "../../support/upstream_deps.ts";

const apps = "io.modelcontextprotocol/ui";
const type = "text/html;profile=mcp-app";
const pages = { [apps]: { mimeTypes: [type] } };

function surfaceOf(names: readonly string[], takesForeign: boolean, tools: ToolFilter = {}) {
  const servers = names.map((name) => {
    const config: FailedServerConfig = {
      kind: "failed",
      problem: "",
      name,
      callTimeoutMs: 60_000,
      startTimeoutMs: 60_000,
      idleTimeoutMs: 60_000,
      tools,
    };
    return { config, upstream: createFakeUpstream(name) };
  });
  const view: ResolvedSurface = { surface: "x", servers, prefixed: false, takesForeign };
  return view;
}
const alone = surfaceOf(["a"], true);
const merged = surfaceOf(["a", "b"], false);

function open() {
  const clock = createTestClock();
  const scopes = createScopes(clock, defaultLimits);
  const show = createShowExtensions({ clock, scopes, limits: defaultLimits });
  return {
    clock,
    ofSession: (extensions: JsonObject, view = alone) =>
      show(callerOf("s", { capabilities: { extensions } }), view).extensions,
    ofStateless: (extensions: JsonObject, scope = "p:alice", view = alone) =>
      show(callerOf(scope, { sharesScope: true, capabilities: { extensions } }), view).extensions,
  };
}

test("a session declares to one server all but tasks, to several what is relayed", () => {
  const { ofSession } = open();
  const declared = { ...pages, "io.modelcontextprotocol/tasks": {}, "example.com/a": { b: [1] } };
  expect(ofSession(declared)).toEqual({ ...pages, "example.com/a": { b: [1] } });
  expect(ofSession(declared, merged)).toEqual(pages);
  expect(ofSession(declared, surfaceOf(["a"], true, { deny: ["x"] }))).toEqual(pages);
  expect(ofSession({ "io.modelcontextprotocol/tasks": {} })).toBe(undefined);
  expect(ofSession({})).toBe(undefined);
});

test("the same declaration in another order is the same one", () => {
  const { ofStateless } = open();
  const one = ofStateless({ "example.com/a": { b: 1, c: { d: 2, e: 3 } }, "example.com/b": {} });
  const other = ofStateless({ "example.com/b": {}, "example.com/a": { c: { e: 3, d: 2 }, b: 1 } });
  expect(JSON.stringify(one)).toBe(JSON.stringify(other));
});

test("of the declarations of a principal's stateless clients a few pass as they are", () => {
  const { ofStateless, clock } = open();
  const odd = (count: number) => ({ [apps]: { mimeTypes: ["text/x", type], count } });
  const max = defaultLimits.extensionMapsMax;
  for (let count = 0; count < max; count++) expect(ofStateless(odd(count))).toEqual(odd(count));
  // Of further ones the plain forms pass.
  expect(ofStateless(odd(max))).toEqual(pages);
  expect(ofStateless({ ...pages, "example.com/a": {} })).toEqual(pages);
  expect(ofStateless({ [apps]: { mimeTypes: ["text/y"] } })).toEqual({ [apps]: {} });
  expect(ofStateless({ "example.com/a": {} })).toEqual({});
  // Plain ones always pass, and so do those of others.
  expect(ofStateless(pages)).toEqual(pages);
  expect(ofStateless({ [apps]: {} })).toEqual({ [apps]: {} });
  expect(ofStateless(odd(max), "p:bob")).toEqual(odd(max));
  // One that was not used for long gives its place to another.
  clock.advance(defaultLimits.extensionMapMs);
  for (let count = 1; count < max; count++) expect(ofStateless(odd(count))).toEqual(odd(count));
  clock.advance(1);
  expect(ofStateless(odd(max))).toEqual(odd(max));
  expect(ofStateless(odd(0))).toEqual(pages);
});

test("a surface declares what its servers do, and what is relayed while one is silent", () => {
  const declared = (extensions: JsonObject) => ({ capabilities: { tools: {}, extensions } });
  const tasks = { "io.modelcontextprotocol/tasks": {} };
  const one = declared({ [apps]: { a: [1] }, ...tasks, "x.y/z": {} });
  const two = declared({ [apps]: { a: [2] } });
  const shown = (view: ResolvedSurface, known: Parameters<typeof mergeDescriptions>[1]) =>
    mergeDescriptions(view, known, defaultLimits).capabilities["extensions"];
  expect(shown(alone, [one])).toEqual({ [apps]: { a: [1] }, ...tasks, "x.y/z": {} });
  expect(shown(merged, [one, two])).toEqual({ [apps]: { a: [1, 2] }, ...tasks });
  expect(shown(merged, [two, two])).toEqual({ [apps]: { a: [2] } });
  const assumed = { "io.modelcontextprotocol/skills": {}, ...tasks };
  expect(shown(merged, [one, undefined])).toEqual({ [apps]: { a: [1] }, ...assumed });
  expect(shown(merged, [{ capabilities: {} }, undefined])).toEqual({ [apps]: {}, ...assumed });
  expect(shown(merged, [{ capabilities: {} }, { capabilities: {} }])).toBe(undefined);
});
