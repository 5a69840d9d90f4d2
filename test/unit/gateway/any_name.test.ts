/**
 * Names and URIs that servers and clients may invent: offered names fit every client, stay apart and
 * lead back; gateway URIs lead back; a template matches what it expands to. A failure names the seed;
 * `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createNameTable, nameStart } from "../../../src/gateway/name.ts";
import { fromGatewayUri, matchesTemplate, toGatewayUri } from "../../../src/gateway/uri.ts";
import { testSeed as seed } from "../../support/random.ts";

const check = <T extends [unknown, ...unknown[]]>(property: fc.IPropertyWithHooks<T>) =>
  fc.assert(property, { seed, numRuns: 1_000 });

/** Whatever a program may call a thing; several of them are alike once they are cut or cleaned. */
const odd = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toString", "a.b", "a_b", "a/b", "", " ", "_", "__"),
  fc.constantFrom("x".repeat(64), "x".repeat(65), `${"x".repeat(70)}a`, `${"x".repeat(70)}b`),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ maxLength: 90 }),
);

describe(`any name (seed ${seed})`, () => {
  test("A11 is offered as one that clients accept, differs from all others, and leads back", () => {
    check(fc.property(fc.array(odd, { maxLength: 12 }), odd, (names, server) => {
      const table = createNameTable(names.map((name) => ({ name })), {}, server);
      const own = [...new Set(names)];
      const offered = own.map((name) => table.toOffered(name) ?? "");
      expect(new Set(offered).size).toBe(own.length);
      for (const [at, name] of offered.entries()) {
        expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        expect(name.startsWith(nameStart({ name: server }))).toBe(true);
        expect(table.toOwn(name)).toBe(own[at] as string);
        expect(table.find(name)?.item["name"]).toBe(own[at]);
      }
      const again = createNameTable(names.map((name) => ({ name })), {}, server);
      expect(own.map((name) => again.toOffered(name))).toEqual(offered);
    }));
  });

  test("A11 that no server has leads nowhere", () => {
    check(fc.property(fc.array(odd, { maxLength: 6 }), odd, odd, (names, server, asked) => {
      const table = createNameTable(names.map((name) => ({ name })), {}, server);
      const own = table.toOwn(asked);
      expect(own === undefined || table.toOffered(own) === asked).toBe(true);
    }));
  });
});

const wellFormed = odd.filter((text) => text.isWellFormed());

describe(`any URI (seed ${seed})`, () => {
  test("F10 is the same after it was a gateway URI, and its server too", () => {
    const uri = fc.oneof(
      odd,
      fc.webUrl(),
      odd.map((rest) => `ui://${rest}`),
      odd.map((rest) => `skill://${rest}`),
      odd.map((rest) => `mcp-wrapper://${rest}`),
    );
    check(fc.property(wellFormed, uri, (server, own) => {
      expect(fromGatewayUri(toGatewayUri(server, own))).toEqual({ server, uri: own });
    }));
  });

  test("A13 that a template expands to is matched, whatever its variables hold", () => {
    const literal = fc.constantFrom("file:///", "/", "a", "-", "/x/", "?q=", ".json", "");
    const simple = fc.string({ maxLength: 8 }).filter((text) => !/[/{}]/.test(text));
    const parts = fc.array(fc.tuple(literal, fc.boolean(), simple, odd), { maxLength: 5 });
    check(fc.property(parts, literal, (pieces, end) => {
      const template = pieces.map(([text, isPath]) => `${text}{${isPath ? "+" : ""}v}`).join("");
      const uri = pieces.map(([text, isPath, one, any]) => `${text}${isPath ? any : one}`).join("");
      expect(matchesTemplate(template + end, uri + end)).toBe(true);
    }));
  });

  test("A13 is matched only by a template whose own text it has", () => {
    const text = fc.constantFrom("a", "b", "/", "ab", "ba/", "");
    check(fc.property(text, text, fc.string({ maxLength: 9 }), (start, end, uri) => {
      if (!matchesTemplate(`${start}{+rest}${end}`, uri)) return;
      expect(uri.startsWith(start) && uri.endsWith(end)).toBe(true);
      expect(uri.length).toBeGreaterThanOrEqual(start.length + end.length);
    }));
  });
});
