/**
 * What a server is made of, in a few words for the operator. Only parts that rarely hold a secret
 * are shown, and known secrets in them are hidden.
 */
import { secretsInArguments } from "./child_environment.ts";
import type {
  HttpServerConfig,
  RestServerConfig,
  ServerConfig,
  StdioServerConfig,
} from "./config.ts";
import { isOfKind } from "./server_kind.ts";

/**
 * The program and its first argument that is no flag; the origin of a URL; or the name of a recipe
 * or document. Undefined for a server whose configuration is wrong. `hide` replaces secrets.
 */
export function targetOf(
  server: ServerConfig,
  hide: (text: string) => string,
): string | undefined {
  const target = namedTarget(server);
  return target === undefined ? undefined : hide(target);
}

function namedTarget(server: ServerConfig): string | undefined {
  if (isOfKind<StdioServerConfig>(server, "stdio")) return programOf(server);
  if (isOfKind<HttpServerConfig>(server, "http")) return new URL(server.url).origin;
  if (!isOfKind<RestServerConfig>(server, "rest")) return undefined;
  const { source } = server;
  if (source.type === "recipe") return source.recipe.title;
  return /^https?:/i.test(source.location)
    ? new URL(source.location).origin
    : fileNameOf(source.location);
}

function programOf({ command, args }: StdioServerConfig): string {
  const secrets = new Set(secretsInArguments(args));
  const first = args.find((word) => !word.startsWith("-") && !secrets.has(word));
  return [fileNameOf(command), ...(first === undefined ? [] : [first])].join(" ");
}

function fileNameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
