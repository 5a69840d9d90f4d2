/** Entries of clients become entries of mcp.json, and their literal secrets become variables. */
import { describe, expect, test } from "bun:test";
import { findClient } from "../../../src/cli/clients/client_places.ts";
import { toOwnForm } from "../../../src/cli/clients/foreign_form.ts";
import { moveSecrets } from "../../../src/cli/clients/secret_mover.ts";
import { createSecretVariables } from "../../../src/cli/clients/secret_variables.ts";
import { isOwnEntry } from "../../../src/cli/clients/gateway_address.ts";
import { joinForms } from "../../../src/config/server_kind.ts";
import { defaultTables } from "../../../src/app.ts";

const known = Object.keys(joinForms(defaultTables.kinds).schema.entries);

const translate = (client: string, entry: unknown, project?: string) =>
  toOwnForm(entry, {
    client: findClient(client),
    project,
    isKnownKey: (key) => known.includes(key),
  });

describe("an entry", () => {
  test("keeps how it logs in, as each program writes it", () => {
    const ways = [
      { oauth: { clientId: "c", callbackPort: 8080 } },
      { oauth: false },
      { auth: { CLIENT_ID: "c", scopes: ["read"] } },
      { auth: "oauth" },
    ];
    for (const way of ways) {
      const entry = { url: "https://x.example/mcp", ...way };
      expect(translate("cursor", entry)).toEqual({ entry, dropped: [] });
    }
  });

  test("of Codex keeps its names of variables as references", () => {
    expect(translate("codex", {
      url: "https://x.example/mcp",
      bearer_token_env_var: "X_TOKEN",
      http_headers: { "X-Region": "eu" },
      env_http_headers: { "X-Key": "X_KEY" },
      tool_timeout_sec: 90n,
      startup_timeout_sec: 20,
      enabled_tools: ["a"],
      enabled: true,
    })).toEqual({
      entry: {
        url: "https://x.example/mcp",
        credentials: { type: "bearer", token: "${X_TOKEN}" },
        headers: { "X-Region": "eu", "X-Key": "${X_KEY}" },
        callTimeoutMs: 90_000,
        startTimeoutMs: 20_000,
        enabled_tools: ["a"],
      },
      dropped: [],
    });
    expect(translate("codex", { command: "x", args: ["${HOME}"], env_vars: ["A", { name: "B" }] }))
      .toEqual({ entry: { command: "x", args: ["$${HOME}"], inheritEnv: ["A"] }, dropped: [] });
  });

  test("of Goose has our keys; parts of Goose are no servers", () => {
    expect(translate("goose", {
      type: "stdio",
      name: "fetch",
      enabled: true,
      cmd: "uvx",
      args: ["mcp-server-fetch"],
      envs: { MODE: "fast" },
      env_keys: ["FETCH_TOKEN"],
      timeout: 60,
      bundled: null,
      available_tools: [],
    })).toEqual({
      entry: {
        type: "stdio",
        command: "uvx",
        args: ["mcp-server-fetch"],
        env: { MODE: "fast", FETCH_TOKEN: "${FETCH_TOKEN}" },
        callTimeoutMs: 60_000,
      },
      dropped: ["name"],
    });
    expect(translate("goose", {
      type: "streamable_http",
      uri: "https://x.example/mcp",
      headers: { Authorization: "Bearer ${KEY}", "X-A": "${OTHER}" },
      envs: { KEY: "hush" },
    })).toMatchObject({
      entry: {
        type: "streamable_http",
        url: "https://x.example/mcp",
        headers: { Authorization: "Bearer hush", "X-A": "${OTHER}" },
      },
    });
    expect(translate("goose", { type: "builtin", name: "developer" })).toEqual({
      reason: "a part of Goose itself",
    });
  });

  test("of Zed may have its program as an object; an extension's server has none", () => {
    const command = { path: "npx", args: ["z"], env: { A: "1" } };
    expect(translate("zed", { source: "custom", command })).toMatchObject({
      entry: { command: "npx", args: ["z"], env: { A: "1" } },
    });
    expect(translate("zed", { source: "extension", settings: {} })).toEqual({
      reason: "an extension of Zed starts it",
    });
  });

  test("of Gemini CLI has references without braces and milliseconds", () => {
    expect(translate("gemini", {
      httpUrl: "https://x.example/mcp",
      headers: { Authorization: "Bearer $X_TOKEN" },
      timeout: 5_000,
      trust: true,
    })).toEqual({
      entry: {
        httpUrl: "https://x.example/mcp",
        headers: { Authorization: "Bearer ${X_TOKEN}" },
        callTimeoutMs: 5_000,
      },
      dropped: ["trust"],
    });
  });

  test("of VS Code has variables for its inputs, and the project's folder", () => {
    expect(
      translate("vscode", {
        type: "stdio",
        command: "./run",
        args: ["${workspaceFolder}/x"],
        env: { API_KEY: "${input:my-key}", URL: "https://${input:host}/" },
        gallery: true,
      }, "/p"),
    ).toEqual({
      entry: {
        type: "stdio",
        command: "/p/./run",
        args: ["/p/x"],
        cwd: "/p",
        env: { API_KEY: "${API_KEY}", URL: "https://${HOST}/" },
      },
      dropped: ["gallery"],
    });
    expect(translate("vscode", { command: "${workspaceFolder}/x" })).toEqual({
      reason: "only VS Code knows its ${workspaceFolder}",
    });
  });

  test("that is switched off does not come", () => {
    expect(translate("cursor", { command: "x", disabled: true })).toEqual({
      reason: "it is switched off in Cursor",
    });
    expect(translate("codex", { command: "x", enabled: false })).toEqual({
      reason: "it is switched off in Codex",
    });
  });

  test("is recognised as this gateway by its URL or its program", () => {
    const own = { host: "localhost", port: 8999, publicUrl: "https://mcp.example.com" };
    for (
      const entry of [
        { url: "http://127.0.0.1:8999/mcp" },
        { serverUrl: "http://localhost:8999/servers/x/mcp" },
        { uri: "https://mcp.example.com/mcp" },
        { command: "npx", args: ["-y", "mcp-remote", "http://localhost:8999/mcp"] },
        { command: "npx", args: ["-y", "mcp-wrapper", "stdio"] },
        { command: "/usr/bin/mcp-wrapper", args: ["stdio"] },
        { command: "bun", args: ["/src/x/src/main/bun.ts", "stdio"] },
      ]
    ) expect(isOwnEntry(entry, own)).toBe(true);
    for (
      const entry of [
        { url: "http://localhost:9100/mcp" },
        { command: "npx", args: ["-y", "server-files", "/home/me/mcp-wrapper"] },
        { command: "x", args: ["stdio"] },
      ]
    ) expect(isOwnEntry(entry, own)).toBe(false);
  });
});

