/**
 * Files of other programs: which keys take effect, which are ignored with a note, and which cause a
 * warning.
 */
import { describe, expect, test } from "bun:test";
import { decodeFile } from "../../../src/runtime/file_text.ts";
import { failed, fileName, http, read, readOne, shell, stdio } from "./read.ts";

const memory = { command: "npx" };
const names = (config: { servers: readonly { name: string }[] }) =>
  config.servers.map(({ name }) => name);

describe("what other programs write for themselves", () => {
  test("is ignored with one note for each kind, which names the servers", async () => {
    const config = await read({
      mcpServers: {
        a: { ...memory, alwaysAllow: ["x"], autoApprove: ["y"], timeout: 60, icon: "i" },
        b: { ...memory, trust: true, timeout: 600_000, description: "d" },
        c: { url: "https://x.test/mcp", env: { TOKEN: "hunter22" }, initTimeout: 5 },
      },
      globalShortcut: "Ctrl+Space",
      projects: { "/home/me": { mcpServers: { hidden: memory } } },
    });
    expect(names(config)).toEqual(["a", "b", "c"]);
    expect(config.warnings).toEqual([]);
    const notes = config.notes ?? [];
    expect(notes.map((note) => note.replace(/: .*$/s, ""))).toEqual([
      `Ignored "alwaysAllow", "autoApprove", "trust" of "a", "b" in ${fileName}`,
      `Ignored "timeout" of "a", "b" in ${fileName}`,
      `Ignored "initTimeout" of "c" in ${fileName}`,
      `Ignored "env" of "c" in ${fileName}`,
      `Ignored "description", "icon" of "a", "b" in ${fileName}`,
      `Ignored "projects" in ${fileName}`,
      `Ignored "globalShortcut" in ${fileName}`,
    ]);
    expect(notes[1]).toContain('set "callTimeoutMs" (in milliseconds)');
    expect(notes[2]).toContain('set "startTimeoutMs" (in milliseconds)');
    expect(notes.join()).not.toContain("hunter22");
  });

  test("is one short line for any number of servers", async () => {
    const many = Array.from({ length: 500 }, (_, at) => [`s${at}`, { ...memory, timeout: 1 }]);
    const { notes } = await read({ mcpServers: Object.fromEntries(many) });
    expect(notes?.length).toBe(1);
    expect(notes?.[0]).toContain('"s19" and 480 more in');
  });

  test("is not noted for a server that is switched off", async () => {
    const off = { ...memory, isActive: false, timeout: 60 };
    expect((await read({ mcpServers: { off, memory } })).notes).toBe(undefined);
  });

  test("gives no consent: a server is read as if it had no approvals", async () => {
    const approved = { alwaysAllow: ["*"], autoApprove: true, trust: true, isTrusted: true };
    const [one] = (await readOne({ ...memory, ...approved })).servers;
    const [other] = (await readOne(memory)).servers;
    expect(one).toEqual(other);
  });

  test("does not include unknown keys: they cause a warning", async () => {
    const config = await readOne({ ...memory, alwaysAlow: [], timeot: 1 });
    expect(config.notes).toBe(undefined);
    expect(config.warnings).toEqual([
      `Ignored mcpServers.files.alwaysAlow of ${fileName}: unknown key`,
      `Ignored mcpServers.files.timeot of ${fileName}: unknown key`,
    ]);
  });

  test("variables next to a url are not read", async () => {
    const url = "https://x.test/mcp";
    for (const env of [{ A: "${NOPE}", B: "$HOME" }, { A: ["x"] }, ["A=x"], "A=x"]) {
      const config = await readOne({ url, env });
      expect(http(config).url).toBe(url);
      expect(config.warnings).toEqual([]);
      expect(config.notes?.length).toBe(1);
    }
    expect((await readOne({ url, env: {} })).notes).toBe(undefined);
  });
});

describe("servers that other programs switch off by a key", () => {
  const keys: readonly (readonly [string, boolean])[] = [
    ["disabled", true],
    ["disable", true],
    ["isDisabled", true],
    ["enabled", false],
    ["isEnabled", false],
    ["active", false],
    ["isActive", false],
  ];
  for (const [key, off] of keys) {
    test(`are left out, and those that are on are kept: ${key}`, async () => {
      const a = { ...memory, [key]: off };
      const b = { ...memory, [key]: !off };
      const config = await read({ mcpServers: { a, b } });
      expect(names(config)).toEqual(["b"]);
      expect([config.warnings, config.notes]).toEqual([[], undefined]);
    });

    test(`do not run where a program wrote something else: ${key}`, async () => {
      const config = await readOne({ ...memory, [key]: String(off) });
      expect(failed(config).problem).toContain(`${key} in ${fileName}: expected true or false`);
    });
  }
});

describe("servers that other programs switch off by a list", () => {
  const mcpServers = { a: memory, b: memory, c: memory };
  const lists: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
    ["Gemini's excluded servers", { mcp: { excluded: ["b"] } }, ["a", "c"]],
    ["Gemini's allowed servers", { mcp: { allowed: ["b"] } }, ["b"]],
    ["both of Gemini's lists", { mcp: { allowed: ["a", "b"], excluded: ["b"] } }, ["a"]],
    ["Gemini's lists as they were", { allowMCPServers: ["a"], excludeMCPServers: [] }, ["a"]],
    ["Claude Code's disabled servers", { disabledMcpServers: ["c"] }, ["a", "b"]],
  ];
  for (const [what, top, left] of lists) {
    test(`are left out: ${what}`, async () => {
      const config = await read({ mcpServers, ...top });
      expect(names(config)).toEqual([...left]);
      expect(config.warnings).toEqual([]);
    });
  }
});

