/**
 * URLs of remote servers. Errors never show a URL, because any part may be a secret.
 */
import type { Texts } from "./texts.ts";

/**
 * An absolute URL without login and fragment; undefined, and a problem in `texts`, if it is
 * invalid.
 */
export function readWebUrl(
  key: string,
  given: string,
  texts: Texts,
  example: string,
): string | undefined {
  const before = texts.problems.length;
  const text = texts.plain(key, given).trim();
  if (!URL.canParse(text)) {
    // A reference that cannot be resolved was already reported.
    if (texts.problems.length === before) {
      texts.refuse(key, `expected an absolute URL such as ${example}`);
    }
    return undefined;
  }
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    texts.refuse(key, `expected a URL with https: or http:, got ${JSON.stringify(url.protocol)}`);
  }
  if (url.username + url.password !== "") {
    texts.refuse(key, "expected a URL without a login in it; use credentials or headers");
  }
  url.hash = "";
  return url.href;
}

/** A base URL for paths: without a query, and without a slash at its end. */
export function readBaseUrl(key: string, given: string, texts: Texts): string | undefined {
  const href = readWebUrl(key, given, texts, "https://api.example.com/v1");
  if (href === undefined) return undefined;
  const url = new URL(href);
  if (url.search !== "") texts.refuse(key, "expected a URL without a query");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
