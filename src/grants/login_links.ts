/**
 * Links by which a principal logs in at a protected server: a random token for each. A link lives
 * ten minutes and is used once, at whichever instance it is opened. Not here: the URL
 * (login_place.ts), the page behind it (src/http/oauth/), and where links are kept
 * (login_records.ts).
 */
import * as v from "valibot";
import type { Limits } from "../limits.ts";
import type { LoginRecords } from "../login_records.ts";
import { makeKey } from "../seal.ts";

/** What a link is for. */
export interface ServerLink {
  /** The server's name. */
  readonly server: string;
  /** Whose grant it leads to: the principal's id, or that of `sharedPrincipal`. */
  readonly principal: string;
}

/** The links of a gateway. Each function rejects when the store is unavailable. */
export interface LoginLinks {
  /** Makes a link; returns its token: 256 random bits. */
  make(server: string, principal: string): Promise<string>;
  /** What a token is for, without using it up; undefined: it was used, is too old, or is unknown. */
  find(token: string): Promise<ServerLink | undefined>;
  /** Uses a token up; undefined as for `find`. */
  use(token: string): Promise<ServerLink | undefined>;
  /** The links of a principal can be used no more. */
  drop(principal: string): Promise<void>;
}

/** What the links need. */
export interface LoginLinkDeps {
  readonly records: LoginRecords;
  readonly limits: Pick<
    Limits,
    "serverLinkMs" | "serverLinksMax" | "serverLinksPerPrincipalMax"
  >;
}

const form = v.object({ server: v.string(), principal: v.string() });

/**
 * Makes the table. The links of a principal are a group: a client that calls in a loop takes only
 * its own principal's links away.
 */
export function createLoginLinks({ records, limits }: LoginLinkDeps): LoginLinks {
  const links = records.table({
    name: "links",
    form,
    lifeMs: limits.serverLinkMs,
    groupMax: limits.serverLinksPerPrincipalMax,
    allMax: limits.serverLinksMax,
  });
  return {
    async make(server, principal) {
      const token = makeKey();
      await links.put(token, principal, { server, principal });
      return token;
    },
    find: (token) => links.find(token),
    use: (token) => links.take(token),
    drop: (principal) => links.removeGroup(principal),
  };
}
