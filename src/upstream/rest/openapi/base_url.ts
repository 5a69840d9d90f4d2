/**
 * The URL of an API, by its document (OpenAPI 3.1, section 4.8.5). A fetched document may name only
 * its own origin: its author must not choose which hosts the gateway calls, or which hosts get the
 * operator's credentials (case F2). Another origin must be in the configuration.
 */
import { GatewayError } from "../../../errors.ts";
import type { Documents } from "./documents.ts";
import { itemsOf, member, textOf } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** The base URL of a whole service; throws a GatewayError that says what to write. */
export function toBaseUrl(
  configured: string | undefined,
  servers: unknown,
  documents: Documents,
): string {
  if (configured !== undefined) return trimUrl(new URL(configured));
  const { isFile, label, root: { base } } = documents;
  const given = itemsOf(servers);
  // Without servers there is one, with the URL "/".
  const urls = (given.length === 0 ? [{ url: "/" }] : given)
    .map((server) => toUrl(server, documents)).filter((url) => url !== undefined);
  const [first] = urls;
  if (first === undefined) {
    throw new GatewayError(
      "bad_upstream_response",
      `Cannot tell from "${label}" where its API is: set "baseUrl" to the API's URL`,
    );
  }
  const chosen = urls.find(({ href }) => href === first.href.replace(/^http:/, "https:")) ?? first;
  if (!isFile && chosen.origin !== new URL(base).origin) {
    throw new GatewayError(
      "bad_upstream_response",
      `Cannot use the API of "${label}" unasked, since it is at another origin: set "baseUrl" to "${
        trimUrl(chosen)
      }" if that is right`,
    );
  }
  return trimUrl(chosen);
}

/**
 * The base URL of one operation whose path or method has its own servers; undefined if it is the
 * service's. Throws Unusable for one at another origin.
 */
export function toOwnBaseUrl(
  servers: unknown,
  documents: Documents,
  baseUrl: string,
): string | undefined {
  if (itemsOf(servers).length === 0) return undefined;
  const urls = itemsOf(servers).map((server) => toUrl(server, documents))
    .filter((url) => url !== undefined);
  const own = urls.find(({ origin }) => origin === new URL(baseUrl).origin);
  if (own !== undefined) return trimUrl(own) === baseUrl ? undefined : trimUrl(own);
  const [first] = urls;
  throw new Unusable(
    first === undefined
      ? "its own server has no usable URL"
      : `it is at "${first.origin}" and not at "${
        new URL(baseUrl).origin
      }"; configure a server of its own for it`,
  );
}

/** Absolute, variables replaced by their defaults; undefined if it is no web address. */
function toUrl(server: unknown, { root: { base }, isFile }: Documents): URL | undefined {
  const template = member(server, "url");
  if (typeof template !== "string") return undefined;
  const variables = member(server, "variables");
  const text = template.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const variable = member(variables, name);
    const value = member(variable, "default") ?? itemsOf(member(variable, "enum"))[0];
    return value === undefined ? whole : textOf(value);
  });
  if (text.includes("{") || !URL.canParse(text, isFile ? undefined : base)) return undefined;
  const url = new URL(text, isFile ? undefined : base);
  const isWeb = url.protocol === "https:" || url.protocol === "http:";
  return isWeb && url.username + url.password === "" ? url : undefined;
}

function trimUrl({ origin, pathname }: URL): string {
  // Looks behind: otherwise a long row of slashes in the middle would be read from each of them.
  return `${origin}${pathname.replace(/(?<!\/)\/+$/, "")}`;
}
