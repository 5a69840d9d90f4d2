/** The command line: what commands and flags mean, and the errors for wrong ones. */
import { describe, expect, test } from "bun:test";
import { type CommandLine, readCommandLine } from "../../../src/cli/command_line.ts";
import { CommandError } from "../../../src/cli/command_error.ts";
import { commands } from "../../../src/cli/commands.ts";
import { readVariableFlags } from "../../../src/cli/variable_flags.ts";
import { ConfigError } from "../../../src/config/config_error.ts";

const read = (...args: string[]): CommandLine => readCommandLine(args, commands);

/** The error text with which a command line is refused. */
function refusalOf(...args: string[]): string {
  try {
    read(...args);
  } catch (thrown) {
    if (thrown instanceof CommandError) return thrown.message;
  }
  throw new Error(`Not refused: ${args.join(" ")}`);
}

/** The name of the command, and the variables that its flags set. */
function startOf(...args: string[]): [string, Record<string, string>] {
  const line = read(...args);
  if (line.kind === "show") throw new Error(`Shows a text: ${args.join(" ")}`);
  return [line.command.name, readVariableFlags(line.values)];
}

describe("start", () => {
  test("is the command of a command line without one; a flag stands for a variable", () => {
    const env = {
      MCP_PORT: "9000",
      MCP_HOST: "127.0.0.1",
      MCP_CONFIG: "a=b.json",
      MCP_DATA_DIR: ":memory:",
    };
    const joined = ["--port=9000", "--host=127.0.0.1", "--config=a=b.json", "--data=:memory:"];
    const apart = joined.flatMap((flag) => flag.split(/=(.*)/, 2));
    for (const args of [apart, joined, ["--", ...joined], ["start", ...apart]]) {
      expect(startOf(...args)).toEqual(["start", env]);
    }
    expect(startOf()).toEqual(["start", {}]);
    expect(startOf("--port=1", "--port=2")).toEqual(["start", { MCP_PORT: "2" }]);
  });

  test("refuses a flag that is unknown, and suggests the nearest", () => {
    const end = "mcp-wrapper start --help shows its flags";
    for (const [given, near] of [["--prot", "--port"], ["--hots", "--host"]] as const) {
      for (const args of [[given], [given, "x"], [`${given}=x`]]) {
        expect(refusalOf(...args)).toBe(
          `Cannot read the command line: unknown option '${args[0]}'; did you mean ${near}? ${end}`,
        );
      }
    }
    expect(refusalOf("--toString")).toContain("unknown option '--toString'");
  });

  test("refuses a value that is missing or malformed, and says what it expects", () => {
    expect(refusalOf("--port")).toContain("option '--port <PORT>' argument missing");
    const problems = (...args: string[]) => {
      try {
        startOf(...args);
      } catch (thrown) {
        if (thrown instanceof ConfigError) return thrown.problems;
      }
      throw new Error(`Not refused: ${args.join(" ")}`);
    };
    const port = "expected a port from 0 (any free one) to 65535";
    for (const value of ["", "x", "-1", "65536"]) {
      expect(problems(`--port=${value}`)).toEqual([
        `Cannot use --port=${JSON.stringify(value)}: ${port}`,
      ]);
    }
    expect(problems("--port=x", "--host", "a b")).toEqual([
      `Cannot use --port="x": ${port}`,
      'Cannot use --host="a b": expected a host name or address to listen on, ' +
      "without scheme or port",
    ]);
  });
});

test("flags of every command may stand before the command", () => {
  const line = read("--json", "--config", "list", "-y", "--data=d", "status", "files");
  if (line.kind !== "run") throw new Error("Expected a command");
  const { command, values } = line;
  expect([command.name, values.argument("NAME"), values.flag("json"), values.flag("yes")])
    .toEqual(["status", "files", true, true]);
  expect(readVariableFlags(values)).toEqual({ MCP_CONFIG: "list", MCP_DATA_DIR: "d" });
  expect(startOf("--data", "x", "status")).toEqual(["status", { MCP_DATA_DIR: "x" }]);
  expect(refusalOf("--json", "--data")).toContain("'--data <FOLDER>' argument missing");
});

describe("help", () => {
  const textOf = (...args: string[]): string => {
    const line = read(...args);
    return line.kind === "show" ? line.text : "";
  };

  test("lists every command, and each has a help of its own with an example", () => {
    const all = textOf("--help").replace(/\s+/g, " ");
    for (const { name, summary, examples } of commands) {
      expect(all).toContain(summary);
      const own = textOf(name, "--help");
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) expect(own).toContain(`mcp-wrapper ${example}`);
    }
  });

  test("its examples are command lines that can be read", () => {
    for (const { name, examples } of commands) {
      for (const example of examples) {
        const words = example.match(/'[^']*'|\S+/g) ?? [];
        expect(read(...words.map((word) => word.replaceAll("'", ""))))
          .toMatchObject({ kind: "run", command: { name } });
      }
    }
  });

  test("names each flag of start with its variable and default", () => {
    const text = textOf("start", "--help").replace(/\s+/g, " ");
    for (
      const part of [
        /--port <PORT> [^-]*\(MCP_PORT; default 8999\)/,
        /--host <HOST> [^-]*\(MCP_HOST; default localhost\)/,
        /--config <FILE> [^-]*\(MCP_CONFIG; default \.\/mcp\.json, else that of this account\)/,
        /--data <FOLDER> .*\(MCP_DATA_DIR; default \.\/data, else that of this account\)/,
      ]
    ) expect(text).toMatch(part);
  });

  test("refuses an unknown command, and suggests the nearest", () => {
    for (const args of [["strat"], ["help", "strat"]]) {
      expect(refusalOf(...args)).toContain("unknown command 'strat'; did you mean start?");
    }
  });

  test("help shows what --help shows", () => {
    expect(textOf("help")).toBe(textOf("--help"));
    expect(textOf("help", "add")).toBe(textOf("add", "--help"));
  });

  test("refuses a flag of one command before the command, and says where it belongs", () => {
    for (
      const args of [
        ["--port", "1", "status"],
        ["--json", "--port=1", "status", "list"],
        // The value of a flag is no command.
        ["--config", "list", "--port", "1", "status"],
      ]
    ) {
      expect(refusalOf(...args)).toBe(
        'Cannot read the command line: a flag comes before the command "status"; write ' +
          "mcp-wrapper status, then the flags",
      );
    }
  });

  test("refuses an argument too many, and names it", () => {
    expect(refusalOf("list", "files")).toBe(
      "Cannot read the command line: too many arguments for 'list' (expected 0, got 1: files); " +
        "mcp-wrapper list --help shows its flags",
    );
  });
});
