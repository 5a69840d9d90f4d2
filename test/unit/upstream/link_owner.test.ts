/** No call of one principal goes over a connection that was opened for another. */
import { describe, expect, test } from "bun:test";
import { createDialects } from "../../../src/upstream/link/dialect.ts";
import { assertOwner, createPoolKeys, linkOwnerOf } from "../../../src/upstream/mcp/pool_key.ts";
import { fakeConfig } from "../../support/fake_connector.ts";
import { callerOf } from "../../support/upstream_deps.ts";

const dialects = createDialects({ name: "test", version: "0" }).of("auto", "2025-11-25");
const as = (id: string, scope = `p:${id}`) => callerOf(scope, { principal: { id } });

describe("where each principal has a grant of its own", () => {
  for (const isolation of ["session", "principal", "shared"] as const) {
    test(`two principals never share a connection (isolation ${isolation})`, () => {
      const keys = createPoolKeys(fakeConfig({ isolation }), true);
      for (const dialect of [undefined, ...dialects]) {
        const [ann, ben] = [keys.of(as("ann"), 0, dialect), keys.of(as("ben"), 0, dialect)];
        expect(ann.id).not.toBe(ben.id);
        expect(keys.serves(ann, "p:ann")).toBe(true);
        expect(keys.serves(ann, "p:ben")).toBe(false);
        expect(linkOwnerOf(ann, as("ann"), true).principal).toBe("ann");
      }
    });
  }

  test("a connection refuses the call of another principal", () => {
    const owner = { principal: "ann", scope: "" };
    expect(() => assertOwner("files", owner, as("ann"))).not.toThrow();
    expect(() => assertOwner("files", owner, as("ben"))).toThrow("connection of another principal");
    // One that belongs to no principal serves all.
    expect(() => assertOwner("files", { principal: "", scope: "" }, as("ben"))).not.toThrow();
  });
});
