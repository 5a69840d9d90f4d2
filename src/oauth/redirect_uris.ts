/**
 * Redirect URIs: which a client may have, and which of them a request means. A loopback one matches
 * with any port, and its three host names are one (RFC 8252, 7.3); every other one matches
 * character by character. URIs of a program's own scheme are allowed, since some clients have no
 * other.
 */

/** Schemes that run or show something in the browser itself, or belong to other protocols. */
const refusedSchemes: ReadonlySet<string> = new Set([
  "about",
  "blob",
  "chrome",
  "data",
  "file",
  "filesystem",
  "ftp",
  "intent",
  "javascript",
  "mailto",
  "resource",
  "sms",
  "tel",
  "vbscript",
  "view-source",
  "ws",
  "wss",
]);

const loopbackHosts: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Visible ASCII without what parsers disagree about: a backslash, quotes and angle brackets. */
const uriForm = /^[a-z][a-z0-9+.-]*:[!#-;=?-[\]-_a-z{}~|]+$/i;

/** With two slashes alone a web address means the same wherever it is read (RFC 9110, 4.2). */
const oddWebForm = /^https?:(?!\/\/[^/])/i;

/** A redirect URI in parts; undefined if no client may have it. */
export function parseRedirectUri(text: string): URL | undefined {
  if (!uriForm.test(text) || oddWebForm.test(text) || text.includes("#") || !URL.canParse(text)) {
    return undefined;
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return undefined;
  const scheme = url.protocol.slice(0, -1);
  if (scheme === "https") return url;
  if (scheme === "http") return loopbackHosts.has(url.hostname) ? url : undefined;
  return refusedSchemes.has(scheme) ? undefined : url;
}

/** Whether a redirect goes to the person's own machine. */
export function isLoopbackRedirect(text: string): boolean {
  const url = parseRedirectUri(text);
  return url?.protocol === "http:";
}

/** Whether a requested URI is one of those that the client has. */
export function matchesRedirectUri(requested: string, own: readonly string[]): boolean {
  if (parseRedirectUri(requested) === undefined) return false;
  return own.includes(requested) || own.some((one) => isSameLoopback(requested, one));
}

function isSameLoopback(requested: string, own: string): boolean {
  const [one, other] = [parseRedirectUri(requested), parseRedirectUri(own)];
  return one?.protocol === "http:" && other?.protocol === "http:" &&
    one.pathname === other.pathname && one.search === other.search;
}

/** A redirect URI with parameters added to its query; those that are undefined are left out. */
export function addToRedirect(
  uri: string,
  params: Readonly<Record<string, string | undefined>>,
): string {
  const pairs = Object.entries(params)
    .filter((pair): pair is [string, string] => pair[1] !== undefined);
  const query = new URLSearchParams(pairs).toString();
  return `${uri}${uri.includes("?") ? "&" : "?"}${query}`;
}