describe("the file of Zed", () => {
  test("has its servers under context_servers", async () => {
    const config = await read({
      context_servers: {
        one: { source: "custom", command: "npx", args: ["x"], env: {} },
        two: { source: "custom", enabled: false, command: "npx" },
      },
    });
    expect(names(config)).toEqual(["one"]);
    expect(config.warnings).toEqual([]);
  });
});

describe("variables without braces", () => {
  const env = { ...shell, http_proxy: "http://p.test" };
  const warningsOf = async (entry: Record<string, unknown>) =>
    (await readOne({ command: "npx", ...entry }, env)).warnings;

  const bare: readonly (readonly [Record<string, unknown>, string, string])[] = [
    [{ env: { TOKEN: "$GITHUB_TOKEN" } }, "env.TOKEN", "${GITHUB_TOKEN}"],
    [{ env: { A: "x:$HOME/y" } }, "env.A", "${HOME}"],
    [{ args: ["--key=$API_KEY"] }, "args[0]", "${API_KEY}"],
    [{ args: ["$http_proxy"] }, "args[0]", "${http_proxy}"],
    [{ args: ["%USERPROFILE%\\data"] }, "args[0]", "${USERPROFILE}"],
    [{ cwd: "$HOME" }, "cwd", "${HOME}"],
    [
      { command: undefined, url: "https://x.test", headers: { Authorization: "Bearer $MY_TOKEN" } },
      "headers.Authorization",
      "${MY_TOKEN}",
    ],
    [
      { command: undefined, url: "https://x.test", credentials: { type: "bearer", token: "$T_X" } },
      "credentials.token",
      "${T_X}",
    ],
  ];
  for (const [entry, key, reference] of bare) {
    test(`${JSON.stringify(entry)} warns and names ${reference}`, async () => {
      const [warning, more] = await warningsOf(entry);
      expect(warning).toContain(`Passed on mcpServers.files.${key} of ${fileName} as it is: `);
      expect(warning).toContain(`write ${reference} for its value`);
      expect(more).toBe(undefined);
    });
  }

  const plain = [
    "$1",
    "$5.00",
    "US$",
    "$(date)",
    "$$",
    "$$HOME",
    "\\$HOME",
    "pa$WORD",
    "$.items[0]",
    "$ref",
    "?$filter=a",
    "^x$",
    "100%",
    "a%20b%20c",
    "%E4%B8%AD%E6%96%87",
    "%Y-%m-%d",
    "$${HOME}",
    "${HOME}",
    "${NOPE:-x}",
  ];
  test("a $ or % that names no variable stays as it is", async () => {
    for (const text of plain) {
      expect([text, await warningsOf({ args: [text] })]).toEqual([text, []]);
    }
  });

  test("the value arrives as it was written", async () => {
    const config = await readOne({ command: "x", args: ["$HOME", "%TEMP%"], env: { A: "$HOME" } });
    expect(stdio(config).args).toEqual(["$HOME", "%TEMP%"]);
    expect(stdio(config).env["A"]).toBe("$HOME");
  });

  test("a shell has variables of its own", async () => {
    expect(await warningsOf({ command: "/bin/sh", args: ["-c", "echo $HOME"] })).toEqual([]);
    expect(await warningsOf({ command: "docker", args: ["run", "x", "bash", "-c", "echo $HOME"] }))
      .toEqual([]);
  });

  test("what may be a password is not shown", async () => {
    const [warning] = await warningsOf({ env: { PASSWORD: "$UPERPA55" } });
    expect(warning).toContain("write ${NAME} for its value");
    expect(warning).not.toContain("UPERPA55");
  });

  test("a reference that fails still says what to set", async () => {
    const config = await readOne({ command: "x", args: ["$A_B ${NOPE}"] });
    expect(failed(config).problem).toContain("the environment variable NOPE is not set");
  });
});

describe("the text of a file", () => {
  const text = '{ "mcpServers": { "日本😀": { "command": "npx" } } }';
  const units = (littleEndian: boolean, mark: boolean, of = text) => {
    const all = mark ? `\ufeff${of}` : of;
    const view = new DataView(new ArrayBuffer(2 * all.length));
    for (let at = 0; at < all.length; at += 1) {
      view.setUint16(2 * at, all.charCodeAt(at), littleEndian);
    }
    return new Uint8Array(view.buffer);
  };
  const written: Readonly<Record<string, Uint8Array>> = {
    "UTF-8": new TextEncoder().encode(text),
    "UTF-8 with a byte order mark": new TextEncoder().encode(`\ufeff${text}`),
    "UTF-16, as Windows writes it": units(true, true),
    "UTF-16, the other way round": units(false, true),
    "UTF-16 without its mark": units(true, false),
    "UTF-16 with a line end of another encoding": new Uint8Array([...units(true, true), 0x0a]),
    "the same without its mark": new Uint8Array([...units(true, false), 0x0a]),
    "UTF-16 the other way round without its mark": units(false, false),
  };
  for (const [encoding, bytes] of Object.entries(written)) {
    test(`is read when it is ${encoding}`, async () => {
      expect(decodeFile(bytes)).toBe(text);
      expect(names(await read(decodeFile(bytes)))).toEqual(["日本😀"]);
    });
  }

  test("is empty, one byte, or a zero, and is no other encoding for that", () => {
    expect(decodeFile(new Uint8Array())).toBe("");
    expect(decodeFile(new Uint8Array([0x61]))).toBe("a");
    expect(decodeFile(new Uint8Array([0x61, 0x62, 0x00]))).toBe("ab\0");
  });
});
