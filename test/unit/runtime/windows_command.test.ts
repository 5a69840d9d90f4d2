/**
 * Commands on Windows, by their texts: which file a name means, and that no argument can become a
 * command of `cmd` or change on its way. A small model of `cmd` and of the C library reads the
 * texts; nothing here ran on Windows.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { buildEnvironment } from "../../../src/config/child_environment.ts";
import { findWindowsProgram, toWindowsCommand } from "../../../src/runtime/windows_command.ts";

const npx = "C:\\Program Files\\nodejs\\npx.cmd";
const env = {
  Path: 'C:\\Windows\\system32;"C:\\Program Files\\nodejs\\";C:\\uv',
  PATHEXT: ".COM;.EXE;.BAT;.CMD",
  ComSpec: "C:\\Windows\\system32\\cmd.exe",
  SECRET: "of-the-gateway",
};
const files = [npx, "C:\\Program Files\\nodejs\\npx", "C:\\uv\\uvx.exe", "D:\\work\\run.bat"];
/** As the system compares paths. */
const toPlain = (path: string) =>
  path.toLowerCase().replaceAll("/", "\\").replaceAll("\\.\\", "\\");
const isFile = (path: string) => files.some((file) => toPlain(file) === toPlain(path));
const find = (command: string, more: Record<string, string> = {}) =>
  findWindowsProgram({ command, env: { ...env, ...more }, cwd: "D:\\work", isFile })?.toLowerCase();

describe("a command's file", () => {
  test("is found by PATH and PATHEXT; a file without an extension is no program", () => {
    expect(find("npx")).toBe(npx.toLowerCase());
    expect(find("NPX.CMD")).toBe(npx.toLowerCase());
    expect(find("uvx")).toBe("c:\\uv\\uvx.exe");
    expect(find("uvx", { PATHEXT: ".CMD" })).toBe(undefined);
    expect(find("run")).toBe(undefined);
    expect(find(".\\run")).toBe("d:\\work\\.\\run.bat");
    expect(find("D:/work/run.bat")).toBe("d:/work/run.bat");
  });

  test("is not looked for where the current folder decides", () => {
    expect(find("run", { Path: ".;;..\\work;D:\\work" })).toBe("d:\\work\\run.bat");
    expect(find("run", { Path: ".;;..\\work" })).toBe(undefined);
    const { ComSpec: _, ...bare } = { ...env, SYSTEMROOT: "E:\\Win" };
    expect(toWindowsCommand({ command: "npx", args: [], env: bare, isFile }).command)
      .toBe("E:\\Win\\System32\\cmd.exe");
  });

  test("that is missing has the system's code, as on other systems", () => {
    expect(failureOf("nothing", [])).toBe("ENOENT");
  });
});

describe("a program of Windows", () => {
  test("gets its arguments from the runtime", () => {
    expect(toWindowsCommand({ command: "uvx", args: ["a b"], env, isFile })).toEqual({
      command: "C:\\uv\\uvx.exe",
      args: ["a b"],
      isRaw: false,
    });
  });
});

describe("a batch file", () => {
  test("is run by cmd, without delayed expansion", () => {
    const args = ["-y", "@scope/server", "C:\\my files\\"];
    expect(toWindowsCommand({ command: "npx", args, env, isFile })).toEqual({
      command: "C:\\Windows\\system32\\cmd.exe",
      args: [
        ...["/d", "/e:on", "/v:off", "/s", "/c"],
        `""${npx}" -y @scope/server "C:\\my files\\\\""`,
      ],
      isRaw: true,
    });
  });

  const hostile = [
    ...['"&calc&"', "&calc", "a|calc", "a>b", "<a", "^&calc", '\\"&calc', '\\\\"&calc', '"'],
    ...["%SECRET%", "%SECRET", "%%SECRET%%", "!SECRET!", "%cd:~,%", "%", "a%b%c", "(a)", "a,b;c=d"],
    ...["", " ", "\\", "a\\", "\\\\", "a b\\", "\t", "'", "`", "ü€🙂", '""', '"" & calc'],
  ];
  for (const text of hostile) {
    test(`passes ${JSON.stringify(text)} on as it is`, () => {
      expect(passedOn([text, "next"])).toEqual([npx, text, "next"]);
    });
  }

  test("passes any arguments on as they are", () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...'"%\\&|<>^!() =;,SECRTcd:~a'.split(""))).map((all) =>
        all.join("")
      ),
    ).filter((one) => !/[\0\r\n]/.test(one));
    fc.assert(fc.property(fc.array(text, { maxLength: 4 }), (args) => {
      expect(passedOn(args)).toEqual([npx, ...args]);
    }));
  });

  test("takes no line breaks, and no more than cmd reads", () => {
    for (const text of ["a\nb", "a\rb", "a\0b"]) expect(failureOf("npx", [text])).toBe("EINVAL");
    expect(failureOf("npx", ["a".repeat(9_000)])).toBe("E2BIG");
  });
});

