/**
 * Configuration files of any content: each is read or refused in words, and one wrong entry harms no
 * other. A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { ConfigError } from "../../../src/config/config_error.ts";
import type { ServersConfig } from "../../../src/config/config.ts";
import { testSeed as seed } from "../../support/random.ts";
import { read, stdio } from "./read.ts";

const options = { seed, numRuns: 300 };

/** The configuration, or the message of its refusal. */
async function outcomeOf(text: string): Promise<ServersConfig | string> {
  try {
    return await read(text);
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.message;
    throw fault;
  }
}

const secret = "hunter2-in-the-file";
const keys = fc.constantFrom(
  ...[
    "command",
    "args",
    "env",
    "url",
    "headers",
    "type",
    "disabled",
    "isolation",
    "tools",
    "oauth",
  ],
  ...["credentials", "callTimeoutMs", "spare", "recipe", "cwd", "__proto__", "constructor", "nope"],
);
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    1e300,
    "",
    "text",
    "${NOPE}",
    [],
    {},
    ["a"],
    "http://x/mcp",
  ),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>,
);
const entry = fc.oneof(
  { weight: 3, arbitrary: fc.dictionary(keys, value, { maxKeys: 4, noNullPrototype: true }) },
  { weight: 1, arbitrary: value },
);
/** Where secrets stand. */
const hidden = { env: { TOKEN: secret }, headers: { authorization: `Bearer ${secret}` } };
const good = { command: "good-program", args: ["--safe"] };

describe(`any configuration file (seed ${seed})`, () => {
  test("is read or refused with the file's name, and changes no prototype", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json(), fc.json({ maxDepth: 6 })), async (text) => {
        const outcome = await outcomeOf(text);
        if (typeof outcome === "string") expect(outcome).toContain("mcp.json");
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      options,
    );
  });

  test("H1 keeps its good servers and its secrets, whatever the entry beside them is", async () => {
    await fc.assert(
      fc.asyncProperty(entry, fc.boolean(), async (given, isFirst) => {
        const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
        const other = isObject ? { ...hidden, ...given } : given;
        const text = JSON.stringify({
          mcpServers: isFirst ? { other, good } : { good, other },
        });
        const config = await read(text);
        expect(stdio(config, "good").command).toBe("good-program");
        // Clients see why an entry is wrong.
        const failed = config.servers.filter(({ kind }) => kind === "failed");
        expect(JSON.stringify(failed)).not.toContain(secret);
      }),
      options,
    );
  });

  test("of which one character is missing or another is read or refused in words", async () => {
    const text = JSON.stringify({ mcpServers: { good, far: { url: "https://a.example/mcp" } } });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.constantFrom("", '"', "{", "]", ",", "\\", "x"),
        async (at, other) => {
          const outcome = await outcomeOf(`${text.slice(0, at)}${other}${text.slice(at + 1)}`);
          if (typeof outcome === "string") expect(outcome).toMatch(/mcp\.json/);
          else expect(Array.isArray(outcome.servers)).toBe(true);
        },
      ),
      options,
    );
  });
});
