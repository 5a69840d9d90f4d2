/**
 * The texts of one server in `mcp.json`: references replaced, paths made absolute, secrets noted
 * for the log, problems collected with their places. Not here: which texts there are.
 */
import { isHideable, secretsInText, secretsInVariable } from "./child_environment.ts";
import { appendKey } from "./config_error.ts";
import type { PassedOver } from "./other_programs.ts";
import type { OwnAddress } from "./own_address.ts";
import type { PinMode } from "./pin_mode.ts";
import { expandHome, isWindowsPath, resolvePath, startsAtHome } from "./path.ts";
import type { ProgramFolder } from "./program_folder.ts";
import { bareReference, substitute } from "./substitution.ts";

/** What all entries of one file share, and where readers leave their findings. */
export interface FileContext {
  readonly file: string;
  /** Absolute. */
  readonly folder: string;
  /** Where the programs of the file run if their entries do not say. Absent: in its folder. */
  readonly programFolder?: ProgramFolder | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** The text of a file; undefined if there is none. */
  readonly readText: (path: string) => Promise<string | undefined>;
  /** Whether the gateway listens on more than loopback. */
  readonly remoteBind: boolean;
  /** Whether clients on other machines can reach the gateway without authentication. */
  readonly isOpen: boolean;
  /** Whether clients authenticate, so that each principal can have grants of its own. */
  readonly authenticates: boolean;
  /** The addresses of the gateway itself. */
  readonly own: OwnAddress;
  /** The `pin` of servers whose entry has none. */
  readonly pin?: PinMode | undefined;
  readonly warnings: string[];
  /** The keys that other programs wrote for themselves. */
  readonly passedOver: PassedOver;
  /** The file is part of the program: advice to change it would be useless. */
  readonly isBuiltIn?: boolean;
  /** Absolute paths of the other files of the configuration. */
  readonly files: Set<string>;
  readonly secrets: Set<string>;
}

/** The texts of one server: references replaced, secrets noted, problems collected. */
export interface Texts {
  readonly problems: string[];
  /** The place of the key for users: its path, and its file. */
  where(key: string): string;
  refuse(key: string, problem: string): void;
  plain(key: string, text: string): string;
  /** The same for a text that a shell reads, which has its own variables. */
  script(key: string, text: string): string;
  /** The log hides the values in these. */
  variable(name: string, text: string): string;
  header(name: string, text: string): string;
  /** Never hidden from the log: it is an identity, and grants no access. */
  shown(key: string, text: string): string;
  /** Hidden from the log, whatever its value. */
  secret(key: string, text: string): string;
  command(text: string): string;
  /** An absolute path. */
  place(key: string, text: string): string;
}

/** Makes the texts of the server at `path` of the file; "" is the file itself. */
export function createTexts(path: string, context: FileContext): Texts {
  const problems: string[] = [];
  const where = (key: string): string => {
    return `${path}${dotOf(path, key)}${key} in ${context.file}`;
  };
  const refuse = (key: string, problem: string): void => {
    problems.push(`${where(key)}: ${problem}`);
  };
  const replace = (key: string, text: string, inputName?: string) => {
    const bare = context.isBuiltIn ? undefined : bareReference(text, context.env);
    if (bare !== undefined) {
      context.warnings.push(
        `Passed on ${path}${dotOf(path, key)}${key} of ${context.file} as it is: ${bare}`,
      );
    }
    return substituteIn(key, text, inputName);
  };
  const substituteIn = (key: string, text: string, inputName?: string) => {
    const outcome = substitute(text, context.env, inputName);
    if (outcome.ok) return outcome;
    const { problem, edit } = outcome;
    refuse(key, edit === undefined || context.isBuiltIn ? problem : `${problem}, or ${edit}`);
    return { text: "", used: [] };
  };
  const plain = (key: string, text: string): string => {
    const { text: replaced, used } = replace(key, text);
    keepSecrets(context, secretsInText(replaced, used));
    return replaced;
  };
  const settle = (key: string, replaced: string): string => {
    const home = context.env["HOME"];
    if (!startsAtHome(replaced)) return resolvePath(context.folder, replaced);
    if (home === undefined) refuse(key, "~ needs the environment variable HOME");
    return resolvePath(context.folder, expandHome(replaced, home ?? ""));
  };
  return {
    problems,
    where,
    refuse,
    plain,
    script(key, text) {
      const { text: replaced, used } = substituteIn(key, text);
      keepSecrets(context, secretsInText(replaced, used));
      return replaced;
    },
    place: (key, text) => settle(key, plain(key, text)),
    command: (text) => {
      const replaced = plain("command", text);
      const isPath = replaced.includes("/") ||
        (isWindowsPath(context.folder) && replaced.includes("\\"));
      return isPath ? settle("command", replaced) : replaced;
    },
    variable: (name, text) => {
      const { text: replaced, used } = replace(appendKey("env", name), text, name);
      keepSecrets(context, secretsInVariable(name, replaced, used));
      return replaced;
    },
    header: (name, text) => {
      const { text: replaced, used } = replace(appendKey("headers", name), text);
      const value = replaced.trim();
      // The scheme is not the secret, and the secret may appear without it.
      const parts = secretsInVariable(name, value, used);
      keepSecrets(context, parts.length === 0 ? [] : [...parts, value.replace(/^\S+ +/, "")]);
      return value;
    },
    shown: (key, text) => replace(key, text).text.trim(),
    secret: (key, text) => {
      const { text: replaced } = replace(key, text);
      keepSecrets(context, [replaced.trim()]);
      return replaced.trim();
    },
  };
}

function dotOf(path: string, key: string): string {
  return path === "" || key.startsWith("[") ? "" : ".";
}

/** Hides these values from the log. */
export function keepSecrets(context: FileContext, values: readonly string[]): void {
  for (const value of values) if (isHideable(value)) context.secrets.add(value);
}

/** An object without a prototype, in which `__proto__` is an ordinary key. */
export function withoutPrototype(
  pairs: Iterable<readonly [string, string]>,
): Record<string, string> {
  const members: Record<string, string> = Object.create(null);
  for (const [key, value] of pairs) members[key] = value;
  return members;
}
