/**
 * Where people log in at protected servers: the URLs of the gateway's own pages, for texts and
 * questions at calls, where there is no request whose URL could be used. Not here: the pages
 * (src/http/oauth/).
 */
import { sharedPrincipal } from "../model.ts";
import { standsForOne } from "../principals.ts";
import type { LoginLinks } from "./login_links.ts";

/** The paths of the pages, below the gateway's URL. */
export const connectPath = "/oauth/connect";
export const callbackPath = "/oauth/callback";
export const clientMetadataPath = "/oauth/client-metadata.json";

/** Gives the URLs. */
export interface LoginPlace {
  /**
   * The URL at which a principal logs in at a server; `principal` is what `principalFor` of the
   * grants returns. Where clients authenticate the URL has a link, which lives ten minutes and works
   * once. Undefined: the gateway has no listener, or a client must not log in, since one log-in of
   * the operator serves all.
   */
  urlOf(server: string, principal: string): Promise<string | undefined>;
  /**
   * A URL with a link by which the operator logs in for any principal; its maker has checked that it
   * is the operator who asks. Undefined: the gateway has no listener.
   */
  operatorUrlOf(server: string, principal: string): Promise<string | undefined>;
  /** The base of the gateway's URLs; undefined: it has no listener. */
  base(): string | undefined;
  /** A listener serves the gateway from now on; `url` is its base, without a path. */
  listensAt(url: string): void;
}

/** What the place is made of. */
export interface LoginPlaceDeps {
  readonly links: Pick<LoginLinks, "make">;
  /** MCP_PUBLIC_URL; it is used instead of the listener's own URL. */
  readonly publicUrl: string | undefined;
  /** Whether clients authenticate. If not, the page needs no link. */
  readonly authenticates: boolean;
}

/** Makes the place of a gateway; without a public URL it has none before a listener is open. */
export function createLoginPlace(
  { links, publicUrl, authenticates }: LoginPlaceDeps,
): LoginPlace {
  let base = publicUrl;
  const pageOf = (server: string): string | undefined =>
    base === undefined ? undefined : `${base}${connectPath}/${encodeURIComponent(server)}`;
  const linkOf = async (server: string, principal: string): Promise<string | undefined> => {
    const page = pageOf(server);
    return page && `${page}?link=${await links.make(server, principal)}`;
  };
  return {
    async urlOf(server, principal) {
      if (!authenticates) return principal === sharedPrincipal.id ? pageOf(server) : undefined;
      return standsForOne({ id: principal }) ? await linkOf(server, principal) : undefined;
    },
    operatorUrlOf: linkOf,
    base: () => base,
    listensAt: (url) => void (base = publicUrl ?? url.replace(/\/$/, "")),
  };
}
