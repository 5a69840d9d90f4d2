/** What the surface of a profile is made of: the same objects for as long as nothing changes. */
import { describe, expect, test } from "bun:test";
import type { ProfileConfig } from "../../../src/config/config.ts";
import { isSameContent, type RunningServers, type Server } from "../../../src/gateway/server.ts";
import { createSurfaceResolver, surfaceKinds } from "../../../src/http/surface_kinds.ts";
import { coreConfig } from "../../support/core_gateway.ts";
import { createFakeUpstream } from "../../support/fake_upstream.ts";

const resolve = createSurfaceResolver(surfaceKinds);

function serversOf(...names: readonly string[]): Server[] {
  const fakes = names.map((name) => createFakeUpstream(name, { tools: [] }));
  return coreConfig(fakes).servers.map((config, at) => ({
    config,
    upstream: fakes[at] ?? createFakeUpstream("none"),
  }));
}

const profileOf = (changes: Partial<ProfileConfig> = {}): ProfileConfig => ({
  name: "work",
  servers: [{ name: "a", tools: { allow: ["x"] } }, { name: "b", tools: {} }],
  names: "auto",
  ...changes,
});

const view = (running: Omit<RunningServers, "names">) =>
  resolve("/profiles/work", { names: "auto", ...running });

describe("the surface of a profile", () => {
  test("has the same servers each time, beside the upstreams of the gateway's own", () => {
    const servers = serversOf("a", "b", "c");
    const running = { servers, profiles: [profileOf()] };
    const [one, other] = [view(running), view(running)];
    expect(one?.servers.map(({ config }) => config.name)).toEqual(["a", "b"]);
    expect(one?.servers.map(({ upstream }) => upstream))
      .toEqual(servers.slice(0, 2).map(({ upstream }) => upstream));
    expect(one?.servers.every((server, at) => server === other?.servers[at])).toBe(true);
    expect(isSameContent(one, other)).toBe(true);
  });

  test("keeps a server's object while others come and go, and gets another when it is replaced", () => {
    const [a, b] = serversOf("a", "b") as [Server, Server];
    const profiles = [profileOf()];
    const before = view({ servers: [a, b], profiles });
    const alone = view({ servers: [a], profiles });
    expect([alone?.servers.length, alone?.servers[0] === before?.servers[0]]).toEqual([1, true]);
    expect([alone?.prefixed, isSameContent(before, alone)]).toEqual([true, false]);
    const replaced = view({ servers: [{ ...a }, b], profiles });
    expect(replaced?.servers[0] === before?.servers[0]).toBe(false);
    expect(replaced?.servers[1] === before?.servers[1]).toBe(true);
    const changed = view({ servers: [a, b], profiles: [profileOf({ prompts: false })] });
    expect(isSameContent(before, changed)).toBe(false);
  });

  test("says how its tools are found and named", () => {
    const servers = serversOf("a", "b");
    const found = (changes: Partial<ProfileConfig>) =>
      view({ servers, profiles: [profileOf(changes)] });
    expect(found({ search: { pinned: ["a__x"] } })?.search).toEqual({ pinned: ["a__x"] });
    expect(found({})?.search).toBe(undefined);
    const one = { servers: [{ name: "a", tools: {} }] };
    const forms = [
      found({}),
      found(one),
      found({ names: "bare" }),
      found({ ...one, names: "prefixed" }),
    ];
    expect(forms.map((form) => form?.prefixed)).toEqual([true, false, false, true]);
    expect(found({})?.takesForeign).toBe(false);
  });

  test("is not there for a name that no usable profile has", () => {
    const servers = serversOf("a", "b");
    expect(view({ servers })).toBe(undefined);
    expect(view({ servers, profiles: [profileOf({ name: "other" })] })).toBe(undefined);
    expect(view({ servers, profiles: [profileOf({ problem: "wrong" })] })).toBe(undefined);
  });
});

test("two views of a surface differ by names and by search, too", () => {
  const surface = { surface: "/x", servers: [], prefixed: true, takesForeign: false };
  expect(isSameContent(surface, { ...surface, prefixed: false })).toBe(false);
  expect(isSameContent(surface, { ...surface, search: { pinned: [] } })).toBe(false);
  expect(isSameContent(
    { ...surface, search: { pinned: ["a"] } },
    { ...surface, search: { pinned: ["a"] } },
  )).toBe(true);
  expect([isSameContent(undefined, surface), isSameContent(undefined, undefined)])
    .toEqual([false, true]);
});
