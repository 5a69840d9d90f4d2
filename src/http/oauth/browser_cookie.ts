/**
 * The one cookie of the gateway's pages: an opaque token for each browser. With https it has the
 * `__Host-` prefix, so no other host of the domain can set it (RFC 6265bis, 4.1.3.2). Without, it is
 * named after the port, because cookies of one host are sent to all its ports. It is `Lax`: a client
 * on another site sends the browser to the page of its request.
 */
import { msPerSecond } from "../../limits.ts";
import type { HeaderPairs } from "../respond.ts";

/** What `makeBrowserToken` makes. */
const tokenForm = /^[\w-]{43}$/;

function nameOf({ protocol, port }: URL): string {
  return protocol === "https:" ? "__Host-mcp-wrapper" : `mcp-wrapper-${port || "80"}`;
}

/** The token of a browser; undefined if it sends none, a malformed one, or several. */
export function readBrowserToken({ headers }: Request, base: string): string | undefined {
  const prefix = `${nameOf(new URL(base))}=`;
  const tokens = (headers.get("cookie") ?? "").split(";").map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix)).map((pair) => pair.slice(prefix.length));
  const [token, ...others] = tokens;
  return token !== undefined && others.length === 0 && tokenForm.test(token) ? token : undefined;
}

/** The header that gives a browser its token. */
export function browserCookie(base: string, token: string, lifeMs: number): HeaderPairs {
  const url = new URL(base);
  const attributes = [
    "Path=/",
    "HttpOnly",
    "SameSite=Lax",
    `Max-Age=${Math.floor(lifeMs / msPerSecond)}`,
    ...(url.protocol === "https:" ? ["Secure"] : []),
  ];
  return { "set-cookie": [`${nameOf(url)}=${token}`, ...attributes].join("; ") };
}