/** The entry without its secrets, and the variables that hold them. */
function move(entry: Readonly<Record<string, unknown>>, before = "", env = {}) {
  const variables = createSecretVariables(before, "/.env", env);
  const moved = moveSecrets(
    entry,
    (wanted, value, isShort) => variables.name("my-server", wanted, value, isShort),
  );
  return { moved, added: Object.fromEntries(variables.added), text: variables.text() };
}

describe("a literal secret", () => {
  test("of a variable or header moves, by its name or by its own form", () => {
    const { moved, added } = move({
      env: { GITHUB_TOKEN: "abc123", MODE: "fast", OTHER: "ghp_abcdef", GIVEN_KEY: "${GIVEN_KEY}" },
      headers: { Authorization: "Bearer tok-1", "X-Team": "blue", "X-Api-Key": "k-1" },
    });
    expect(moved).toEqual({
      env: {
        GITHUB_TOKEN: "${GITHUB_TOKEN}",
        MODE: "fast",
        OTHER: "${OTHER}",
        GIVEN_KEY: "${GIVEN_KEY}",
      },
      headers: {
        Authorization: "Bearer ${MY_SERVER_AUTHORIZATION}",
        "X-Team": "blue",
        "X-Api-Key": "${MY_SERVER_X_API_KEY}",
      },
    });
    expect(added).toEqual({
      GITHUB_TOKEN: "abc123",
      OTHER: "ghp_abcdef",
      MY_SERVER_AUTHORIZATION: "tok-1",
      MY_SERVER_X_API_KEY: "k-1",
    });
  });

  test("of an argument moves: after an option, in one, in a header, and as a token", () => {
    const args = [
      "--api-key",
      "k-1",
      "--token=t-1",
      "-e",
      "DB_PASSWORD=p-1",
      "--header",
      "Authorization: Bearer b-1",
      "sk-abcdefgh",
      "--verbose",
      "postgresql://me:pw-1@localhost/db",
      "--author",
      "me",
    ];
    const { moved, added } = move({ command: "x", args });
    expect(moved).toEqual({
      command: "x",
      args: [
        "--api-key",
        "${MY_SERVER_API_KEY}",
        "--token=${MY_SERVER_TOKEN}",
        "-e",
        "DB_PASSWORD=${MY_SERVER_DB_PASSWORD}",
        "--header",
        "Authorization: Bearer ${MY_SERVER_AUTHORIZATION}",
        "${MY_SERVER_TOKEN_2}",
        "--verbose",
        "postgresql://me:${MY_SERVER_PASSWORD}@localhost/db",
        "--author",
        "me",
      ],
    });
    expect(Object.values(added)).toEqual(["k-1", "t-1", "p-1", "b-1", "sk-abcdefgh", "pw-1"]);
  });

  test("in a command line of one text, or deep in an object, moves", () => {
    const { moved, added } = move({
      command: "npx -y x --api-key=k-1 y",
      auth: { CLIENT_ID: "me", CLIENT_SECRET: "s-1", tokenUrl: "https://x.example/token" },
      credentials: { type: "headers", headers: { "X-Key": "k-2" } },
    });
    expect(moved).toEqual({
      command: "npx -y x --api-key=${MY_SERVER_API_KEY} y",
      auth: {
        CLIENT_ID: "me",
        CLIENT_SECRET: "${MY_SERVER_CLIENT_SECRET}",
        tokenUrl: "https://x.example/token",
      },
      credentials: { type: "headers", headers: { "X-Key": "${MY_SERVER_X_KEY}" } },
    });
    expect(Object.values(added)).toEqual(["k-1", "s-1", "k-2"]);
  });

  test("of a URL moves: a login, a parameter, and a part of the path that a machine made", () => {
    const { moved, added } = move({
      url: "https://me:p%40ss@x.example/s/a1b2c3d4e5f6a7b8c9d0/mcp?region=eu&api_key=k-1",
    });
    expect(moved).toEqual({
      url: "https://x.example/s/${MY_SERVER_URL_KEY}/mcp?region=eu&api_key=${MY_SERVER_API_KEY}",
      credentials: { type: "basic", username: "me", password: "${MY_SERVER_PASSWORD}" },
    });
    expect(added["MY_SERVER_PASSWORD"]).toBe("p@ss");
    const plain = {
      url: "https://x.example/api/servers/documentation-search/mcp?region=eu-west-1",
    };
    expect(move(plain).moved).toEqual(plain);
  });

  test("never takes the name of a variable that means something else", () => {
    const entry = {
      env: { MCP_SECRET: "s-1", COINGECKO_API_KEY: "s-2", A_KEY: "s-3", B_KEY: "s-4" },
    };
    const { moved, added } = move(entry, "A_KEY=other\nB_KEY=s-4\n", { A_KEY: "other" });
    expect(moved).toEqual({
      env: {
        MCP_SECRET: "${MY_SERVER_MCP_SECRET}",
        COINGECKO_API_KEY: "${MY_SERVER_COINGECKO_API_KEY}",
        A_KEY: "${MY_SERVER_A_KEY}",
        B_KEY: "${B_KEY}",
      },
    });
    // What the file has already is not written again.
    expect(Object.keys(added)).not.toContain("B_KEY");
  });

  test("is read from .env as it was, whatever is in it, and the file keeps its lines", () => {
    const values = [
      "plain",
      "a b#c",
      "it's",
      "$HOME",
      '"q"',
      "`b`",
      " edge ",
      "a\\nb",
      "two\nlines",
    ];
    const env = Object.fromEntries(values.map((value, at) => [`K${at}_KEY`, value]));
    const before = "# mine\r\nOLD=1 # one\r\nLAST=x";
    const { text, added } = move({ env }, before);
    expect(added).toEqual(env);
    expect(text.startsWith(`${before}\r\n`)).toBe(true);
    expect(() => move({ env: { KEY: "'`\"" } })).toThrow("Cannot write KEY to /.env");
  });
});
