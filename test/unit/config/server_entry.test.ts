/** One server: its values, its environment, its errors, and what the log hides. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { failed, fileName, http, read, readOne, shell, stdio } from "./read.ts";

describe("values", () => {
  test("a server with only a command gets the defaults", async () => {
    const { environment: _, ...server } = stdio(await readOne({ command: "npx" }));
    expect(server).toEqual({
      kind: "stdio",
      name: "files",
      command: "npx",
      args: [],
      env: {},
      cwd: "/etc/gateway",
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
  });

  test("a server is started early, unless it opens a browser or its start key says otherwise", async () => {
    const startOf = async (entry: object) => (await readOne(entry)).servers[0]?.start;
    const early: object[] = [
      { command: "npx", args: ["-y", "@modelcontextprotocol/server-memory"] },
      { command: "npx", args: ["@playwright/mcp@latest", "--headless"] },
      { command: "npx", args: ["mcp-remote", "https://example.com/mcp"], start: "early" },
      { command: "node", args: ["./mcp-remote-control.js"] },
      { url: "https://example.com/mcp" },
    ];
    for (const entry of early) expect([entry, await startOf(entry)]).toEqual([entry, "early"]);
    const onDemand: object[] = [
      { command: "npx", args: ["-y", "mcp-remote", "https://example.com/mcp"] },
      { command: "npx", args: ["-y", "mcp-remote@0.1.37", "https://example.com/mcp"] },
      { command: "/usr/local/bin/mcp-remote", args: ["https://example.com/mcp"] },
      { command: "npx", args: ["@playwright/mcp@latest"] },
      { command: "mcp-server-playwright" },
      { command: "x", start: "onDemand" },
      { url: "https://example.com/mcp", start: "onDemand" },
      { recipe: "coingecko", start: "onDemand" },
    ];
    for (const entry of onDemand) {
      expect([entry, await startOf(entry)]).toEqual([entry, "onDemand"]);
    }
  });

  test("every supported key takes effect", async () => {
    const config = await readOne({
      type: "local",
      transport: "stdio",
      command: "npx",
      args: ["-y"],
      env: { PORT: 8080, VERBOSE: true },
      cwd: "/tmp",
      disabled: false,
      isolation: "shared",
      identify: false,
      era: "legacy",
      startTimeoutMs: 1,
      callTimeoutMs: 2,
      idleTimeoutMs: 3,
      tools: { allow: ["a*"], deny: ["ab"], rename: { a: "b" } },
      roots: "none",
      spare: false,
      keepAlive: false,
    });
    const server = stdio(config);
    expect([server.startTimeoutMs, server.callTimeoutMs, server.idleTimeoutMs]).toEqual([1, 2, 3]);
    expect(server.env).toEqual({ PORT: "8080", VERBOSE: "true" });
    expect([server.cwd, server.isolation, server.roots]).toEqual(["/tmp", "shared", "none"]);
    expect([server.era, server.spare, server.identify]).toEqual(["legacy", false, false]);
    expect(server.keepAlive).toBe(false);
    expect(stdio(await readOne({ command: "x", era: "modern" })).era).toBe("modern");
    expect(server.tools).toEqual({ allow: ["a*"], deny: ["ab"], rename: { a: "b" } });
    expect(config.warnings).toEqual([]);
  });

  test("a disabled server is left out, by any of the names for it, whatever else is wrong", async () => {
    expect((await readOne({ disabled: true, args: 5 })).servers).toEqual([]);
    expect((await readOne({ command: "npx", enabled: false })).servers).toEqual([]);
    expect((await readOne({ command: "npx", isActive: false })).servers).toEqual([]);
    const on = { command: "npx", disabled: false, enabled: true, isActive: true };
    expect(stdio(await readOne(on)).command).toBe("npx");
  });

  test("tool filters of other programs work like the gateway's own", async () => {
    const config = await readOne({
      command: "npx",
      tools: { deny: ["a"] },
      disabledTools: ["b"],
      excludeTools: ["c"],
      includeTools: ["d"],
    });
    expect(stdio(config).tools).toEqual({ deny: ["a", "b", "c"], allow: ["d"] });
    const gemini = await readOne({ command: "x", includeTools: ["run(ls)", "read"] });
    expect(stdio(gemini).tools).toEqual({ allow: ["run", "read"] });
    const codex = await readOne({ command: "x", enabled_tools: ["a"], disabled_tools: ["b"] });
    expect(stdio(codex).tools).toEqual({ allow: ["a"], deny: ["b"] });
  });

  test("a list as tools is the list of offered tools, as in Copilot", async () => {
    const toolsOf = async (entry: Record<string, unknown>) =>
      stdio(await readOne({ command: "npx", ...entry })).tools;
    expect(await toolsOf({ tools: ["*"] })).toEqual({ allow: ["*"] });
    expect(await toolsOf({ tools: ["read", "list"] })).toEqual({ allow: ["read", "list"] });
    expect(await toolsOf({ tools: [] })).toEqual({ allow: [] });
    // What is written for two programs is narrowed by neither less than it says.
    expect(await toolsOf({ tools: ["*"], includeTools: ["read"] })).toEqual({ allow: ["read"] });
    expect(await toolsOf({ tools: ["a", "b"], enabledTools: ["b", "a"], disabledTools: ["b"] }))
      .toEqual({ allow: ["a", "b"], deny: ["b"] });
  });

  test("a key that is null, and an empty field of a form, are absent", async () => {
    const nulls = { command: "npx", args: null, env: null, cwd: null, url: null, disabled: null };
    expect(stdio(await readOne(nulls)).args).toEqual([]);
    expect(stdio(await readOne({ command: "npx", url: "", baseUrl: "" })).command).toBe("npx");
    const remote = await readOne({ command: "", args: [], url: "https://x.test/mcp" });
    expect(http(remote).url).toBe("https://x.test/mcp");
    expect(failed(await readOne({ command: "", url: "" })).problem).toContain(".command");
  });

  test("paths are relative to the file's folder and ~ is home; arguments stay as they are", async () => {
    const server = stdio(
      await readOne({
        command: "./bin/../server",
        cwd: "~/work",
        args: ["./x", "~/y"],
        roots: ["docs", "~/a b", "/srv/ü", "file:///data"],
      }),
    );
    expect(server.command).toBe("/etc/gateway/server");
    expect(server.cwd).toBe("/home/me/work");
    expect(server.args).toEqual(["./x", "~/y"]);
    expect(server.roots).toEqual([
      { uri: "file:///etc/gateway/docs" },
      { uri: "file:///home/me/a%20b" },
      { uri: "file:///srv/%C3%BC" },
      { uri: "file:///data" },
    ]);
    expect(stdio(await readOne({ command: "~/bin/x" })).command).toBe("/home/me/bin/x");
    expect(stdio(await readOne({ command: "${BIN}" }, { BIN: "./x" })).command)
      .toBe("/etc/gateway/x");
    expect(failed(await readOne({ command: "x", cwd: "~" }, {})).problem)
      .toBe(`mcpServers.files.cwd in ${fileName}: ~ needs the environment variable HOME`);
  });

  test("a client's roots are relayed on loopback only, unless the file says otherwise", async () => {
    expect(stdio(await readOne({ command: "x" }, shell, true)).roots).toBe("none");
    expect(stdio(await readOne({ command: "x", roots: "relay" }, shell, true)).roots).toBe("relay");
  });
});

describe("references", () => {
  const env = { ...shell, TEAM: "blue", EMPTY: "" };
  const served: [string, string][] = [
    ["${TEAM}", "blue"],
    ["a-${TEAM}-${env:TEAM}", "a-blue-blue"],
    ["${MISSING:-red}", "red"],
    ["${EMPTY:-red}", "red"],
    ["${EMPTY}", ""],
    ["${MISSING:-}", ""],
    ["${MISSING:-a:-b c}", "a:-b c"],
    ["${userHome}${/}x${pathSeparator}y", "/home/me/x/y"],
    ["$${TEAM} $TEAM ${", "${TEAM} $TEAM ${"],
  ];
  for (const [text, expected] of served) {
    test(`${text} becomes ${JSON.stringify(expected)}`, async () => {
      expect(stdio(await readOne({ command: "x", args: [text] }, env)).args).toEqual([expected]);
    });
  }

  const refused: [string, string][] = [
    ["${MISSING}", "the environment variable MISSING is not set"],
    ["${env:MISSING}", "the environment variable MISSING is not set"],
    ["${input:api-key}", "set the environment variable API_KEY and write ${API_KEY} instead"],
    ["${workspaceFolder}/x", "is known only to editors"],
    ["${workspaceFolder:app}", "is known only to editors"],
    ["${command:pick}", "is known only to editors"],
    ["${A:-${B}}", "one ${…} inside another is not supported"],
    ["${#x}", "is not understood"],
    ["${}", "is not understood"],
    ["${MCP_SECRET}", "belongs to the gateway alone"],
  ];
  for (const [text, reason] of refused) {
    test(`${text} fails the server and says what to write`, async () => {
      const config = await read({
        mcpServers: { files: { command: "x", args: ["a", text] }, other: { command: "y" } },
      }, { ...env, MCP_SECRET: "s".repeat(32) });
      expect(failed(config).problem).toContain(`mcpServers.files.args[1] in ${fileName}: `);
      expect(failed(config).problem).toContain(reason);
      expect(stdio(config, "other").command).toBe("y");
    });
  }

  test("an input in a variable suggests that variable", async () => {
    const config = await readOne({ command: "x", env: { WEATHER_KEY: "${input:k}" } });
    expect(failed(config).problem).toContain("set the environment variable WEATHER_KEY and write");
  });

  test("references work in command, cwd, env and roots", async () => {
    const server = stdio(
      await readOne({
        command: "${TEAM}",
        cwd: "${HOME}/w",
        env: { COLOUR: "${TEAM}" },
        roots: ["${HOME}/r"],
      }, env),
    );
    expect([server.command, server.cwd, server.env, server.roots]).toEqual([
      "blue",
      "/home/me/w",
      { COLOUR: "blue" },
      [{ uri: "file:///home/me/r" }],
    ]);
  });
});

describe("the child's environment", () => {
  test("H2 a child gets the short list, the variables it inherits by name and its own, nothing else", async () => {
    const ours = {
      HOME: "/home/me",
      LOGNAME: "me",
      PATH: "/usr/bin",
      SHELL: "/bin/sh",
      TERM: "xterm",
      USER: "me",
      LANG: "C",
      LC_ALL: "C",
      TZ: "UTC",
      TMPDIR: "/tmp",
      NODE_EXTRA_CA_CERTS: "/etc/company.pem",
      SSL_CERT_FILE: "/etc/company.pem",
      SSL_CERT_DIR: "/etc/certificates",
    };
    const config = await readOne(
      { command: "x", inheritEnv: ["PROXY"], env: { OWN: "1", PATH: "/opt", TERM: null } },
      { ...ours, PROXY: "p", AWS_SECRET: "never", MCP_PORT: "8999", NODE_OPTIONS: "--x" },
    );
    const { TERM: _, ...kept } = ours;
    expect({ ...stdio(config).environment }).toEqual({
      ...kept,
      PATH: "/opt",
      PROXY: "p",
      OWN: "1",
    });
    expect({ ...stdio(config).env }).toEqual({ OWN: "1", PATH: "/opt" });
  });

  test("an inherited name that is not set warns; the gateway's own secret is refused", async () => {
    const config = await readOne({ command: "x", inheritEnv: ["NOPE"] });
    expect(stdio(config).command).toBe("x");
    expect(config.warnings).toEqual([
      `Cannot pass on mcpServers.files.inheritEnv[0] of ${fileName}: the variable NOPE is not set`,
    ]);
    expect(failed(await readOne({ command: "x", inheritEnv: ["MCP_SECRET"] })).problem)
      .toContain("belongs to the gateway alone");
  });
});

describe("wrong values", () => {
  const wrong: [string, unknown, string][] = [
    ["no object", 5, "mcpServers.files in FILE: expected an object, got a number"],
    ["no command", {}, "mcpServers.files.command in FILE: expected the program to run"],
    ["a command of nothing", { command: "${NOPE:-}" }, ".command in FILE: expected the program"],
    ["an empty command", { command: "" }, ".command in FILE: expected a string that is not empty"],
    [
      "a command as a list",
      { command: ["npx"] },
      ".command in FILE: expected a string, got a list",
    ],
    ["a number in args", { args: ["a", 5] }, ".args[1] in FILE: expected a string, got a number"],
    ["args as text", { args: "-y" }, ".args in FILE: expected a list of strings, got a string"],
    ["a NUL", { args: ["a\0"] }, ".args[0] in FILE: expected a string without NUL characters"],
    ["a list as variable", { env: { A: [] } }, ".env.A in FILE: expected a string, got a list"],
    ["env as a list", { env: [] }, ".env in FILE: expected an object of strings, got a list"],
    [
      "= in a variable",
      { env: { "A=B": "x" } },
      '.env["A=B"] in FILE: not a valid variable name',
    ],
    ["a word", { isolation: "both" }, 'expected "session", "principal" or "shared", got "both"'],
    ["when to start", { start: "never" }, 'expected "early" or "onDemand", got "never"'],
    ["a wrong era", { era: "old" }, 'expected "auto", "legacy" or "modern", got "old"'],
    [
      "a wrong type",
      { type: "tcp" },
      '.type in FILE: expected "stdio", "http", "streamable-http" or "sse", got "tcp"',
    ],
    ["a spare as number", { spare: 1 }, ".spare in FILE: expected true or false, got a number"],
    ["keepAlive as a time", { keepAlive: 15 }, ".keepAlive in FILE: expected true or false, got a"],
    ["disabled as text", { disabled: "yes" }, ".disabled in FILE: expected true or false"],
    ["no time", { callTimeoutMs: 0 }, ".callTimeoutMs in FILE: expected a whole number of"],
    ["a fraction", { idleTimeoutMs: 1.5 }, ".idleTimeoutMs in FILE: expected a whole number of"],
    [
      "too long",
      { startTimeoutMs: 2 ** 31 },
      ".startTimeoutMs in FILE: expected a whole number of",
    ],
    [
      "tools as text",
      { tools: "read" },
      ".tools in FILE: expected an object with allow, deny, rename or describe, or a list of names",
    ],
    ["a number in a list of tools", { tools: ["a", 1] }, ".tools[1] in FILE: expected a string"],
    ["isActive as text", { isActive: "no" }, ".isActive in FILE: expected true or false"],
    [
      "two lists of tools that differ",
      { tools: { allow: ["a"] }, includeTools: ["a", "b"] },
      ".includeTools in FILE: offers other tools than tools; keep one of the two lists",
    ],
    ["a pattern", { tools: { allow: [1] } }, ".tools.allow[0] in FILE: expected a string"],
    [
      "a bad rename",
      { tools: { rename: { a: "b c" } } },
      ".tools.rename.a in FILE: expected a name",
    ],
    [
      "one name twice",
      { tools: { rename: { a: "c", b: "c" } } },
      ".tools.rename in FILE: expected a different name for each tool",
    ],
    [
      "roots",
      { roots: "all" },
      '.roots in FILE: expected "relay", "none" or a list of directories',
    ],
    [
      "a name",
      { inheritEnv: ["A*"] },
      ".inheritEnv[0] in FILE: expected the name of an environment",
    ],
  ];
  for (const [what, entry, problem] of wrong) {
    test(`${what} fails that server alone, with file, path and expectation`, async () => {
      const files = typeof entry === "object" && what !== "no command"
        ? { command: "npx", ...entry }
        : entry;
      const config = await read({ mcpServers: { files, other: { command: "y" } } });
      expect(failed(config).problem).toContain(problem.replaceAll("FILE", fileName));
      expect(stdio(config, "other").command).toBe("y");
    });
  }

  test("a value that may be secret is never shown", async () => {
    const config = await readOne({
      command: "x",
      args: ["hunter2-a", 1],
      env: { KEY: { value: "hunter2-b" }, "BAD=NAME": "hunter2-c" },
      cwd: 5,
    });
    expect(JSON.stringify(config.servers)).not.toContain("hunter2");
  });

  test("all references that cannot be resolved are reported at once", async () => {
    const { problem } = failed(await readOne({ command: "${A}", env: { X: "${B}" } }));
    expect(problem).toContain("the environment variable A is not set");
    expect(problem).toContain("the environment variable B is not set");
  });
});

describe("what is not supported yet", () => {
  const unserved: [string, Record<string, unknown>][] = [
    ["headersHelper", { url: "https://x.test", headersHelper: "/opt/hunter2.sh" }],
    ["type", { url: "wss://x.test", type: "ws" }],
    ["transport", { url: "wss://x.test", transport: "websocket" }],
    ["restart", { command: "x", restart: { max: 3 } }],
    ["envFile", { command: "x", envFile: ".env" }],
  ];
  for (const [key, entry] of unserved) {
    test(`${JSON.stringify(entry)} fails that server and names ${key}`, async () => {
      const config = await read({ mcpServers: { files: entry, other: { command: "y" } } });
      expect(failed(config).problem).toContain(`mcpServers.files.${key} in ${fileName}: `);
      expect(failed(config).problem).toContain("not supported yet");
      expect(failed(config).problem).not.toContain("hunter2");
      expect(stdio(config, "other").command).toBe("y");
    });
  }
});

describe("secrets", () => {
  const env = { ...shell, GIVEN: "given-value", API_TOKEN: "token-value", SHORT: "abc" };
  const secrets = async (entry: Record<string, unknown>) =>
    [...(await readOne({ command: "x", ...entry }, env)).secrets].sort();

  test("substituted variables and secret-looking names are hidden, whole and in part", async () => {
    expect(await secrets({ env: { A: "Bearer ${GIVEN}", MY_PASSWORD: "plain-text", B: "public" } }))
      .toEqual(["Bearer given-value", "given-value", "plain-text"]);
  });

  test("home, defaults and very short values are not hidden: that would blank out the log", async () => {
    expect(await secrets({ env: { A: "${HOME}/data", B: "${NOPE:-default}", C: "${SHORT}" } }))
      .toEqual([]);
  });

  test("paths, user names and client ids are not hidden, wherever they come from", async () => {
    const more = {
      ...env,
      NOTES: "/home/someone/notes",
      ME: "someone",
      AUTH_USER: "someone",
      OAUTH_CLIENT_ID: "client-of-mine",
      LOOKS_LIKE_A_PATH: "/aB3+dE5fG7hI9jK1=",
    };
    const { secrets } = await readOne({
      command: "x",
      env: {
        DIRECTORY: "${NOTES}",
        DB_USER: "${ME}",
        A: "${AUTH_USER}",
        CLIENT: "${OAUTH_CLIENT_ID}",
        KEY_FILE: "${HOME}/key.pem",
        TOKEN: "${HOME}/token",
        MY_KEY: "${NOTES}",
        B: "${LOOKS_LIKE_A_PATH}",
      },
      inheritEnv: ["AUTH_USER"],
    }, more);
    // What is called a key is one, whatever it looks like.
    expect(secrets).toEqual([
      `${shell["HOME"]}/token`,
      "/home/someone/notes",
      "/aB3+dE5fG7hI9jK1=",
    ]);
  });

  test("arguments hide likely secrets: a token, and a login inside a URL", async () => {
    const url = "postgres://me:hunter2@db/x";
    expect(await secrets({ args: ["--team=${GIVEN}", "--token=${API_TOKEN}", url] }))
      .toEqual([url, "token-value"]);
  });

  test("secrets in options and headers of a command line are hidden", async () => {
    const given = [
      { args: ["--api-key=sk-live-0123"] },
      { args: ["--api-key", "sk-live-0123"] },
      { args: ["--accessToken", "sk-live-0123"] },
      { args: ["x", "--header", "X-Api-Key: sk-live-0123"] },
      { args: ["API_KEY=sk-live-0123"] },
      { command: "server --token sk-live-0123 --port 8080" },
    ];
    for (const entry of given) expect(await secrets(entry)).toEqual(["sk-live-0123"]);
    expect(await secrets({ args: ["--header", "Authorization: Bearer sk-live-0123"] }))
      .toEqual(["Bearer sk-live-0123", "sk-live-0123"]);
  });

  test("other arguments stay readable", async () => {
    const args = [
      "--keyspace",
      "production",
      "--author=someone",
      "--token",
      "--verbose",
      "monkeys",
    ];
    expect(await secrets({ args })).toEqual([]);
  });

  test("inherited secrets and the gateway's own are hidden", async () => {
    const config = await readOne(
      { command: "x", inheritEnv: ["API_TOKEN", "GIVEN"] },
      { ...env, MCP_SECRET: "0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c" },
    );
    expect([...config.secrets].sort()).toEqual(["0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c", "token-value"]);
  });
});
