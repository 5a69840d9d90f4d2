/**
 * Where a redirect leads, decided by hand (case F2): within an origin everything goes along; to
 * another origin nothing of ours does, and no message at all; never from TLS to plain text. A
 * message that must not be sent twice is not redirected: the first server may have acted on it. Not
 * here: whether the new address may be connected to.
 */

/** One request on its way. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  /** Of the request itself, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Whether headers and credentials of the configuration go along; once lost, they stay away. */
  readonly trusted: boolean;
  /** Whether sending it twice does no more than sending it once. */
  readonly repeatable: boolean;
  /** An answer that redirects is the answer. */
  readonly final?: boolean | undefined;
}

const redirects = new Set([301, 302, 303, 307, 308]);

/** The next hop, or why there must be none; undefined when the answer is no redirect. */
export function follow(
  hop: Hop,
  status: number,
  location: string | null,
): Hop | { readonly problem: string } | undefined {
  if (hop.final === true || !redirects.has(status) || location === null) return undefined;
  if (!URL.canParse(location, hop.url.href)) {
    return { problem: "redirects to something that is no URL" };
  }
  const url = new URL(location, hop.url);
  const target = `${url.protocol}//${url.host}`;
  url.hash = "";
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return { problem: `redirects to a URL of the kind "${url.protocol}"` };
  }
  if (url.username + url.password !== "") return { problem: "redirects to a URL with a login" };
  if (hop.url.protocol === "https:" && url.protocol === "http:") {
    return { problem: `redirects from https to "${target}", which is not encrypted` };
  }
  const isFetch = (hop.method === "GET" || hop.method === "HEAD") && hop.body === undefined;
  if (url.origin === hop.url.origin) {
    const keepsMessage = status === 307 || status === 308;
    if (isFetch || (keepsMessage && hop.repeatable)) return { ...hop, url };
    if (keepsMessage) {
      return {
        problem: `redirects the call (status ${status}), which is not sent twice; correct its URL`,
      };
    }
    return {
      problem: `redirects with status ${status}, which would lose the message; correct its URL`,
    };
  }
  if (!isFetch) {
    return { problem: `redirects to "${target}", where no message is sent; correct its URL` };
  }
  // Of the request's own headers only this one says nothing of us or of a session.
  const { accept } = hop.headers;
  return { ...hop, url, headers: accept === undefined ? {} : { accept }, trusted: false };
}
