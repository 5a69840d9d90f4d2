/**
 * A server's words (what a program printed, the error of a remote server) as one short line for
 * callers. They are data that others wrote: marked as the server's, plain text, without the values
 * of its configuration and without where things lie on the disk. The operator's log has them whole.
 */
import type { HttpServerConfig, Secret, StdioServerConfig } from "../../config/config.ts";
import { beginning, truncate } from "../../excerpt.ts";
import type { Limits } from "../../limits.ts";

/** Makes the line of some words; empty when nothing is left of them. */
export type Quote = (words: string) => string;

/** Makes the quotes of a server whose configuration holds these values. */
export function createQuote(
  values: readonly string[],
  { serverTextCharsMax, stderrLineCharsMax }: Pick<
    Limits,
    "serverTextCharsMax" | "stderrLineCharsMax"
  >,
): Quote {
  const needles = [...new Set(values.flatMap(formsOf))]
    .filter((form) => form.length >= hiddenCharsMin)
    .sort((one, other) => other.length - one.length);
  return (words) => {
    const plain = withoutBeginning(toPlainLine(beginning(words, stderrLineCharsMax)), needles);
    // One by one: a pattern of all values may be larger than a runtime takes.
    const hidden = needles.reduce((text, needle) => text.replaceAll(needle, () => "…"), plain);
    const text = cutPlaces(hidden).replaceAll('"', "'").trim();
    if (!/[\p{L}\p{N}]/u.test(text)) return "";
    return `${mark}"${truncate(text, serverTextCharsMax - mark.length - 2)}"`;
  };
}

const mark = "the server said: ";

/**
 * The values of a program's configuration: its arguments, and whatever it finds in its environment.
 */
export function valuesOfProgram(
  { command, args, env, environment }: Pick<
    StdioServerConfig,
    "command" | "args" | "env" | "environment"
  >,
): string[] {
  // A whole command line in the place of the program: what follows the program are arguments.
  const written = command.split(/\s+/).slice(1);
  return [...written, ...args, ...Object.values(env), ...Object.values(environment)];
}

/**
 * The values of a remote server's configuration: headers, credentials, and the query of its URL.
 */
export function valuesOfRemote(
  { url, headers, credentials }: Pick<HttpServerConfig, "url" | "headers" | "credentials">,
): string[] {
  const held = Object.entries(credentials).flatMap(([key, value]) =>
    credentialKeys.has(key) ? textsOf(value) : []
  );
  return [...Object.values(headers), ...held, ...new URL(url).searchParams.values()];
}

/** The members of credentials that grant access. */
const credentialKeys: ReadonlySet<string> = new Set([
  "key",
  "token",
  "username",
  "password",
  "headers",
  "clientId",
  "clientSecret",
  "refreshToken",
]);

function textsOf(value: Secret | Readonly<Record<string, Secret>>): string[] {
  if (typeof value === "string") return [value];
  return Object.values(value).flatMap(textsOf);
}

/** Shorter values would blank out half of every line. */
const hiddenCharsMin = 6;

/** What stands behind a scheme of Authorization is the secret. */
const scheme = /^\s*(?:bearer|basic|token|api-?key|key)\s+(\S+)\s*$/i;

/** How a value may appear: whole, line by line, as an option's or a header's value, encoded. */
function formsOf(value: string): string[] {
  const login = /:\/\/([^/\s@]+)@/.exec(value)?.[1] ?? "";
  const parts = [value, ...value.split(/\r?\n/), ...login.split(":")].flatMap((text) => {
    const given = [text, text.replace(/^[^=]*=/, ""), text.replace(/^[^:]*:/, "")];
    return given.flatMap((one) => [one.trim(), scheme.exec(one)?.[1] ?? ""]);
  });
  return parts.flatMap((part) => [
    part,
    encodeURIComponent(part.toWellFormed()),
    JSON.stringify(part).slice(1, -1),
  ]);
}

/** Takes away the beginning of a value at the end, where the words were cut. */
function withoutBeginning(text: string, needles: readonly string[]): string {
  for (const needle of needles) {
    const start = needle.slice(0, hiddenCharsMin);
    for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
      if (needle.startsWith(text.slice(at))) return `${text.slice(0, at)}…`;
    }
  }
  return text;
}

/** Colours and other commands for terminals (ECMA-48). */
const terminalCommand =
  // deno-lint-ignore no-control-regex -- they are what is looked for
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]/g;
/** Marks that are not seen and change how a text is read. */
const invisible = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

function toPlainLine(words: string): string {
  return words.toWellFormed().replace(terminalCommand, "").replace(invisible, "")
    .replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ").trim();
}

/**
 * URLs, absolute paths in quotes (which may hold spaces), and absolute paths without: of POSIX, of
 * Windows, of a home folder. A slash within a word, as in `and/or` or `@scope/name`, begins no
 * path.
 */
const places =
  /([a-z][a-z0-9+.-]{1,30}:\/\/[^\s"'`<>]*)|(["'`])((?:~[\w.-]*\/|[a-z]:[\\/]|\\\\|\/)[^"'`]*)\2|(?<![\w.…@\\/-])(?:~[\w.-]*\/|[a-z]:[\\/]|\\\\|\/)[^\s"'`<>()|,;]+/gi;

/** Leaves the last part of absolute paths, and of URLs neither a login nor a query. */
function cutPlaces(text: string): string {
  return text.replace(places, (all, url?: string, mark = "", quoted?: string) => {
    if (url === undefined) return `${mark}${lastPart(quoted ?? all)}${mark}`;
    if (/^file:/i.test(url)) return lastPart(url);
    return url.replace(/^([^:]+:\/\/)[^/?#]*@/, "$1…@").replace(/[?#].*$/, "?…");
  });
}

function lastPart(path: string): string {
  return path.replace(/[\\/]+$/, "").split(/[\\/]/).at(-1) || "/";
}
