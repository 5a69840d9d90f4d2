/** docs/commands.md: the help of every command, as it is. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../../../src/cli/exit_codes.ts";
import { makeCommandsPage } from "../../support/commands_page.ts";
import { projectDirectory } from "../../support/spawn_gateway.ts";

const page = readFileSync(join(projectDirectory, "docs/commands.md"), "utf8");
const helps = (text: string) => [...text.matchAll(/^## .*\n\n```text\n[^]*?\n```$/gm)].map(String);

test("docs/commands.md shows the help of every command (bun test/support/commands_page.ts)", () => {
  expect(helps(page)).toEqual(helps(makeCommandsPage()));
});

test("docs/commands.md explains every exit code", () => {
  const explained = [...page.matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code));
  expect(explained).toEqual(Object.values(exitCodes));
});
