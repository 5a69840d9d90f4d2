/** What one client's memory may hold of the URIs that servers answered with (C8). */
import { describe, expect, test } from "bun:test";
import { createScopes, offeredKey } from "../../../src/gateway/scope.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createTestClock } from "../../support/clock.ts";

const surface = "all";

/** A memory, and the URIs that it has of the given ones. */
function setUp(changes: { seenUrisMax?: number; seenUriCharsMax?: number }) {
  const scopes = createScopes(createTestClock(), { ...defaultLimits, ...changes });
  return {
    scopes,
    saw: (offered: string) =>
      scopes.saw("scope", { surface, offered }, { server: "one", uri: offered }),
    knows: (offered: string) => scopes.of("scope").seenUris.has(offeredKey({ surface, offered })),
  };
}

describe("C8: URIs that results contained", () => {
  const long = (name: string) => `file:///${name}/${"x".repeat(1_000)}`;

  test("are remembered up to a number of characters, and the oldest go first", () => {
    const { saw, knows } = setUp({ seenUriCharsMax: 7_000 });
    const uris = ["a", "b", "c", "d", "e"].map(long);
    for (const uri of uris) saw(uri);
    expect(uris.map(knows)).toEqual([false, false, true, true, true]);
    saw("file:///short");
    expect(uris.map(knows)).toEqual([false, false, true, true, true]);
  });

  test("are counted once however often they come, and not after their server is gone", () => {
    const { scopes, saw, knows } = setUp({ seenUriCharsMax: 7_000 });
    for (let at = 0; at < 20; at += 1) saw(long("a"));
    saw(long("b"));
    expect([long("a"), long("b")].map(knows)).toEqual([true, true]);
    scopes.forgetServer("one");
    const uris = ["c", "d", "e"].map(long);
    for (const uri of uris) saw(uri);
    expect(uris.map(knows)).toEqual([true, true, true]);
  });

  test("are remembered up to a number", () => {
    const { saw, knows } = setUp({ seenUrisMax: 2 });
    for (const uri of ["a", "b", "c"]) saw(uri);
    expect(["a", "b", "c"].map(knows)).toEqual([false, true, true]);
  });
});
