/** What the arguments of `add` mean as an entry of mcp.json, and which of them fit no server. */
import { expect, test } from "bun:test";
import type { CommandContext } from "../../../src/cli/command.ts";
import { CommandError } from "../../../src/cli/command_error.ts";
import { readCommandLine } from "../../../src/cli/command_line.ts";
import { commands } from "../../../src/cli/commands.ts";
import { toEntry } from "../../../src/cli/entry_arguments.ts";

/** Only the current folder matters here. */
const context = { platform: { cwd: "/project" } } as CommandContext;

function entryOf(...args: string[]): unknown {
  const line = readCommandLine(["add", "x", ...args], commands);
  if (line.kind === "show") throw new Error("shows a text");
  return toEntry(context, line.values);
}

function refusalOf(...args: string[]): [string, string] {
  try {
    entryOf(...args);
  } catch (thrown) {
    if (thrown instanceof CommandError) return [thrown.reason, thrown.message];
  }
  throw new Error(`Not refused: ${args.join(" ")}`);
}

test("all after -- is the command, exactly", () => {
  const words = ["npx", "-y", "pkg", "--port=3", "--json", "--", "-- x", "", "3"];
  expect(entryOf("--", ...words)).toEqual({ command: "npx", args: words.slice(1) });
  expect(entryOf("--env", "A=b=c", "--env", "B=", "--", "uvx"))
    .toEqual({ command: "uvx", env: { A: "b=c", B: "" } });
});

test("words that name files of the current folder mean them wherever the gateway runs", () => {
  expect(entryOf("--", "./run.sh")).toEqual({ command: "/project/run.sh" });
  expect(entryOf("--", "node", "../a.js"))
    .toEqual({ command: "node", args: ["../a.js"], cwd: "/project" });
  expect(entryOf("--cwd", "sub", "--", "node", "./a.js"))
    .toEqual({ command: "node", args: ["./a.js"], cwd: "/project/sub" });
});

test("a URL may have headers, written with = or :", () => {
  expect(entryOf("https://example.com/mcp", "--header", "X-A=b", "--header", "X-B: c: d"))
    .toEqual({ url: "https://example.com/mcp", headers: { "X-A": "b", "X-B": "c: d" } });
});

test("recipes are built in or files, documents are files or URLs", () => {
  expect(entryOf("--recipe", "coingecko")).toEqual({ recipe: "coingecko" });
  expect(entryOf("--recipe", "mine.json")).toEqual({ recipe: "/project/mine.json" });
  expect(entryOf("--openapi", "https://x.example/a.json", "--base-url", "https://y.example"))
    .toEqual({ openapi: "https://x.example/a.json", baseUrl: "https://y.example" });
});

test("what fits no server is refused, and no secret is repeated", () => {
  const refusals: readonly (readonly [string[], string, string])[] = [
    [[], "usage", "give a URL, -- and a command, --recipe or --openapi"],
    [["--recipe", "coingeko"], "notFound", 'did you mean "coingecko"?'],
    [["--recipe", "coingecko", "--", "y"], "usage", "give one of them"],
    [["--env", "A=b", "https://example.com/mcp"], "usage", "Cannot use --env"],
    [["--header", "A=b", "--", "y"], "usage", "Cannot use --header"],
    [["--base-url", "https://x", "https://example.com/mcp"], "usage", "Cannot use --base-url"],
    [["--env", "secret", "--", "y"], "usage", "Cannot read --env: expected NAME=VALUE"],
    [["https://example.com/mcp", "more"], "usage", "nothing may follow"],
  ];
  for (const [args, reason, words] of refusals) {
    const [found, message] = refusalOf(...args);
    expect([args, found]).toEqual([args, reason]);
    expect(message).toContain(words);
    expect(message).not.toContain("secret");
  }
});
