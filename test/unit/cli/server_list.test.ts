/**
 * One entry put into the text of a client's file: every other character stays, in the formats and
 * with the habits of real files; a file that allows no insertion is refused.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ServerFormat, ServerObject } from "../../../src/cli/clients/server_editor.ts";
import { parseServers, putServer } from "../../../src/cli/clients/server_list.ts";

const entry = { type: "http", url: "http://localhost:8999/mcp", args: ["a b", '"q"'], env: {} };
const listKeys = { jsonc: "mcpServers", toml: "mcp_servers", yaml: "extensions" } as const;

const put = (text: string, format: ServerFormat, name = "gateway", value: ServerObject = entry) =>
  putServer(text, format, "/x", { listKey: listKeys[format], name, entry: value });

/** What stands between the two parts of the old text; fails if the old text is not there whole. */
function insertedInto(old: string, next: string): string {
  let start = 0;
  while (start < old.length && old[start] === next[start]) start += 1;
  const rest = old.slice(start);
  expect(next.endsWith(rest)).toBe(true);
  return next.slice(start, next.length - rest.length);
}

const jsonc: Readonly<Record<string, string>> = {
  "an empty object": "{}",
  "an empty object with a space": "{ }",
  "an empty object with a comment": "{ /* nothing yet */ }",
  "an empty object over lines": "{\n}\n",
  "only a comment inside": "{\n  // add servers here\n}\n",
  "an empty list": '{\n  "mcpServers": {}\n}\n',
  "an empty list with a comment": '{ // mine\n  "mcpServers": {} // end\n}',
  "tabs, comments and trailing commas": '{\n\t"a": 1, // one\n\t"mcpServers": { // list\n' +
    '\t\t// first\n\t\t"x": {"command":"y",}, /* x */\n\t},\n}\n',
  "three spaces and CRLF":
    '{\r\n   "mcpServers": {\r\n      "x": { "command": "a" } /* t */\r\n   }\r\n}\r\n',
  "one line": '{"a":1,"mcpServers":{"x":{"command":"a"}}}',
  "one line without a list": '{ "a": 1 }',
  "one line with an empty list": '{"numStartups":7,"mcpServers":{}}',
  "members on the brace's line": '{"a": 1,\n "b": {"c":   2},   "d":3\n}',
  "a list on one line of many":
    '{\n  "mcpServers": { "x": { "command": "a" }, "y": {} },\n  "z": 1\n}',
  "a comment of several lines":
    '{ /* one\n two */ // three\n  "mcpServers": {\n    "x": {}\n  }\n}',
  "a comment that looks like a list":
    '// "mcpServers": {\n{\n  "s": "// \\"mcpServers\\": {",\n  "k": 1\n}',
  "a byte order mark": '\uFEFF{\n  "mcpServers": {\n    "x": {}\n  }\n}',
};

const toml: Readonly<Record<string, string>> = {
  "nothing": "",
  "other settings": 'model = "o4" # mine\n\n[tui]\ntheme = "dark"\n',
  "no line end at the end": '[mcp_servers.x]\ncommand = "a"',
  "CRLF": '# top\r\n[mcp_servers.x]\r\ncommand = "a" # c\r\n\r\n',
  "dotted keys": 'mcp_servers.x.command = "a"\n',
  "a list as a table":
    '[mcp_servers]\nx = { command = "a" }\n\n[projects."/w"]\ntrust_level = "trusted"\n',
  "texts of several lines": 'notes = """\n[mcp_servers.gateway]\n"""\n[[profiles]]\nname = "[x]"\n',
  "odd indentation": "  [mcp_servers.x]\n      command='a'\n\targs=[ 'b',\n'c', ]\n",
};

const yaml: Readonly<Record<string, string>> = {
  "nothing": "",
  "comments alone": "# goose\n",
  "other settings": "GOOSE_MODEL: x # mine\nGOOSE_MODE:   'auto'\n",
  "no line end at the end": "a: 1",
  "comments and blank lines":
    "# top\nextensions:  # list\n  # first\n  dev:\n    enabled: true # on\n" +
    '\n\n  mem: {a: 1}\nGOOSE: "x"\n',
  "four spaces": "extensions:\n    dev:\n        enabled: true\nz: 1\n",
  "an empty flow list": "extensions: {}\nb: 1\n",
  "a flow list": "extensions: { dev: {enabled: true} } # c\nb: 1\n",
  "a list without a value": "a: 1\nextensions: # later\nb: 1\n",
  "a list without a value at the end": "a: 1\nextensions:",
  "CRLF": "a: 1\r\nextensions:\r\n  dev:\r\n    enabled: true\r\n",
};

const samples = { jsonc, toml, yaml } as const;

