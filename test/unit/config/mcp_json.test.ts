/** The file as a whole: which files are read, and what happens to names, keys and faults in them. */
import { describe, expect, test } from "bun:test";
import { readServers } from "../../../src/config/mcp_json.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";
import { failed, file, fileName, own, read, refusal, shell, stdio } from "./read.ts";

const memory = { command: "npx", args: ["-y", "server-memory"] };
const names = (config: { servers: readonly { name: string }[] }) =>
  config.servers.map(({ name }) => name);

describe("files that clients write", () => {
  test("the file of Claude Desktop is read as it is, in its order", async () => {
    const config = await read({ mcpServers: { zeta: memory, alpha: memory } });
    expect(names(config)).toEqual(["zeta", "alpha"]);
    expect(stdio(config, "zeta").args).toEqual(["-y", "server-memory"]);
    expect(config.names).toBe("auto");
    expect(config.warnings).toEqual([]);
  });

  test("the servers object of VS Code is read, its inputs and a stdio type included", async () => {
    const config = await read({
      inputs: [{ id: "key", type: "promptString" }],
      servers: { memory: { type: "stdio", ...memory, dev: { watch: "**" }, gallery: true } },
    });
    expect(stdio(config, "memory").command).toBe("npx");
    expect(config.warnings).toEqual([]);
  });

  test("the mcp.servers object in settings of VS Code is read", async () => {
    expect(names(await read({ mcp: { servers: { memory } } }))).toEqual(["memory"]);
  });

  test("comments, trailing commas and a byte order mark are allowed", async () => {
    const config = await read(
      '\uFEFF// mine\n{ "mcpServers": { /* one */ "memory": { "command": "npx", }, }, }',
    );
    expect(names(config)).toEqual(["memory"]);
    expect(config.warnings).toEqual([]);
  });

  test("keys that clients write for themselves are ignored without a warning", async () => {
    const config = await read({
      mcpServers: {
        memory: { ...memory, autoApprove: ["read"], alwaysAllow: [], description: "x", icon: "y" },
      },
    });
    expect(stdio(config, "memory").command).toBe("npx");
    expect(config.warnings).toEqual([]);
  });
});

describe("faults of the whole file", () => {
  test("a syntax error is reported with line and column", async () => {
    expect(await refusal(read('{\n  "mcpServers": {\n    "a" { }\n  }\n}')))
      .toBe(`Cannot parse ${file}: line 3, column 9: expected a colon after the key`);
  });

  const unparsable: [string, string][] = [
    ["", "line 1, column 1"],
    ["{", "line 1, column 2"],
    ["{} {}", "line 1, column 4"],
    ['{"a": nope}', "line 1, column 7"],
    ['{"a": "x', "line 1, column 7"],
    ['{"a": 1 "b": 2}', "line 1, column 9"],
  ];
  for (const [text, where] of unparsable) {
    test(`text ${JSON.stringify(text)} is refused at ${where}`, async () => {
      expect(await refusal(read(text))).toContain(`Cannot parse ${file}: ${where}: `);
    });
  }

  test("absurdly deep nesting is refused and does not end the process", async () => {
    expect(await refusal(read("[".repeat(1_000_000)))).toContain("nested too deeply");
  });

  test("a file that is no object, and a servers key that is none, are refused", async () => {
    expect(await refusal(read([]))).toBe(`Cannot use ${file}: expected an object, got a list`);
    expect(await refusal(read({ mcpServers: [] })))
      .toBe(`Cannot use mcpServers in ${fileName}: expected an object, got a list`);
  });

  test("a file that is missing or cannot be read is refused, with the reason", async () => {
    const options = { path: file, env: shell, own, kinds: upstreamKinds };
    expect(await refusal(readServers({ ...options, readText: () => Promise.resolve(undefined) })))
      .toBe(`Cannot read ${file}: no such file`);
    const readText = () => Promise.reject(new Error("permission denied"));
    expect(await refusal(readServers({ ...options, readText })))
      .toBe(`Cannot read ${file}: permission denied`);
  });

  test("an unknown value of names is refused with the known ones", async () => {
    expect(await refusal(read({ mcpServers: {}, names: "short" })))
      .toBe(`Cannot use names in ${file}: expected "auto", "bare" or "prefixed", got "short"`);
    expect((await read({ mcpServers: {}, names: "bare" })).names).toBe("bare");
  });
});

