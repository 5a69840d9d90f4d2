/** A server at a URL: its values, its errors, and what the log hides. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { failed, fileName, http, readOne, shell } from "./read.ts";

const url = "https://example.com/mcp";

describe("a remote server", () => {
  test("with only a URL gets the defaults", async () => {
    const config = await readOne({ url });
    expect(http(config)).toEqual({
      kind: "http",
      name: "files",
      url,
      headers: {},
      credentials: { type: "none" },
      oauth: { grant: "shared", connectTool: true },
      transport: "auto",
      isolation: "session",
      identify: true,
      era: "auto",
      roots: "relay",
      startTimeoutMs: defaultLimits.startMs,
      callTimeoutMs: defaultLimits.callMs,
      idleTimeoutMs: defaultLimits.idleMs,
      tools: {},
      start: "early",
    });
    expect(config.warnings).toEqual([]);
  });

  test("has the keys of every server, too", async () => {
    const server = http(
      await readOne({
        url,
        isolation: "shared",
        era: "modern",
        roots: ["/srv"],
        startTimeoutMs: 1,
        callTimeoutMs: 2,
        idleTimeoutMs: 3,
        tools: { allow: ["a"] },
      }),
    );
    expect([server.isolation, server.era, server.roots, server.tools])
      .toEqual(["shared", "modern", [{ uri: "file:///srv" }], { allow: ["a"] }]);
    expect([server.startTimeoutMs, server.callTimeoutMs, server.idleTimeoutMs]).toEqual([1, 2, 3]);
  });

  test("gets its client's directories wherever the gateway listens", async () => {
    expect(http(await readOne({ url }, shell, true)).roots).toBe("relay");
  });

  const written: [string, Record<string, unknown>, string][] = [
    ["Claude Code", { type: "http", url }, "auto"],
    ["Claude Code, the older transport", { type: "sse", url }, "sse"],
    ["Cursor", { url }, "auto"],
    ["Windsurf", { serverUrl: url }, "auto"],
    ["Gemini CLI", { httpUrl: url, timeout: 5 }, "auto"],
    ["Cline", { type: "streamableHttp", url, disabled: false }, "streamable"],
    ["Cherry Studio", { type: "streamableHttp", baseUrl: url, isActive: true }, "streamable"],
    ["GitHub Copilot", { type: "http", url, headers: {}, tools: ["*"] }, "auto"],
    ["a README, with variables", { url, env: { A: "${NOPE}" } }, "auto"],
    ["Roo Code", { type: "streamable-http", url, alwaysAllow: [] }, "streamable"],
    ["LibreChat", { type: "streamable_http", url }, "streamable"],
    ["OpenCode", { type: "remote", url, enabled: true }, "auto"],
    ["a program that names it twice", { type: "http", transportType: "sse", url }, "sse"],
    [
      "one that writes what it does not use",
      { url, args: [], env: {}, command: undefined },
      "auto",
    ],
  ];
  for (const [program, entry, transport] of written) {
    test(`is read as ${program} writes it`, async () => {
      const server = http(await readOne(entry));
      expect([server.url, server.transport]).toEqual([url, transport]);
    });
  }

  test("its URL, headers and token take references", async () => {
    const server = http(
      await readOne({
        url: "https://${TENANT}.example.com/mcp?team=${TEAM:-red}#top",
        headers: { "X-Team": "${TEAM:-red}", "X-Number": 5, "X-Flag": true, "X-Spaced": " a " },
        credentials: { type: "bearer", token: "${API_TOKEN}" },
      }, { ...shell, TENANT: "blue", API_TOKEN: "token-value" }),
    );
    expect(server.url).toBe("https://blue.example.com/mcp?team=red");
    expect(server.headers).toEqual({
      "x-team": "red",
      "x-number": "5",
      "x-flag": "true",
      "x-spaced": "a",
    });
    expect(server.credentials).toEqual({ type: "bearer", token: "token-value" });
  });

  test("its token may be in a file, relative to the configuration's folder", async () => {
    const fileOf = async (file: string) =>
      http(await readOne({ url, credentials: { type: "bearer", token: { file } } })).credentials;
    expect(await fileOf("token")).toEqual({
      type: "bearer",
      token: { file: "/etc/gateway/token" },
    });
    expect(await fileOf("~/t")).toEqual({ type: "bearer", token: { file: "/home/me/t" } });
    expect(await fileOf("${HOME}/t")).toEqual({ type: "bearer", token: { file: "/home/me/t" } });
  });
});

describe("a remote server that cannot be used", () => {
  const bearer = (token: unknown) => ({ url, credentials: { type: "bearer", token } });
  const wrong: [string, Record<string, unknown>, string][] = [
    [
      "a command too",
      { url, command: "npx" },
      ".command in FILE: a server has either a command or a url",
    ],
    [
      "two URLs",
      { url, httpUrl: url },
      ".httpUrl in FILE: cannot be combined with url; remove one",
    ],
    [
      "half a URL",
      { url: "example.com/hunter2" },
      ".url in FILE: expected an absolute URL such as",
    ],
    [
      "another scheme",
      { url: "wss://hunter2.test" },
      '.url in FILE: expected a URL with https: or http:, got "wss:"',
    ],
    [
      "a file",
      { serverUrl: "file:///hunter2" },
      '.serverUrl in FILE: expected a URL with https: or http:, got "file:"',
    ],
    [
      "a login",
      { url: "https://me:hunter2@x.test" },
      ".url in FILE: expected a URL without a login in it; use credentials",
    ],
    [
      "a name alone",
      { url: "https://hunter2@x.test" },
      ".url in FILE: expected a URL without a login",
    ],
    ["a list as URL", { url: [url] }, ".url in FILE: expected a string, got a list"],
    [
      "arguments",
      { url, args: ["hunter2"] },
      ".args in FILE: has no meaning for a server that is reached by its url",
    ],
    ["a folder", { url, cwd: "/hunter2" }, ".cwd in FILE: has no meaning"],
    ["a spare", { url, spare: true }, ".spare in FILE: has no meaning"],
    ["inherited names", { url, inheritEnv: ["A"] }, ".inheritEnv in FILE: has no meaning"],
    [
      "the type of a program",
      { url, type: "stdio" },
      '.type in FILE: "stdio" is run by its command, and this server has a url',
    ],
    [
      "a type alone",
      { type: "http" },
      '.type in FILE: "http" is reached by URL, and this server has none',
    ],
    [
      "a program's type of URL",
      { command: "x", transport: "sse" },
      '.transport in FILE: "sse" is reached by URL',
    ],
    [
      "headers of a program",
      { command: "x", headers: { A: "hunter2" } },
      ".headers in FILE: has no meaning for a server that is reached by its command",
    ],
    [
      "credentials of a program",
      { command: "x", ...bearer("hunter2"), url: undefined },
      ".credentials.env in FILE: expected the name of the variable for the program",
    ],
    [
      "two transports",
      { url, type: "sse", transport: "streamable-http" },
      ".transport in FILE: contradicts type",
    ],
    [
      "headers as a list",
      { url, headers: ["hunter2"] },
      ".headers in FILE: expected an object of strings, got a list",
    ],
    [
      "a header of nothing",
      { url, headers: { A: null } },
      ".headers.A in FILE: expected a string, got null",
    ],
    [
      "a header's name",
      { url, headers: { "A b": "hunter2" } },
      '.headers["A b"] in FILE: not a valid header name',
    ],
    [
      "a header twice",
      { url, headers: { "X-A": "1", "x-a": "2" } },
      ".headers.x-a in FILE: appears twice",
    ],
    [
      "a line break in a header",
      { url, headers: { A: "hunter2\r\nB: c" } },
      ".headers.A in FILE: expected a value on one line",
    ],
    [
      "text beyond Latin-1",
      { url, headers: { A: "hunter2 日本" } },
      ".headers.A in FILE: expected a value on one line",
    ],
    [
      "no such variable",
      { url, headers: { A: "${NOPE}" } },
      ".headers.A in FILE: the environment variable NOPE is not set",
    ],
    [
      "the gateway's own secret",
      bearer("${MCP_SECRET}"),
      ".credentials.token in FILE: ${MCP_SECRET} belongs to the gateway alone",
    ],
    [
      "two credentials",
      { ...bearer("abc"), headers: { Authorization: "hunter2" } },
      ".headers.authorization in FILE: is set by credentials, too",
    ],
    [
      "credentials as text",
      { url, credentials: "hunter2" },
      '.credentials in FILE: expected an object with type "none", "api_key", "bearer", "basic", "headers" or "oauth2", got a string',
    ],
    [
      "an unknown type",
      { url, credentials: { type: "digest" } },
      '.credentials.type in FILE: expected an object with type "none", "api_key", "bearer", "basic", "headers" or "oauth2", got "digest"',
    ],
    [
      "no token",
      { url, credentials: { type: "bearer" } },
      ".credentials.token in FILE: expected a string, or an object with file, got nothing",
    ],
    [
      "a token under a wrong name",
      { url, credentials: { type: "bearer", tokn: "hunter2" } },
      '.credentials.tokn in FILE: expected no keys but type, token, onFailure, public, anonymousTools, env; did you mean "token"?',
    ],
    [
      "a key too many",
      { url, credentials: { type: "none", token: "hunter2" } },
      ".credentials.token in FILE: expected no keys but type",
    ],
    [
      "a number as token",
      bearer(5),
      ".credentials.token in FILE: expected a string, or an object with file, got a number",
    ],
    [
      "an empty token",
      bearer("${EMPTY:-}"),
      ".credentials.token in FILE: expected a token, got an empty text",
    ],
    [
      "a token with its scheme",
      bearer("Bearer hunter2"),
      ".credentials.token in FILE: expected a token without spaces",
    ],
  ];
  for (const [what, entry, problem] of wrong) {
    test(`${what} fails it, with file, path and what to do, and shows no value`, async () => {
      const config = await readOne(entry, { ...shell, MCP_SECRET: "s".repeat(32) });
      expect(failed(config).problem).toContain(
        `mcpServers.files${problem.replace("FILE", fileName)}`,
      );
      expect(failed(config).problem).not.toContain("hunter2");
    });
  }

  test("headers that the gateway writes itself are refused", async () => {
    const names = [
      "Accept",
      "Content-Type",
      "content-length",
      "HOST",
      "Mcp-Session-Id",
      "Last-Event-ID",
      "Connection",
    ];
    for (const name of names) {
      const { problem } = failed(await readOne({ url, headers: { [name]: "x" } }));
      expect([name, problem.includes("is set by the gateway itself")]).toEqual([name, true]);
    }
  });
});

describe("secrets of a remote server", () => {
  const env = { ...shell, GIVEN: "given-value", API_TOKEN: "token-value", TEAM: "team-blue" };
  const secrets = async (entry: Record<string, unknown>) =>
    [...(await readOne({ url, ...entry }, env)).secrets].sort();

  test("headers hide substituted values and likely secrets, also without the scheme", async () => {
    expect(
      await secrets({
        headers: {
          Authorization: "Bearer literal-value",
          "X-Given": "a ${GIVEN}",
          "X-Open": "public-text",
        },
      }),
    ).toEqual(["Bearer literal-value", "a given-value", "given-value", "literal-value"]);
  });

  test("tokens are hidden wherever they come from", async () => {
    expect(await secrets({ credentials: { type: "bearer", token: "literal-token" } }))
      .toEqual(["literal-token"]);
    expect(await secrets({ credentials: { type: "bearer", token: "${GIVEN}" } }))
      .toEqual(["given-value"]);
  });

  test("a URL is shown, without its likely secrets", async () => {
    expect(await secrets({ url: "https://x.test/${TEAM}/mcp?key=${API_TOKEN}" }))
      .toEqual(["token-value"]);
  });
});