for (const format of ["jsonc", "toml", "yaml"] as const) {
  describe(`an entry in ${format}`, () => {
    for (const [habit, text] of Object.entries(samples[format])) {
      test(`keeps every other character of a file with ${habit}`, async () => {
        const next = await put(text, format);
        const inserted = insertedInto(text, next);
        expect(inserted).toContain("http://localhost:8999/mcp");
        // The line ends are those of the file.
        if (text.includes("\r\n")) expect(inserted.replaceAll("\r\n", "")).not.toContain("\n");
        const list = (await parseServers(next, format, "/x"))[listKeys[format]];
        expect(JSON.parse(JSON.stringify(list))).toMatchObject({ gateway: entry });
        // A second entry leaves the first.
        insertedInto(next, await put(next, format, "other one"));
      });
    }

    test("is replaced without a change around it", async () => {
      for (const text of Object.values(samples[format])) {
        const first = await put(text, format, "gateway", { command: "old", args: ["x"] });
        const again = await put(first, format);
        expect(again).toBe(await put(again, format));
        // What was inserted first is what changed.
        const inserted = insertedInto(text, first);
        const start = first.indexOf(inserted);
        expect(again.startsWith(text.slice(0, start))).toBe(true);
        expect(again.endsWith(first.slice(start + inserted.length))).toBe(true);
        expect(again).not.toContain("old");
      }
    });
  });
}

test("an entry among other tables of TOML is replaced with its own tables", async () => {
  const text = '[mcp_servers.a]\ncommand = "a"\n\n[mcp_servers.gateway]\ncommand = "old"\n' +
    '[mcp_servers.gateway.env]\nX = "[mcp_servers.b]"\n# after\n\n# about b\n[mcp_servers.b]\ncommand = "b"\n';
  expect(await put(text, "toml", "gateway", { url: "u" })).toBe(
    '[mcp_servers.a]\ncommand = "a"\n\n[mcp_servers.gateway]\nurl = "u"\n' +
      '# after\n\n# about b\n[mcp_servers.b]\ncommand = "b"\n',
  );
});

test("any object of JSON takes an entry, whatever is in it", async () => {
  const spaces = fc.constantFrom(
    "",
    " ",
    "\n",
    "\n  ",
    "\r\n\t",
    " // c\n",
    " /* c\n } */ ",
    "\n\n",
  );
  const members = fc.array(fc.tuple(fc.string(), fc.jsonValue({ maxDepth: 2 }), spaces, spaces), {
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(members, spaces, spaces, fc.boolean(), async (all, before, after, isList) => {
      const seen = new Set<string>();
      const unique = all.filter(([key]) => key !== "mcpServers" && !seen.has(key) && seen.add(key));
      const inner = unique.map(([key, value, left, right]) =>
        `${left}${JSON.stringify(key)}:${right}${JSON.stringify(value)}`
      ).join(",");
      const object = `{${before}${inner}${after}}`;
      const text = isList ? `{"a":[],${before}"mcpServers":${object}${after}}` : object;
      if (unique.some(([key]) => key === "gateway" || key === "__proto__")) return;
      insertedInto(text, await put(text, "jsonc"));
    }),
  );
});

describe("a file is refused", () => {
  const refusals: readonly (readonly [why: string, format: ServerFormat, text: string])[] = [
    ["that does not parse", "jsonc", '{\n  "mcpServers": {\n    "x": \n}'],
    ["that does not parse", "toml", "a = \n"],
    ["that does not parse", "yaml", "a: [1\nb: 2\n"],
    ["whose list is no object", "jsonc", '{"mcpServers": []}'],
    ["whose list is no object", "toml", 'mcp_servers = "x"\n'],
    ["whose list is no object", "yaml", "extensions: [a]\n"],
    ["that is no object", "jsonc", "[1]"],
    ["that is no object", "yaml", "- a\n"],
    ["with the list twice", "jsonc", '{"mcpServers": {}, "mcpServers": {"x": {}}}'],
    ["whose list is an inline table", "toml", 'mcp_servers = { x = { command = "a" } }\n'],
    ["with two documents", "yaml", "a: 1\n---\nb: 1\n"],
    ["in flow style", "yaml", '{"a": 1}\n'],
    ["with an ended document", "yaml", "a: 1\n...\n"],
  ];
  for (const [why, format, text] of refusals) {
    test(`${why} (${format}: ${JSON.stringify(text)})`, async () => {
      const refusal = await put(text, format).then(() => "", (fault) => String(fault.message));
      expect(refusal).toMatch(/^Cannot (?:parse|use|change) \/x/);
    });
  }

  test("without a line of its text in the message", async () => {
    for (
      const [format, text] of [["toml", 'token = "hush-hush" x\n'], [
        "yaml",
        'a: "hush-hush\n',
      ]] as const
    ) {
      const refusal = await put(text, format).then(() => "", (fault) => String(fault.message));
      expect(refusal).toMatch(/line \d/);
      expect(refusal).not.toContain("hush");
    }
  });
});
