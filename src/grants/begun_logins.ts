/**
 * Log-ins that are at an authorization server, by their `state`: each belongs to a server, a
 * principal and a browser, lives for ten minutes, and is taken once, at whichever instance its
 * answer arrives. Also what ends them before: the removal of their server or principal leaves a
 * mark, so that a log-in which began before it never ends in a grant.
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import type { GrantDeps } from "./grant_deps.ts";
import type { IssuerClient } from "./issuer_clients.ts";
import type { IssuerMetadata } from "./issuer_metadata.ts";
import type { ProtectedServer } from "./server_grants.ts";

/** One log-in. */
export interface StartedServerLogin {
  readonly server: ProtectedServer;
  readonly principal: string;
  readonly metadata: IssuerMetadata;
  readonly client: IssuerClient;
  readonly redirectUri: string;
  readonly resource: string;
  /** What was requested. */
  readonly scopes: readonly string[];
  /** The verifier of PKCE (RFC 7636). */
  readonly verifier: string;
  readonly returnTo?: string | undefined;
  /** What it must still find at its end; see `marks`. */
  readonly marks: LoginMarks;
}

/** Which log-ins are meant: those at a server, or those of a principal. */
export type LoginOwner = { readonly server: string } | { readonly principal: string };

/** The latest removals of a server and of a principal; "": none lately. */
export interface LoginMarks {
  readonly server: string;
  readonly principal: string;
}

/** The open log-ins of a gateway. Each function rejects when the store is unavailable. */
export interface BegunLogins {
  /** The marks of a log-in that begins now. */
  marks(server: string, principal: string): Promise<LoginMarks>;
  put(state: string, browser: string, login: StartedServerLogin): Promise<void>;
  /**
   * The log-in of a state, once; undefined if it is unknown, too old, another browser's, or over
   * because its server, as `find` has it now, or its principal is another one.
   */
  take(
    state: string,
    browser: string,
    find: (server: string) => ProtectedServer | undefined,
  ): Promise<StartedServerLogin | undefined>;
  /** Whether neither its server nor its principal was removed since it began. */
  isLive(login: Pick<StartedServerLogin, "server" | "principal" | "marks">): Promise<boolean>;
  /** Ends these log-ins, also those that are at their end. */
  drop(owner: LoginOwner): Promise<void>;
}

const text = v.string();
const marksForm = v.object({ server: text, principal: text });
const form = v.object({
  /** What stands for the browser. */
  browser: text,
  server: text,
  /** The digest of the server's entry. */
  entry: text,
  principal: text,
  metadata: v.custom<IssuerMetadata>(isJsonObject),
  client: v.custom<IssuerClient>(isJsonObject),
  redirectUri: text,
  resource: text,
  scopes: v.pipe(v.array(text), v.readonly()),
  verifier: text,
  returnTo: v.optional(text),
  marks: marksForm,
});

/** Makes the table. */
export function createBegunLogins(
  { records, limits, runtime: { sha256 } }: Pick<GrantDeps, "records" | "limits" | "runtime">,
): BegunLogins {
  const begun = records.table({
    name: "at issuers",
    form,
    lifeMs: limits.serverLoginMs,
    groupMax: limits.serverLoginsPerPrincipalMax,
    allMax: limits.serverLoginsMax,
  });
  /** They outlive each log-in that began before. */
  const removals = records.table({
    name: "removals",
    form: v.object({ mark: text }),
    lifeMs: 2 * limits.serverLoginMs,
    groupMax: limits.serverLoginsMax,
    allMax: limits.serverLoginsMax,
  });
  const toEntry = (server: ProtectedServer): string => sha256(JSON.stringify(server));
  const marks: BegunLogins["marks"] = async (server, principal) => {
    const [one, other] = await Promise.all([
      removals.find(`server ${server}`),
      removals.find(`principal ${principal}`),
    ]);
    return { server: one?.mark ?? "", principal: other?.mark ?? "" };
  };
  const isLive: BegunLogins["isLive"] = async (login) => {
    const now = await marks(login.server.name, login.principal);
    // A removal whose mark is gone was before the log-in.
    return (now.server || login.marks.server) === login.marks.server &&
      (now.principal || login.marks.principal) === login.marks.principal;
  };
  return {
    marks,
    isLive,
    put: (state, browser, { server, ...login }) =>
      begun.put(state, login.principal, {
        ...login,
        browser,
        server: server.name,
        entry: toEntry(server),
      }),
    async take(state, browser, find) {
      // Another browser's log-in stays as it is.
      if ((await begun.find(state))?.browser !== browser) return undefined;
      const taken = await begun.take(state);
      if (taken === undefined) return undefined;
      const { browser: _, entry, server: name, ...login } = taken;
      const server = find(name);
      if (server === undefined || toEntry(server) !== entry) return undefined;
      const whole = { ...login, server };
      return await isLive(whole) ? whole : undefined;
    },
    async drop(owner) {
      const [[what, name] = []] = Object.entries(owner);
      await removals.put(`${what} ${name}`, String(what), { mark: crypto.randomUUID() });
    },
  };
}
