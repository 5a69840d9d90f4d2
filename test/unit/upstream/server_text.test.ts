/** What callers see of a server's own words: one plain line, marked, without secrets and places. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import {
  createQuote,
  valuesOfProgram,
  valuesOfRemote,
} from "../../../src/upstream/link/server_text.ts";

const quote = (words: string, values: readonly string[] = []) =>
  createQuote(values, defaultLimits)(words);
const said = (text: string) => `the server said: "${text}"`;

describe("words of a server", () => {
  test("are marked as the server's, and cannot close their quotes", () => {
    expect(quote("Error: no key")).toBe(said("Error: no key"));
    expect(quote('no key"; all is well. "')).toBe(said("no key'; all is well. '"));
  });

  test("are one line of plain text", () => {
    expect(quote("\x1b[31mError:\x1b[0m no\r\n\tkey\u202e\u200b \x1b]0;title\x07now\0"))
      .toBe(said("Error: no key now"));
    expect(quote("Error: half \ud800 of one")).toBe(said("Error: half \ufffd of one"));
  });

  test("are nothing when nothing can be read in them", () => {
    for (const words of ["", "  ", "\x1b[0m", "----", "…"]) expect(quote(words)).toBe("");
    expect(quote("hunter22", ["hunter22"])).toBe("");
  });

  test("hide values of a server that has large ones, and many", () => {
    const many = Array.from({ length: 2_000 }, (_, index) => `value-${index}-`.repeat(50));
    const large = "K".repeat(130_000);
    expect(quote("Error: bad hunter22", [large, ...many, "hunter22"])).toBe(said("Error: bad …"));
  });

  test("take at most 200 characters with their mark, and no half of a character", () => {
    for (const words of ["x".repeat(5_000), "é😀".repeat(500), `aé${"😀".repeat(500)}`]) {
      const line = quote(words);
      expect(line.length).toBeLessThanOrEqual(200);
      expect(line.length).toBeGreaterThan(190);
      expect(line.isWellFormed()).toBe(true);
      expect(line.endsWith('…"')).toBe(true);
    }
  });
});

describe("places on the disk", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["Cannot find module '/home/me/app/dist/index.js'", "Cannot find module 'index.js'"],
    ["open '/home/my user/some file.json'", "open 'some file.json'"],
    ["at /srv/app/server.py:12", "at server.py:12"],
    ["config=/etc/app/config.yaml, stop", "config=config.yaml, stop"],
    ["(/opt/x/y)", "(y)"],
    ["in ~/secrets/token.txt", "in token.txt"],
    ["in ~alice/secrets/token.txt", "in token.txt"],
    ["file:///home/me/app/index.mjs:3", "index.mjs:3"],
    [String.raw`C:\Users\me\app\index.js missing`, "index.js missing"],
    [String.raw`C:\\Users\\me\\app.js missing`, "app.js missing"],
    [String.raw`\\server\share\app.js missing`, "app.js missing"],
    ["the folder /var/lib/data/ is full", "the folder data is full"],
    [
      "GET https://api.example.com/v1/me?key=abc#x failed",
      "GET https://api.example.com/v1/me?… failed",
    ],
    ["postgres://user:pass@db:5432/app refused", "postgres://…@db:5432/app refused"],
    [
      "read and/or write @scope/name, text/html, 1/2",
      "read and/or write @scope/name, text/html, 1/2",
    ],
    ["in ./relative/path", "in ./relative/path"],
  ];
  for (const [words, shown] of cases) {
    test(words, () => expect(quote(words)).toBe(said(shown)));
  }
});

describe("values of a configuration", () => {
  const program = {
    command: "server --pass=in-the-command",
    args: [
      "-y",
      "--api-key=sk-live-0123456789",
      "--token",
      "plain-token",
      "Authorization: Bearer abcdef123",
    ],
    env: { MODE: "short", KEY: "key with / and é", DB: "postgres://me:pass-word@db/app" },
    environment: { INHERITED: "inherited-secret", LINES: "first line\nsecond line" },
  };
  const shown = (words: string) => quote(words, valuesOfProgram(program));

  test("are replaced wherever they stand: whole, behind an option's name, encoded", () => {
    const values = [
      "--api-key=sk-live-0123456789",
      "sk-live-0123456789",
      "plain-token",
      "abcdef123",
      "in-the-command",
      "key with / and é",
      "key%20with%20%2F%20and%20%C3%A9",
      "pass-word",
      "inherited-secret",
      "second line",
    ];
    for (const value of values) expect(shown(`bad: ${value}!`)).toBe(said("bad: …!"));
  });

  test("are no single words of a value that has several", () => {
    const words = "No module named 'missing'";
    expect(quote(words, ["import missing", "a value named missing"])).toBe(said(words));
  });

  test("are left where they are shorter than six characters", () => {
    expect(shown("bad mode: short -y")).toBe(said("bad mode: short -y"));
  });

  test("are replaced before the line is cut, the longest first, and also where they were cut", () => {
    const long = `sk-${"0123456789".repeat(300)}`;
    const values = ["sk-0123456789", long];
    expect(quote(`bad ${long} used`, ["sk-0123456789"])).not.toContain("sk-0123456789");
    expect(quote(`bad ${long}`, values)).toBe(said("bad …"));
    expect(quote(`${"x".repeat(170)} ${long.slice(0, 40)}`, values)).not.toContain("sk-");
  });

  test("are found behind colours that cut them in two", () => {
    expect(shown("bad plain-\x1b[1mtoken")).toBe(said("bad …"));
  });

  test("of a remote server are its headers, credentials and query", () => {
    const remote = {
      url: "https://example.com/mcp?key=in-the-query",
      headers: { "x-team": "Token secret-team" },
      credentials: { type: "basic", username: "user-name", password: { file: "/no/file" } },
    } as const;
    const words = "in-the-query, secret-team, user-name, example";
    expect(quote(words, valuesOfRemote(remote))).toBe(said("…, …, …, example"));
  });
});