describe("names of servers", () => {
  test("a name with a space keeps it", async () => {
    expect(names(await read({ mcpServers: { "My Server": memory } }))).toEqual(["My Server"]);
  });

  test("of two names with the same prefix, only the later server fails", async () => {
    const config = await read({ mcpServers: { "my server": memory, "my.server": memory } });
    expect(stdio(config, "my server").command).toBe("npx");
    expect(failed(config, "my.server").problem).toBe(
      `mcpServers["my.server"] in ${fileName}: its tools would have the same prefix "my_server" ` +
        'as those of "my server"; choose another name',
    );
  });

  test("a disabled server does not occupy a prefix", async () => {
    const config = await read({
      mcpServers: { "my server": { ...memory, disabled: true }, "my.server": memory },
    });
    expect(names(config)).toEqual(["my.server"]);
    expect(stdio(config, "my.server").command).toBe("npx");
  });

  test("a name that cannot be part of a URL fails only its server", async () => {
    for (const name of ["", ".", "..", "a\nb", "a\ud800", "x".repeat(129)]) {
      const config = await read({ mcpServers: { [name]: memory, memory } });
      expect(failed(config, name).problem).toContain("expected a name");
      expect(stdio(config, "memory").command).toBe("npx");
    }
  });

  test("A11 names and variables such as __proto__ and constructor work like others", async () => {
    const config = await read(
      `{"mcpServers": {
        "__proto__": {"command": "a", "env": {"__proto__": "polluted", "constructor": "kept"}},
        "constructor": {"command": "b", "tools": {"rename": {"__proto__": "x", "toString": "y"}}},
        "hasOwnProperty": {"command": "c", "args": ["\${constructor}"]}
      }, "__proto__": {"polluted": true}}`,
    );
    expect(names(config)).toEqual(["__proto__", "constructor", "hasOwnProperty"]);
    const { env, environment } = stdio(config, "__proto__");
    expect(Object.entries(env)).toEqual([["__proto__", "polluted"], ["constructor", "kept"]]);
    expect(Object.keys(environment)).toContain("__proto__");
    const { rename } = stdio(config, "constructor").tools;
    expect(Object.entries(rename ?? {})).toEqual([["__proto__", "x"], ["toString", "y"]]);
    expect(failed(config, "hasOwnProperty").problem).toContain("constructor is not set");
    expect(({} as Record<string, unknown>)["polluted"]).toBe(undefined);
  });

  test("the same name in two sections is one server, the first", async () => {
    const config = await read({ mcpServers: { memory }, servers: { memory: { command: "x" } } });
    expect(names(config)).toEqual(["memory"]);
    expect(stdio(config, "memory").command).toBe("npx");
    expect(config.warnings[0]).toContain("servers.memory");
  });

  test("the same key twice in one object: the last counts, and a warning says so", async () => {
    const config = await read('{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}');
    expect(stdio(config, "a").command).toBe("y");
    expect(config.warnings).toEqual([
      `Ignored the first mcpServers.a of ${file}: the key appears twice, and the last one counts`,
    ]);
  });
});

describe("unknown keys", () => {
  test("a mistyped key of a server warns with the nearest known name", async () => {
    const config = await read({
      mcpServers: {
        a: { ...memory, agrs: [], tools: { alow: [] }, quux: 1, workingDirectory: "." },
      },
    });
    expect(stdio(config, "a").command).toBe("npx");
    expect(config.warnings).toEqual([
      `Ignored mcpServers.a.agrs of ${fileName}: unknown key; did you mean "args"?`,
      `Ignored mcpServers.a.quux of ${fileName}: unknown key`,
      `Ignored mcpServers.a.workingDirectory of ${fileName}: unknown key; did you mean "cwd"?`,
      `Ignored mcpServers.a.tools.alow of ${fileName}: unknown key; did you mean "allow"?`,
    ]);
  });

  test("a mistyped key of the file warns; a client's own settings share one line", async () => {
    const config = await read({ mcpServer: {}, theme: "dark", "editor.tabSize": 2, $schema: "x" });
    expect(config.warnings).toEqual([
      `Found no servers in ${fileName}: expected an object "mcpServers"`,
      `Ignored mcpServer of ${fileName}: unknown key; did you mean "mcpServers"?`,
      `Ignored "theme", "editor.tabSize" of ${fileName}: unknown keys`,
    ]);
  });
});
