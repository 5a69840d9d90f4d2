/** The command line: what each flag means, and the errors for unknown ones. */
import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../../src/config/config_error.ts";
import { readFlags } from "../../../src/config/flags.ts";

/** The sentences with which a command line is refused. */
function refusalOf(...args: string[]): readonly string[] {
  try {
    readFlags(args);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.problems;
  }
  throw new Error(`Not refused: ${args.join(" ")}`);
}

describe("flags", () => {
  test("each stands for a variable, with its value behind it or behind a =", () => {
    const env = {
      MCP_PORT: "9000",
      MCP_HOST: "127.0.0.1",
      MCP_CONFIG: "a=b.json",
      MCP_DATA_DIR: ":memory:",
    };
    const apart = [
      "--port",
      "9000",
      "--host",
      "127.0.0.1",
      "--config",
      "a=b.json",
      "--data",
      ":memory:",
    ];
    const joined = ["--port=9000", "--host=127.0.0.1", "--config=a=b.json", "--data=:memory:"];
    expect(readFlags(apart)).toEqual({ kind: "start", env });
    expect(readFlags(joined)).toEqual({ kind: "start", env });
    expect(readFlags(["--", ...joined])).toEqual({ kind: "start", env });
    expect(readFlags([])).toEqual({ kind: "start", env: {} });
    expect(readFlags(["--port=1", "--port=2"])).toEqual({ kind: "start", env: { MCP_PORT: "2" } });
  });

  test("an unknown flag is refused with a suggestion", () => {
    const meant = [
      ["--prot", "--port"],
      ["-port", "--port"],
      ["--hostname", "--host"],
      ["--conf", "--config"],
      ["--data-dir", "--data"],
      ["-h", "--help"],
      ["--vresion", "--version"],
    ] as const;
    for (const [name, near] of meant) {
      for (const args of [[name], [name, "x"], [`${name}=x`]]) {
        expect(refusalOf(...args))
          .toEqual([`Cannot use ${name}: unknown flag; did you mean ${near}?`]);
      }
    }
    expect(refusalOf("--verbose")).toEqual([
      "Cannot use --verbose: unknown flag; " +
      "known are --help, --version, --port, --host, --config, --data",
    ]);
    expect(refusalOf("9000")).toEqual([
      'Cannot use "9000": expected a flag; ' +
      "known are --help, --version, --port, --host, --config, --data",
    ]);
  });

  test("a value that is missing or malformed is refused with what is expected, each on its line", () => {
    const port = "expected a port from 0 (any free one) to 65535";
    expect(refusalOf("--port")).toEqual([`Cannot use --port: ${port}`]);
    expect(refusalOf("--port", "--host", "a b")).toEqual([
      `Cannot use --port: ${port}`,
      'Cannot use --host="a b": expected a host name or address to listen on, ' +
      "without scheme or port",
    ]);
    for (const value of ["", "x", "-1", "65536"]) {
      expect(refusalOf(`--port=${value}`))
        .toEqual([`Cannot use --port=${JSON.stringify(value)}: ${port}`]);
    }
    expect(refusalOf("--help=port")).toEqual(["Cannot use --help=port: --help takes no value"]);
    expect(refusalOf("--toString").length).toBe(1);
  });

  test("the help names every flag with its variable and default", () => {
    const help = readFlags(["--port", "9000", "--help"]);
    const text = help.kind === "show" ? help.text : "";
    for (
      const line of [
        /^ {2}--port PORT +.*\(MCP_PORT; default 8999\)$/m,
        /^ {2}--host HOST +.*\(MCP_HOST; default localhost\)$/m,
        /^ {2}--config FILE +.*\(MCP_CONFIG; default \.\/mcp\.json\)$/m,
        /^ {2}--data FOLDER +.*\(MCP_DATA_DIR; default \.\/data\)$/m,
        /^ {2}--help +/m,
        /^ {2}--version +/m,
      ]
    ) expect(text).toMatch(line);
  });
});
