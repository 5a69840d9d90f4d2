/** `access` of `mcp.json`: what is read, and what stops the start. */
import { describe, expect, test } from "bun:test";
import { defaultTables } from "../../../src/app.ts";
import { readConfig } from "../../../src/config/environment.ts";

const read = async (text: string) => {
  const { config } = await readConfig({
    kinds: defaultTables.kinds,
    env: { MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: "/srv",
    readText: () => Promise.resolve(text),
  });
  return config.access;
};

const withRows = (access: unknown) => read(JSON.stringify({ mcpServers: {}, access }));

test("a file without access restricts nothing", async () => {
  expect(await read('{"mcpServers": {}}')).toBe(undefined);
});

test("one text and a list of texts mean the same", async () => {
  const rows = [
    { group: "a", servers: ["x", "y*"], tools: "get_*", hints: "readOnly", what: "allow" },
    { key: "ci", callsPerMinute: 60, callsAtOnce: 2 },
  ];
  expect(await withRows(rows)).toEqual([
    { group: ["a"], servers: ["x", "y*"], tools: ["get_*"], hints: ["readOnly"], what: "allow" },
    { key: ["ci"], callsPerMinute: 60, callsAtOnce: 2 },
  ]);
});

/** What stands in the file, and what the sentence must say. */
const faults: readonly (readonly [unknown, string])[] = [
  [null, "Cannot use access in /srv/mcp.json: expected a list of rows, got null"],
  [{ what: "deny" }, "expected a list of rows, got an object"],
  [[], "expected at least one row; remove the key to allow everything"],
  [["allow"], "Cannot use access[0] in /srv/mcp.json: expected an object, got a string"],
  [[{}], 'access[0] in /srv/mcp.json: expected "what": "allow", "deny" or "ask"'],
  [
    [{ what: "alow" }],
    'access[0].what in /srv/mcp.json: expected "allow", "deny" or "ask", got "alow"',
  ],
  [
    [{ what: "deny", tool: "x" }],
    'access[0].tool in /srv/mcp.json: unknown key; did you mean "tools"?',
  ],
  [[{ what: "deny", user: "x" }], "access[0].user in /srv/mcp.json: unknown key; expected one of"],
  [[{ what: "deny", tools: [] }], "access[0].tools in /srv/mcp.json: expected a text or a list"],
  [
    [{ what: "deny", tools: ["a", 1] }],
    "access[0].tools in /srv/mcp.json: expected a text or a list",
  ],
  [[{ what: "deny", group: " " }], "access[0].group in /srv/mcp.json: expected a text or a list"],
  [[{ what: "deny", group: "${TEAM}" }], "none of which is empty or has a ${reference}"],
  [[{ what: "deny", hints: "dangerous" }], 'access[0].hints in /srv/mcp.json: expected "readOnly"'],
  [[{ callsPerMinute: 0 }], "access[0].callsPerMinute in /srv/mcp.json: expected a whole number"],
  [[{ callsAtOnce: 1.5 }], "access[0].callsAtOnce in /srv/mcp.json: expected a whole number"],
  [[{ callsAtOnce: 1, tools: "x" }], "access[0].tools in /srv/mcp.json: rates count all calls"],
  [[{ callsAtOnce: 1, what: "deny" }], "access[0].what in /srv/mcp.json: a row that denies"],
];

describe("a fault in it stops the start", () => {
  for (const [access, sentence] of faults) {
    test(JSON.stringify(access), async () => {
      await expect(withRows(access)).rejects.toThrow(sentence);
    });
  }

  test("a misspelt name of it", async () => {
    await expect(read('{"mcpServers": {}, "acess": [{"what": "deny"}]}'))
      .rejects.toThrow('Cannot use acess in /srv/mcp.json: unknown key; did you mean "access"?');
  });

  test("a key that appears twice", async () => {
    await expect(read('{"access": [{"what": "deny", "what": "allow"}]}'))
      .rejects.toThrow("Cannot use access[0].what in /srv/mcp.json: the key appears twice");
    await expect(read('{"access": [{"what": "deny"}], "access": [{"what": "allow"}]}'))
      .rejects.toThrow("Cannot use access in /srv/mcp.json: the key appears twice");
  });

  test("all faults are named at once", async () => {
    const thrown = await withRows([{ what: "x" }, { waht: "deny" }]).catch((fault: unknown) =>
      fault
    );
    expect(String(thrown)).toContain("access[0].what");
    expect(String(thrown)).toContain(
      'access[1].waht in /srv/mcp.json: unknown key; did you mean "what"?',
    );
  });
});
