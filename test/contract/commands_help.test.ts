/** Every command has a help with an example, and the program says its version. */
import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { commands } from "../../src/cli/commands.ts";
import { readCommandLine } from "../../src/cli/command_line.ts";
import { identity } from "../../src/version.ts";
import { runCli } from "../support/run_cli.ts";

const cwd = tmpdir();

test("the help lists every command with its summary", async () => {
  const { code, stdout, stderr } = await runCli(["--help"], { cwd });
  expect([code, stderr]).toEqual([0, ""]);
  for (const { name, summary } of commands) {
    expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(summary);
  }
});

test("the version is the program's", async () => {
  expect(await runCli(["--version"], { cwd }))
    .toEqual({ code: 0, stdout: `${identity.version}\n`, stderr: "" });
});

for (const { name, examples } of commands) {
  test(`${name} --help shows examples, which can be read`, () => {
    const help = readCommandLine([name, "--help"], commands);
    expect(help.kind).toBe("show");
    const text = help.kind === "show" ? help.text : "";
    expect(text.startsWith(`Usage: ${identity.name} ${name}`)).toBe(true);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(text).toContain(`  ${identity.name} ${example}`);
      const words = example.match(/'[^']*'|\S+/g) ?? [];
      const line = readCommandLine(words.map((word) => word.replaceAll("'", "")), commands);
      expect(line).toMatchObject({ kind: "run", command: { name } });
    }
  });
}
