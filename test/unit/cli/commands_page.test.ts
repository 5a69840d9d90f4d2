/** docs/commands.md: the help of every command, as it is. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readCommandLine } from "../../../src/cli/command_line.ts";
import { commands } from "../../../src/cli/commands.ts";
import { exitCodes } from "../../../src/cli/exit_codes.ts";
import { makeCommandsPage } from "../../support/commands_page.ts";
import { docPages } from "../../support/doc_pages.ts";
import { projectDirectory } from "../../support/spawn_gateway.ts";

const page = readFileSync(join(projectDirectory, "docs/commands.md"), "utf8");
const helps = (text: string) => [...text.matchAll(/^## .*\n\n```text\n[^]*?\n```$/gm)].map(String);

test("docs/commands.md shows the help of every command (bun test/support/commands_page.ts)", () => {
  expect(helps(page)).toEqual(helps(makeCommandsPage()));
});

test("every command line in the documentation is one that the program takes", () => {
  const pages = ["README.md", ...docPages];
  const lines = pages.flatMap((path) => {
    const text = readFileSync(join(projectDirectory, path), "utf8");
    const blocks = [...text.matchAll(/^```(?:sh|text)\n([^]*?)^```/gm)].map(([, block = ""]) =>
      block
    );
    return blocks.flatMap((block) => [...block.matchAll(/^mcp-wrapper(?: (.*))?$/gm)])
      .map(([, words = ""]) => words.replace(/ +#.*$/, ""));
  });
  expect(lines.length).toBeGreaterThan(12);
  for (const line of lines) {
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) =>
      quoted ?? bare ?? ""
    );
    expect([line, readCommandLine(words, commands).kind]).toEqual([line, "run"]);
  }
});

test("docs/commands.md explains every exit code", () => {
  const explained = [...page.matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code));
  expect(explained).toEqual(Object.values(exitCodes));
});