test("a program gets the variables without which Windows starts none, in any case", () => {
  const ours = { OS: "Windows_NT", Path: "C:\\a", SystemRoot: "C:\\Windows", SECRET: "x" };
  const own = new Map<string, string | null>([["PATH", "C:\\b"], ["systemroot", null]]);
  expect({ ...buildEnvironment(ours, [], own) }).toEqual({ OS: "Windows_NT", PATH: "C:\\b" });
  expect({ ...buildEnvironment({ Path: "/a", TEMP: "/b", PATH: "/c" }, [], new Map()) })
    .toEqual({ PATH: "/c" });
});

function failureOf(command: string, args: readonly string[]): unknown {
  try {
    toWindowsCommand({ command, args, env, isFile });
  } catch (fault) {
    return fault instanceof Error && "code" in fault ? fault.code : fault;
  }
  return undefined;
}

/** What the program behind the batch file gets, whose line is read twice: by cmd, and with `%*`. */
function passedOn(args: readonly string[]): string[] {
  const command = toWindowsCommand({ command: "npx", args, env, isFile });
  const whole = command.args.at(-1) ?? "";
  expect([whole.at(0), whole.at(-1)]).toEqual(['"', '"']);
  const line = expandVariables(whole.slice(1, -1));
  expect([line, findCommands(line)]).toEqual([line, []]);
  return splitAsProgram(line);
}

/** `%NAME%` as cmd replaces it outside of batch files: an unknown one stays as it is. */
function expandVariables(text: string): string {
  let result = "";
  for (let at = 0; at < text.length; at += 1) {
    const name = text[at] === "%" ? /^%([^%]+)%/.exec(text.slice(at))?.[1] : undefined;
    const value = name === "cd:~," ? "" : name === "SECRET" ? env.SECRET : undefined;
    if (name !== undefined && value !== undefined) at += name.length + 1;
    result += value ?? text[at];
  }
  return result;
}

/** The characters outside of quotes at which cmd would begin something else. */
function findCommands(line: string): string[] {
  let isQuoted = false;
  return [...line].filter((char) => {
    if (char === '"') isQuoted = !isQuoted;
    return !isQuoted && "&|<>^()!%".includes(char);
  });
}

/** The arguments of a command line, as the C library of Windows reads it. */
function splitAsProgram(line: string): string[] {
  const found: string[] = [];
  let current: string | undefined;
  let isQuoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const [slashes = ""] = /^\\*(?=")/.exec(line.slice(at)) ?? [];
    if (slashes !== "") {
      current = (current ?? "") + "\\".repeat(Math.floor(slashes.length / 2));
      at += slashes.length;
      if (slashes.length % 2 === 1) {
        current += '"';
        continue;
      }
    }
    const char = line[at] ?? "";
    if (char === '"' && isQuoted && line[at + 1] === '"') {
      current = `${current ?? ""}"`;
      at += 1;
    } else if (char === '"') {
      isQuoted = !isQuoted;
      current ??= "";
    } else if (/[ \t]/.test(char) && !isQuoted) {
      if (current !== undefined) found.push(current);
      current = undefined;
    } else current = (current ?? "") + char;
  }
  return current === undefined ? found : [...found, current];
}
