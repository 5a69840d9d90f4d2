/**
 * How a program is started on Windows. The system itself looks only for `.exe` files and cannot run
 * a `.cmd` or `.bat` file such as `npx.cmd`: the command is looked up here, by PATH and PATHEXT, and
 * such a file is run by `cmd`, with arguments that `cmd` passes on unchanged. Pure functions, tested
 * by their texts; they have not run on Windows.
 */
import { defaultLimits } from "../limits.ts";

/** What to start, and what is known of the files. */
export interface WindowsCommandInput {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the program. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  readonly isFile: (path: string) => boolean;
}

/** What the system can start. `isRaw`: the arguments are quoted already. */
export interface SystemCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly isRaw: boolean;
}

/** If PATHEXT is not set. */
const usualExtensions = ".COM;.EXE;.BAT;.CMD";

/**
 * The command that the system can start. Throws an error with a code for a program that is missing
 * (ENOENT), and for arguments that `cmd` could not pass on (EINVAL, E2BIG).
 */
export function toWindowsCommand(input: WindowsCommandInput): SystemCommand {
  const path = findWindowsProgram(input);
  if (path === undefined) throw withCode("ENOENT");
  if (!/\.(?:cmd|bat)$/i.test(path)) return { command: path, args: input.args, isRaw: false };
  const line = [path, ...input.args].map((text, index) => quoteForCmd(text, index === 0)).join(" ");
  // After /s, cmd removes the first and the last quote and leaves the rest as it is. Without delayed
  // expansion, "!" is an ordinary character.
  const args = ["/d", "/e:on", "/v:off", "/s", "/c", `"${line}"`];
  const command = variable(input.env, "ComSpec") ?? toSystemProgram("cmd.exe", input.env);
  const chars = [command, ...args].join(" ").length;
  if (chars > defaultLimits.windowsCommandCharsMax) throw withCode("E2BIG");
  return { command, args, isRaw: true };
}

/** The file of a program; undefined if there is none. A file without an extension is no program. */
export function findWindowsProgram(
  { command, env, cwd, isFile }: Omit<WindowsCommandInput, "args">,
): string | undefined {
  const extensions = (variable(env, "PATHEXT") ?? usualExtensions).split(";")
    .map((extension) => extension.trim().toLowerCase()).filter((extension) => extension !== "");
  const isWhole = extensions.some((extension) => command.toLowerCase().endsWith(extension));
  const names = [
    ...(isWhole ? [command] : []),
    ...extensions.map((extension) => `${command}${extension}`),
  ];
  // Programs of the current folder are not looked for, since it may be anyone's, nor are those of
  // folders that depend on it.
  const folders = /[\\/]/.test(command)
    ? [isAbsolute(command) || cwd === undefined ? "" : `${cwd}\\`]
    : (variable(env, "PATH") ?? "").split(";").map(toFolder).filter(isAbsolute);
  return folders.flatMap((folder) => names.map((name) => `${folder}${name}`)).find(isFile);
}

/** A program of the system, which looks in the current folder first if it has the name alone. */
export function toSystemProgram(name: string, env: WindowsCommandInput["env"]): string {
  return `${variable(env, "SystemRoot") ?? "C:\\Windows"}\\System32\\${name}`;
}

function toFolder(entry: string): string {
  const folder = entry.trim().replaceAll('"', "");
  return folder === "" || /[\\/]$/.test(folder) ? folder : `${folder}\\`;
}

function isAbsolute(path: string): boolean {
  return /^(?:[A-Za-z]:[\\/]|[\\/])/.test(path);
}

/** Characters that mean nothing to `cmd`, to a batch file and to the program behind it. */
const plain = /^[A-Za-z0-9#$*+./:?@\\_-]+$/;

/**
 * A text that reaches a program through `cmd` and a batch file as it is. Within quotes `cmd` gives a
 * meaning to two characters alone. A quote is doubled: the text stays quoted however often a batch
 * file passes it on, and the program reads one quote. A percent sign is followed by a variable that
 * is always empty, so that no other variable can begin at it.
 */
export function quoteForCmd(text: string, isProgram = false): string {
  if (/[\0\r\n]/.test(text)) throw withCode("EINVAL");
  if (!isProgram && plain.test(text) && !text.endsWith("\\")) return text;
  const inner = text
    // Backslashes before a quote would escape it.
    .replace(/(\\*)"/g, '$1$1""')
    .replace(/(\\+)$/, "$1$1")
    .replaceAll("%", "%%cd:~,%");
  return `"${inner}"`;
}

/** A variable of Windows, whose names have no case. */
function variable(env: Readonly<Record<string, string>>, name: string): string | undefined {
  const key = Object.keys(env).find((one) => one.toLowerCase() === name.toLowerCase());
  const value = key === undefined ? undefined : env[key]?.trim();
  return value === "" ? undefined : value;
}

function withCode(code: "ENOENT" | "EINVAL" | "E2BIG"): Error {
  return Object.assign(new Error(`Cannot start the program (${code})`), { code });
}
