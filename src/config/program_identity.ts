/**
 * What a server is, whatever its version: its program and package, its URL, or its document. While
 * that stays, its tools are compared with those that were seen first; another version, other
 * arguments and other credentials change nothing. The text may hold secrets, such as a path of a
 * URL, so it is stored as a digest alone.
 */
import type {
  HttpServerConfig,
  RestServerConfig,
  ServerConfig,
  StdioServerConfig,
} from "./config.ts";
import { isOfKind } from "./server_kind.ts";

/** The identity of a server; undefined if the gateway's configuration has all of its tools. */
export function programIdentity(server: ServerConfig): string | undefined {
  const parts = partsOf(server);
  return parts && JSON.stringify([server.kind, ...parts]);
}

function partsOf(server: ServerConfig): readonly string[] | undefined {
  if (isOfKind<StdioServerConfig>(server, "stdio")) return programParts(server);
  if (isOfKind<HttpServerConfig>(server, "http")) return [placeOf(server.url)];
  if (!isOfKind<RestServerConfig>(server, "rest")) return [];
  const { source } = server;
  if (source.type === "recipe") return undefined;
  return [/^https?:/i.test(source.location) ? placeOf(source.location) : source.location];
}

/** A URL without its query, which often has keys and versions. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** Words of launchers before the name of what they start. */
const steps: ReadonlySet<string> = new Set(
  ["run", "exec", "x", "dlx", "tool", "task", "start", "container"],
);

/** Options of launchers and runtimes whose value is the next word. */
const valued =
  /^--(?:env|env-file|hostname|label|user|volume|mount|workdir|publish|name|network|platform|add-host|entrypoint|directory|project|python|with|import|require|loader|preload|config|import-map|lock|cwd|prefix|registry|index-url)$/;

/** The short ones of each program. */
const valuedShort: readonly (readonly [program: RegExp, options: RegExp])[] = [
  [/^(?:docker|podman|nerdctl)$/, /^-[ehluvwp]$/],
  [/^(?:node|bun)$/, /^-[rC]$/],
  [/^deno$/, /^-[cL]$/],
  [/^python[\d.]*$/, /^-[XW]$/],
];

/**
 * The program, the first word of its arguments that says what it starts, without a version, and the
 * URLs that it gets: programs such as mcp-remote offer what is there.
 */
function programParts({ command, args }: StdioServerConfig): readonly string[] {
  const program = fileNameOf(command).replace(/\.(?:exe|cmd|bat|ps1)$/i, "");
  const [, short] = valuedShort.find(([pattern]) => pattern.test(program)) ?? [];
  const takesNext = (word: string | undefined) =>
    word !== undefined && (valued.test(word) || short?.test(word) === true);
  const words = args.filter((word, at) =>
    !word.startsWith("-") && !steps.has(word) && !takesNext(args[at - 1])
  );
  const urls = words.slice(1).filter((word) => /^https?:\/\//i.test(word) && URL.canParse(word));
  const [first] = words;
  // A program without arguments is known by its path.
  return first === undefined
    ? [command]
    : [program, withoutVersion(first), ...urls.map((url) => placeOf(url))];
}

/** `name@1.2.3`, `name==1.2.3` and `image:1.2.3` without what follows the name. */
function withoutVersion(word: string): string {
  const [registry = ""] = /^(?:npm|jsr):/.exec(word) ?? [];
  const start = Math.max(registry.length, word.lastIndexOf("/") + 1);
  // A scope begins with the mark, and the path of Windows has a colon.
  const end = word.slice(start + 1).search(/@|[=~<>!]=|:(?![\\/])/);
  return end < 0 ? word : word.slice(0, start + 1 + end);
}

function fileNameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
