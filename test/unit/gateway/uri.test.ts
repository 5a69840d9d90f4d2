import { describe, expect, test } from "bun:test";
import { fromGatewayUri, matchesTemplate, toGatewayUri } from "../../../src/gateway/uri.ts";

describe("a gateway URI", () => {
  test("leads back to its server and the server's own URI, character for character", () => {
    for (const uri of ["file:///a/b c", "x://y/mcp-wrapper://z/", "", "test://t/{id}"]) {
      expect(fromGatewayUri(toGatewayUri("my server/ü", uri))).toEqual({
        server: "my server/ü",
        uri,
      });
    }
  });

  test("of a page keeps the scheme that hosts demand", () => {
    for (const uri of ["ui://app/page.html", "ui://", "ui://w/{id}", "ui://mcp-wrapper/b/app/x"]) {
      const offered = toGatewayUri("my server/ü", uri);
      expect(offered).toMatch(/^ui:\/\/mcp-wrapper\/my%20server%2F%C3%BC\//);
      expect(fromGatewayUri(offered)).toEqual({ server: "my server/ü", uri });
    }
  });

  test("differs from every other URI", () => {
    const others = ["mcp-wrapper://no-slash", "mcp-wrapper://%E0%A4%A/x", "ui://mcp-wrapper/b"];
    for (const uri of ["file:///a", "ui://app/page.html", ...others]) {
      expect(fromGatewayUri(uri)).toBe(undefined);
    }
  });
});

describe("a URI template", () => {
  test("matches its expansions", () => {
    const cases: [string, string][] = [
      ["test://template/{id}/data", "test://template/123/data"],
      ["file:///{+path}", "file:///a/b/c"],
      ["{+a}/{b}", "p/q/r"],
      ["{+a}/x", "p/x/x"],
      ["repo://{owner}/{repo}/contents{/path*}", "repo://me/mine/contents/a/b"],
      ["search://q{?text,page}", "search://q?text=a/b&page=2"],
    ];
    for (const [template, uri] of cases) {
      expect([template, matchesTemplate(template, uri)]).toEqual([template, true]);
    }
  });

  test("does not match what cannot be an expansion", () => {
    const cases: [string, string][] = [
      ["test://template/{id}/data", "test://template/1/2/data"],
      ["test://template/{id}/data", "test://template/1/other"],
      ["test://exact", "test://exact/more"],
      ["a{x}a", "a"],
    ];
    for (const [template, uri] of cases) {
      expect([template, matchesTemplate(template, uri)]).toEqual([template, false]);
    }
  });

  test("A13 that is hostile is matched without backtracking", () => {
    expect(matchesTemplate(`${"{+a*}".repeat(2_000)}!`, "a".repeat(200_000))).toBe(false);
    expect(matchesTemplate(`${"{a}x".repeat(2_000)}!`, "x".repeat(200_000))).toBe(false);
  });
});
