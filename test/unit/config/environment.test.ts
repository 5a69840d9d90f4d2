/**
 * The environment: defaults, values, refusals, and the files that document it.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "bun:test";
import type { FailedServerConfig } from "../../../src/config/config.ts";
import { isOfKind } from "../../../src/config/server_kind.ts";
import { variables } from "../../../src/config/variables.ts";
import { docPages } from "../../support/doc_pages.ts";
import { read, refusal, shell, start, stdio } from "./read.ts";

const rootFile = (name: string) =>
  readFile(fileURLToPath(new URL(`../../../${name}`, import.meta.url)), "utf8");
const secret = "q7Zr1mVx0LpN4tWb8sKd2hFy6cGj9uEa";

describe("readConfig", () => {
  test("starts with nothing configured but CoinGecko, and says how to add a server", async () => {
    const { config, configPath, listener, notes } = await start({});
    const { servers, ...rest } = config;
    expect(servers.map(({ name, kind }) => `${name}: ${kind}`)).toEqual(["coingecko: rest"]);
    expect(rest).toEqual({
      host: "localhost",
      port: 8999,
      dataDirectory: "/srv/data",
      sessionTimeoutMs: 3_600_000,
      bodyBytesMax: 16 * 1024 * 1024,
      publicUrl: undefined,
      allowedOrigins: [],
      allowedHosts: [],
      secret: undefined,
      internalUrl: undefined,
      internalAllow: ["127.0.0.0/8", "::1"],
      logLevel: "INFO",
      debug: false,
      tryServers: true,
      metrics: true,
      audit: "off",
      names: "auto",
      warnings: [],
      files: [],
      secrets: [],
    });
    expect(configPath).toBe("/srv/mcp.json");
    expect(listener).toBe(undefined);
    expect(notes.length).toBe(3);
    expect(notes[0]).toContain(
      "the gateway offers CoinGecko, which needs no key; set OPENSUBTITLES_API_KEY",
    );
    expect(notes[1]).toContain("with mcp-wrapper add, or write them into /srv/mcp.json");
    const example = notes[2]?.slice("For example: ".length) ?? "";
    expect((await read(example)).servers.map(({ kind }) => kind)).toEqual(["stdio"]);
    expect((await read(example)).warnings).toEqual([]);
  });

  test("OpenSubtitles is available if its key is set, and the notes say so", async () => {
    const { config, notes } = await start({ OPENSUBTITLES_API_KEY: "a-key-of-mine" });
    expect(config.servers.map(({ name }) => name)).toEqual(["coingecko", "opensubtitles"]);
    expect(config.secrets).toEqual(["a-key-of-mine"]);
    expect(notes[0]).toContain("and OpenSubtitles, since OPENSUBTITLES_API_KEY is set");
  });

  test("built-in servers are available by default only without a configuration", async () => {
    const files = { "/srv/mcp.json": '{"mcpServers": {}}' };
    expect((await start({ OPENSUBTITLES_API_KEY: "a-key-of-mine" }, files)).config.servers).toEqual(
      [],
    );
  });

  test("every variable arrives", async () => {
    const { config, configPath, listener } = await start({
      HOME: "/home/me",
      MCP_HOST: "127.0.0.1",
      MCP_PORT: "0",
      MCP_DATA_DIR: "~/state",
      MCP_CONFIG: "conf/../servers.json",
      LOG_LEVEL: "warning",
      MCP_SESSION_TIMEOUT: "60",
      MCP_PUBLIC_URL: "https://MCP.example.com/base/",
      MCP_ALLOWED_ORIGINS: "https://App.example.com:443/, vscode-webview://x ,",
      MCP_TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8,fd00::/8,",
      MCP_ALLOWED_HOSTS: "mcp.example.com,Other:8080,[::1]:90",
      MCP_SECRET: secret,
      MCP_LISTENER: "hardened",
      MCP_AUTH: "key, oauth",
      MCP_METRICS: "off",
      MCP_AUDIT: "Arguments",
    }, { "/srv/servers.json": '{"mcpServers": {"a": {"command": "x"}}}' });
    expect(configPath).toBe("/srv/servers.json");
    expect(listener).toBe("hardened");
    expect(config.servers.map(({ name }) => name)).toEqual(["a"]);
    expect([config.host, config.port, config.dataDirectory]).toEqual([
      "127.0.0.1",
      0,
      "/home/me/state",
    ]);
    expect([config.logLevel, config.sessionTimeoutMs]).toEqual(["WARN", 60_000]);
    expect(config.publicUrl).toBe("https://mcp.example.com/base");
    expect(config.auth).toEqual({ kinds: ["key", "oauth"], settings: {} });
    expect(config.allowedOrigins).toEqual(["https://app.example.com", "vscode-webview://x"]);
    expect(config.trustedProxies).toEqual(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);
    expect(config.allowedHosts).toEqual(["mcp.example.com", "other:8080", "[::1]:90"]);
    expect([config.metrics, config.audit]).toEqual([false, "arguments"]);
    expect(config.secret).toBe(secret);
    expect(config.secrets).toEqual([secret]);
  });

  test("DEBUG_MODE means level DEBUG; an empty value means none; :memory: is no path", async () => {
    const { config } = await start({ DEBUG_MODE: "true", MCP_PORT: "", MCP_DATA_DIR: ":memory:" });
    expect([config.debug, config.logLevel, config.port, config.dataDirectory])
      .toEqual([true, "DEBUG", 8999, ":memory:"]);
  });

  test("without the admin API no metrics are collected, and wanting them is a warning", async () => {
    for (const env of [{ MCP_ADMIN: "off" }, { MCP_DATA_DIR: ":memory:" }]) {
      const { config, warnings } = await start({ ...env, MCP_METRICS: "on" });
      expect(config.metrics).toBe(false);
      expect(warnings).toEqual([
        expect.stringContaining("MCP_METRICS has no effect: the admin API is off"),
      ]);
    }
  });

  const malformed: [string, string[]][] = [
    ["MCP_HOST", ["http://localhost", "localhost:8999", "a b", "-"]],
    ["MCP_PORT", ["-1", "65536", "80a", "1e3", "8.5"]],
    ["LOG_LEVEL", ["loud", "constructor"]],
    ["DEBUG_MODE", ["maybe"]],
    ["MCP_SESSION_TIMEOUT", ["0", "-5", "1h", "99999999"]],
    ["MCP_BODY_MAX_MB", ["0", "257", "1.5", "16M"]],
    ["MCP_PUBLIC_URL", ["example.com", "ftp://x", "https://a:b@x", "https://x/?q", "https://x/#f"]],
    ["MCP_ALLOWED_ORIGINS", ["*", "example.com", "https://x/path", "https://*.x", "null"]],
    ["MCP_ALLOWED_HOSTS", ["*", "http://x", "x/y", "x:99999", "::1", "*.x"]],
    ["MCP_TRUSTED_PROXIES", [
      "proxy.example",
      "*",
      "10.0.0.0/33",
      "::/129",
      "10.1",
      "[::1]",
      "::1%0",
    ]],
    ["MCP_LISTENER", ["slow", "toString"]],
    ["MCP_ALLOW_UNAUTHENTICATED", ["sure"]],
    ["MCP_METRICS", ["some", "prometheus"]],
    ["MCP_AUDIT", ["all", "hash", "toString"]],
  ];
  for (const [name, values] of malformed) {
    test(`a malformed ${name} stops the start and says what is expected`, async () => {
      for (const value of values) {
        expect(await refusal(start({ [name]: value })))
          .toContain(`Cannot use ${name}=${JSON.stringify(value)}: expected `);
      }
    });
  }

  test("all malformed values are reported at once, a line each", async () => {
    const message = await refusal(start({ MCP_PORT: "x", LOG_LEVEL: "y" }));
    expect(message.split("\n").length).toBe(2);
  });

  test("a misspelt MCP_ name stops the start with the name that was meant", async () => {
    expect(await refusal(start({ MCP_PROT: "1", MCP_ALLOWED_HOST: "x", MCP_WHATEVER: "1" }))).toBe(
      "Cannot use MCP_PROT: unknown variable; did you mean MCP_PORT?\n" +
        "Cannot use MCP_ALLOWED_HOST: unknown variable; did you mean MCP_ALLOWED_HOSTS?",
    );
  });

  test("an MCP_ name of another program is a warning, and the gateway starts", async () => {
    const { warnings } = await start({ MCP_WHATEVER: "1", MCP_HOME: "/x", MCP_SERVER_URL: "y" });
    expect(warnings).toEqual(
      ["MCP_WHATEVER", "MCP_HOME", "MCP_SERVER_URL"].map((name) =>
        `${name} is not a variable of the gateway and has no effect; ` +
        ".env.example lists those that are"
      ),
    );
  });

  test("an MCP_ name that the file mentions, or that a client owns, is no fault", async () => {
    const text = JSON.stringify({
      mcpServers: {
        a: { command: "x", env: { K: "${MCP_TEAM_KEY}" }, inheritEnv: ["MCP_OTHER"] },
        b: { command: "x", args: ["${MCP_LATER}"], disabled: true },
      },
    });
    const env = { MCP_TEAM_KEY: "k", MCP_OTHER: "o", MCP_LATER: "l", MCP_TIMEOUT: "1" };
    const { config, notes } = await start(env, { "/srv/mcp.json": text });
    expect(config.servers.map(({ kind }) => kind)).toEqual(["stdio"]);
    expect(notes).toEqual(["MCP_TIMEOUT belongs to another program and has no effect here"]);
  });

  test("H6 a short or well-known MCP_SECRET is refused and never shown", async () => {
    const weak = [
      "changeme",
      secret.slice(1),
      "a".repeat(40),
      "0123456789abcdef".repeat(2),
      "please-change-me-please-thank-you-9",
      "my-super-secret-PASSWORD-1234567890",
    ];
    for (const value of weak) {
      const message = await refusal(start({ MCP_SECRET: value }));
      expect(message).toContain("Cannot use MCP_SECRET: expected at least 32 random characters");
      expect(message).not.toContain(value);
    }
    expect((await start({ MCP_SECRET: secret })).config.secret).toBe(secret);
  });

  test("H6 an address beyond loopback needs consent, and then logs a warning", async () => {
    for (const host of ["0.0.0.0", "::", "[::]", "192.168.1.5", "gateway.local", "128.0.0.1"]) {
      expect(await refusal(start({ MCP_HOST: host }))).toContain("MCP_ALLOW_UNAUTHENTICATED=true");
    }
    const open = await start({ MCP_HOST: "[::]", MCP_ALLOW_UNAUTHENTICATED: "true" });
    expect(open.config.host).toBe("::");
    expect(open.warnings).toEqual([
      "Listening on :: without authentication, as MCP_ALLOW_UNAUTHENTICATED says: " +
      "every machine that can reach this one can run every tool",
    ]);
    expect(open.notes.join("\n")).toContain("MCP_ALLOWED_HOSTS");
    for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "[::1]"]) {
      const { notes, warnings } = await start({ MCP_HOST: host });
      expect([...notes, ...warnings].join("\n")).not.toContain("authentication");
    }
  });

  test("H6 an address that others can reach needs authentication or consent, however they reach it", async () => {
    const reaches = [
      [{ MCP_HOST: "0.0.0.0" }, 'MCP_HOST or --host "0.0.0.0"'],
      [{ MCP_PUBLIC_URL: "https://mcp.example.com" }, "MCP_PUBLIC_URL=https://mcp.example.com"],
      [{ MCP_PUBLIC_URL: "http://10.0.0.1:8999/x" }, "MCP_PUBLIC_URL=http://10.0.0.1:8999/x"],
      [{ MCP_PUBLIC_URL: "https://localhost.example" }, "MCP_PUBLIC_URL=https://localhost.example"],
      [{ MCP_TRUSTED_PROXIES: "10.0.0.0/8" }, "MCP_TRUSTED_PROXIES=10.0.0.0/8"],
    ] as const;
    const noKinds = [{}, { MCP_AUTH: "" }, { MCP_AUTH: "none" }];
    for (const [reach, setting] of reaches) {
      for (const kinds of noKinds) {
        const text = await refusal(start({ ...reach, ...kinds }));
        expect(text).toContain(`without authentication with ${setting}: `);
        expect(text).toContain("set MCP_AUTH=key and make a key for each client with");
      }
      const consented = await start({ ...reach, MCP_ALLOW_UNAUTHENTICATED: "true" });
      expect(consented.warnings.join()).toContain("without authentication, as MCP_ALLOW_UNAUTH");
      for (const kinds of ["key", "key,jwt"]) {
        const { warnings } = await start({ ...reach, MCP_AUTH: kinds });
        expect(warnings).toEqual([]);
      }
      const file = { "/srv/mcp.json": '{"mcpServers": {}, "auth": {"key": {}}}' };
      expect((await start(reach, file)).config.auth?.kinds).toEqual(["key"]);
    }
    for (const url of ["http://localhost:1", "https://127.0.0.1", "http://[::1]:8999"]) {
      expect((await start({ MCP_PUBLIC_URL: url })).warnings).toEqual([]);
    }
  });

  test("beyond loopback no client can choose directories", async () => {
    const files = { "/srv/mcp.json": '{"mcpServers": {"a": {"command": "x"}}}' };
    const env = { MCP_HOST: "0.0.0.0", MCP_ALLOW_UNAUTHENTICATED: "true" };
    expect(stdio((await start(env, files)).config, "a").roots).toBe("none");
  });

  test("a file that MCP_CONFIG names must exist; a file that is broken stops the start", async () => {
    expect(await refusal(start({ MCP_CONFIG: "/nope.json" })))
      .toContain(
        "Cannot read /nope.json: no such file; correct the path in MCP_CONFIG or --config",
      );
    expect(await refusal(start({}, { "/srv/mcp.json": "{" }))).toContain("line 1, column 2");
    expect(await refusal(start({ MCP_CONFIG: "~/x.json" }))).toContain("~ needs the variable HOME");
  });

  test("a file without an enabled server starts, and says so", async () => {
    const { notes } = await start({}, { "/srv/mcp.json": '{"mcpServers": {}}' });
    expect(notes).toEqual(["Found no enabled server in /srv/mcp.json"]);
  });
});

describe("the files that explain the configuration", () => {
  test("P13 .env.example names exactly the variables there are, at their defaults", async () => {
    const lines = (await rootFile(".env.example")).split("\n");
    const named = lines.map((line) => /^# ([A-Z_]+)=(.*)$/.exec(line)).filter((found) => found);
    expect(named.map((found) => `${found?.[1]}=${found?.[2]}`)).toEqual(
      Object.entries(variables).map(([name, row]) =>
        `${name}=${"default" in row ? row.default : ""}`
      ),
    );
    expect(lines.filter((line) => line !== "" && !line.startsWith("# "))).toEqual([]);
    for (const found of named) {
      const before = lines[lines.indexOf(found?.[0] ?? "") - 1] ?? "";
      expect(before).toMatch(/^# .*[a-z]/);
    }
  });

  test("every example of mcp.json in the documentation loads without a warning", async () => {
    const recipe = {
      title: "A",
      description: "A.",
      baseUrl: "https://a.test",
      endpoints: [{ name: "a", description: "A.", path: "/a" }],
    };
    const files = {
      "/etc/gateway/holidays.json": JSON.stringify(recipe),
      "/etc/gateway/crm.yaml": "openapi: 3.1.0",
      "/etc/gateway/crm-secret": "secret-of-the-crm",
      "/etc/gateway/reports-key.pem": "key-of-the-reports",
      "/run/secrets/id-token": "token-of-a-user",
      "/var/run/secrets/tokens/metrics": "token-of-the-workload",
    };
    const tokens = { GITHUB_TOKEN: "a", OPENSUBTITLES_API_KEY: "b", TRACKER_TOKEN: "c" };
    const secrets = {
      OPENID_SECRET: "d",
      PORTAL_SECRET: "e",
      REPORTS_SECRET: "f",
      TRACKER_SECRET: "g",
      ID_CLIENT_SECRET: "h",
      WIKI_CLIENT_SECRET: "i",
    };
    const env = { ...shell, ...tokens, ...secrets };
    const texts = await Promise.all(["README.md", ...docPages].map(rootFile));
    const examples = texts.flatMap((text) => [...text.matchAll(/^```json\n([^]*?)^```/gm)])
      .map(([, block = ""]) => block).filter((block) => block.includes('"mcpServers"'));
    expect(examples.length).toBeGreaterThan(5);
    for (const example of examples) {
      const { servers: all, warnings } = await read(example, env, false, files);
      // Those for a client name the gateway, which is no server of its own.
      const servers = all.filter((server) =>
        !isOfKind<FailedServerConfig>(server, "failed") ||
        !server.problem.includes("leads back to this gateway")
      );
      expect([example, warnings, servers.filter(({ kind }) => kind === "failed")])
        .toEqual([example, [], []]);
      expect(all.length).toBeGreaterThan(0);
    }
  });

  test("mcp.example.json loads without a warning, with and without its secrets", async () => {
    const text = await rootFile("mcp.example.json");
    const config = await read(text);
    expect(config.warnings).toEqual([]);
    expect(config.servers.map(({ name, kind }) => `${name}: ${kind}`))
      .toEqual(["files: stdio", "memory: stdio", "time: stdio", "coingecko: rest"]);
    const enabled = await read(text.replaceAll('"disabled": true', '"disabled": false'), {
      ...shell,
      BRAVE_API_KEY: "brave-key",
      GITHUB_TOKEN: "github-token",
      OPENSUBTITLES_API_KEY: "subtitles-key",
    });
    expect(enabled.warnings).toEqual([]);
    expect(enabled.servers.map(({ kind }) => kind))
      .toEqual(["stdio", "stdio", "stdio", "stdio", "rest", "rest", "rest", "http"]);
    expect([...enabled.secrets].sort()).toEqual(["brave-key", "github-token", "subtitles-key"]);
  });
});
