/**
 * Where the programs of an `mcp.json` run if their entries have no `cwd`: in its folder, whose
 * relative paths they may name. A checkout of a project is no good place, because `npx` takes the
 * development copy of a package from it; there they run in the data folder, and arguments that name
 * files of the checkout are passed on as absolute paths.
 */
import { isAbsolutePath, resolvePath } from "./path.ts";
import { noDirectory } from "./places.ts";

/** The folder of programs. */
export interface ProgramFolder {
  readonly path: string;
  /** What a program gets in place of an argument. */
  readonly toArgument: (text: string) => string;
}

/** What `findProgramFolder` needs. */
export interface ProgramFolderInput {
  /** The folder of the `mcp.json`, absolute. */
  readonly folder: string;
  readonly dataDirectory?: string | undefined;
  readonly exists?: ((path: string) => boolean) | undefined;
}

/** The folder of an `mcp.json` as the folder of its programs. */
export function inFolder(path: string): ProgramFolder {
  return { path, toArgument: (text) => text };
}

/** Finds it. */
export function findProgramFolder(input: ProgramFolderInput): ProgramFolder {
  const { folder, dataDirectory, exists } = input;
  if (exists === undefined || dataDirectory === undefined || dataDirectory === noDirectory) {
    return inFolder(folder);
  }
  // Servers that are not of the file may run before its folder exists.
  if (exists(folder) && !isCheckout(folder, exists)) return inFolder(folder);
  return { path: dataDirectory, toArgument: (text) => toArgument(text, folder, exists) };
}

/**
 * Whether `npx`, started in the data folder, would still look into the checkout around it. A
 * `package.json` of the data folder's own keeps it from that.
 */
export function needsOwnPackage({ folder, dataDirectory, exists }: ProgramFolderInput): boolean {
  if (exists === undefined || dataDirectory === undefined || dataDirectory === noDirectory) {
    return false;
  }
  return isCheckout(folder, exists) && dataDirectory.startsWith(`${folder}/`) &&
    !exists(resolvePath(dataDirectory, "package.json"));
}

function isCheckout(folder: string, exists: (path: string) => boolean): boolean {
  return exists(resolvePath(folder, "node_modules"));
}

/** `./x`, `../x` and the names of files become absolute, also as the value of an option. */
function toArgument(text: string, folder: string, exists: (path: string) => boolean): string {
  const { option = "", value = "" } = /^(?<option>-[^=\s]+=)?(?<value>[^]*)$/.exec(text)?.groups ??
    {};
  if (/^\.{1,2}(?:[\\/]|$)/.test(value)) return `${option}${resolvePath(folder, value)}`;
  const path = resolvePath(folder, value);
  return option === "" && !text.startsWith("-") && namesFile(text, path, exists) ? path : text;
}

function namesFile(text: string, path: string, exists: (path: string) => boolean): boolean {
  if (text === "" || isAbsolutePath(text) || !exists(path)) return false;
  // A word that is the name of a folder may be a sub-command, such as `run` or `test`.
  return text.includes("/") || !exists(`${path}/.`);
}
