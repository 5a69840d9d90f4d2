/**
 * Where a document says that its API is (OpenAPI 3.1 4.8.5). A document that was fetched can say so
 * only for its own origin: whoever writes it must not choose whom the gateway calls, or who gets the
 * operator's credentials (hostile case F2). Another origin is the operator's to name.
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
 * The base URL of one operation whose path or method has servers of its own; undefined where it is
 * the service's. Throws Unusable for one at another origin.
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
      ? "its own server has no URL that can be used"
      : `it is at "${first.origin}" and not at "${
        new URL(baseUrl).origin
      }"; configure a server of its own for it`,
  );
}

/** Absolute, variables replaced by their defaults; undefined for one that is no web address. */
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
  // Looks behind, since a long row of slashes in the middle would be gone through from each of them.
  return `${origin}${pathname.replace(/(?<!\/)\/+$/, "")}`;
}
