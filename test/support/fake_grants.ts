/**
 * Grants that a test gives and takes: a bearer token for each principal at each server, without an
 * authorization server. A server counts as protected once it has refused a request with a challenge.
 */
import type { HttpServerConfig } from "../../src/config/config.ts";
import { isOfKind } from "../../src/config/server_kind.ts";
import { GatewayError } from "../../src/errors.ts";
import type { GrantChange, ProtectedServer, ServerGrants } from "../../src/grants/server_grants.ts";
import { sharedPrincipal } from "../../src/model.ts";
import {
  type Authorization,
  type Credential,
  type CredentialUse,
  emptyContext,
} from "../../src/outgoing/authorization.ts";
import { type UpstreamKinds, upstreamKinds } from "../../src/upstream/upstream_kinds.ts";

/** The grants, and the hand that gives them. */
export interface FakeGrants extends ServerGrants {
  /** A principal logs in, or gets another token. */
  give(server: string, principal: string, token: string): void;
  /** Its grant ends. */
  take(server: string, principal: string): void;
  /** For whom each request was authorized, in order. */
  readonly uses: (CredentialUse & { readonly server: string })[];
  /** The kinds of servers, with these grants. */
  readonly kinds: UpstreamKinds;
}

/** Makes them; no principal has a grant. */
export function createFakeGrants(): FakeGrants {
  const tokens = new Map<string, string>();
  const servers = new Map<string, ProtectedServer>();
  const asked = new Set<string>();
  const listeners = new Set<(change: GrantChange) => void>();
  const uses: FakeGrants["uses"] = [];
  const keyOf = (server: string, principal: string) => JSON.stringify([server, principal]);
  const tell = (change: GrantChange) => {
    for (const listener of [...listeners]) listener(change);
  };
  const unused = (): never => {
    throw new GatewayError("internal", "No person logs in by a page in this test");
  };
  const principalFor = (server: string, principal: string): string =>
    servers.get(server)?.oauth.grant === "shared" ? sharedPrincipal.id : principal;

  const authorizationOf = (server: ProtectedServer): Authorization => {
    const { name } = server;
    servers.set(name, server);
    const bearerOf = ({ principal }: CredentialUse): string | undefined => {
      const token = tokens.get(keyOf(name, principalFor(name, principal)));
      return token === undefined ? undefined : `Bearer ${token}`;
    };
    return {
      async get(use): Promise<Credential> {
        uses.push({ ...use, server: name });
        const authorization = bearerOf(use);
        if (authorization !== undefined) {
          const context = { ...emptyContext, headers: { authorization } };
          return { state: "ready", context, isDegraded: false };
        }
        return asked.has(name)
          ? { state: "needs_person", problem: "needs a log-in" }
          : { state: "ready", context: emptyContext, isDegraded: false };
      },
      async renew({ headers }, use, _signal, { status, challenge }) {
        if (status !== 401 || challenge === undefined) return false;
        asked.add(name);
        const now = bearerOf(use);
        if (now === undefined || now !== headers["authorization"]) return true;
        tokens.delete(keyOf(name, principalFor(name, use.principal)));
        return true;
      },
    };
  };
  const grants: FakeGrants = {
    uses,
    authorizationOf,
    principalFor,
    hasGrant: async (server, principal) =>
      asked.has(server) ? tokens.has(keyOf(server, principal)) : undefined,
    begin: unused,
    finish: unused,
    reports: async () => [],
    failedLogin: () => undefined,
    logOut: async () => 0,
    tellNeeds: async () => {},
    forget: async () => {},
    keep: () => {},
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => {},
    give(server, principal, token) {
      tokens.set(keyOf(server, principal), token);
      tell({ server, principal, isGranted: true });
    },
    take(server, principal) {
      tokens.delete(keyOf(server, principal));
      tell({ server, principal, isGranted: false });
    },
    kinds: upstreamKinds.map((row) => ({
      ...row,
      create(config, deps) {
        if (isOfKind<HttpServerConfig>(config, "http") && config.oauth !== undefined) {
          // The pages and links of the gateway go by its own grants.
          deps.grants.authorizationOf({ ...config, oauth: config.oauth });
        }
        return row.create(config, { ...deps, grants });
      },
    })),
  };
  return grants;
}
