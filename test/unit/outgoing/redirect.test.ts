/** Where a redirect leads, and what goes along. */
import { describe, expect, test } from "bun:test";
import { follow, type Hop } from "../../../src/outgoing/redirect.ts";

const get: Hop = {
  url: new URL("https://a.test/mcp?x=1"),
  method: "GET",
  headers: { accept: "text/event-stream", "x-session": "1" },
  trusted: true,
  repeatable: true,
};
const post: Hop = { ...get, method: "POST", body: "{}" };

/** The next hop in short, or the problem. */
function lead(hop: Hop, status: number, location: string | null) {
  const next = follow(hop, status, location);
  if (next === undefined || "problem" in next) return next;
  const { url, method, headers, body, trusted } = next;
  return { url: url.href, method, headers: Object.keys(headers), body, trusted };
}

describe("F2 a redirect", () => {
  test("is only what has a place to go and one of the five statuses", () => {
    for (const status of [200, 201, 300, 304, 305, 306, 400]) {
      expect([status, lead(get, status, "/x")]).toEqual([status, undefined]);
    }
    expect(lead(get, 307, null)).toBe(undefined);
  });

  test("is not followed, not even within the origin, where the answer is to be final", () => {
    for (const location of ["/next", "https://b.test/"]) {
      expect(lead({ ...post, final: true }, 307, location)).toBe(undefined);
      expect(lead({ ...get, final: true }, 302, location)).toBe(undefined);
    }
  });

  test("within the origin takes everything along", () => {
    for (const status of [301, 302, 303, 307, 308]) {
      expect(lead(get, status, "/next?y=2#z")).toEqual({
        url: "https://a.test/next?y=2",
        method: "GET",
        headers: ["accept", "x-session"],
        body: undefined,
        trusted: true,
      });
    }
    for (const status of [307, 308]) {
      expect(lead(post, status, "https://a.test:443/next")).toEqual({
        url: "https://a.test/next",
        method: "POST",
        headers: ["accept", "x-session"],
        body: "{}",
        trusted: true,
      });
    }
  });

  test("that would turn a message into a plain GET is refused", () => {
    for (const status of [301, 302, 303]) {
      for (const hop of [post, { ...get, method: "DELETE" }]) {
        expect(JSON.stringify(lead(hop, status, "/next"))).toContain("would lose the message");
      }
    }
  });

  test("to another origin takes no headers or credentials along, not even on the way back", () => {
    const targets = ["https://b.test/", "https://a.test:8443/", "//a.test.evil.test/"];
    for (const target of targets) {
      expect(lead(get, 302, target)).toMatchObject({ headers: ["accept"], trusted: false });
    }
    const away = follow(get, 302, "https://b.test/");
    if (away === undefined || "problem" in away) throw new Error("not followed");
    expect(lead(away, 302, "https://a.test/mcp"))
      .toMatchObject({ url: "https://a.test/mcp", headers: ["accept"], trusted: false });
  });

  test("to another origin never carries a message", () => {
    for (const status of [301, 302, 303, 307, 308]) {
      for (const hop of [post, { ...get, method: "DELETE" }, { ...get, body: "x" }]) {
        expect(JSON.stringify(lead(hop, status, "https://b.test/"))).toContain(
          "no message is sent",
        );
      }
    }
  });

  test("from plain text to TLS is another origin, and says what to write", () => {
    const plain: Hop = { ...post, url: new URL("http://a.test/mcp") };
    expect(lead(plain, 308, "https://a.test/mcp?key=hunter2")).toEqual({
      problem: 'redirects to "https://a.test", where no message is sent; correct its URL',
    });
    expect(lead({ ...plain, method: "GET", body: undefined }, 301, "https://a.test/mcp"))
      .toMatchObject({ trusted: false });
  });

  test("from TLS to plain text, to other schemes, to a login or to nonsense is refused", () => {
    const wrong: Record<string, string> = {
      "http://a.test/mcp": "not encrypted",
      "http://b.test/?key=hunter2": "not encrypted",
      "file:///etc/passwd": '"file:"',
      "javascript:hunter2": '"javascript:"',
      "https://me:hunter2@a.test/": "with a login",
      "https://me@a.test/": "with a login",
      "https://[hunter2": "no URL",
    };
    for (const [location, problem] of Object.entries(wrong)) {
      const outcome = JSON.stringify(lead(get, 302, location));
      expect([location, outcome.includes(problem.replaceAll('"', '\\"'))]).toEqual([
        location,
        true,
      ]);
      expect(outcome).not.toContain("hunter2");
    }
  });
});
