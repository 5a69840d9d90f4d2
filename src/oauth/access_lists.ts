/** Clients and grants, as operators list and revoke them. Times are ISO 8601. */
import { AccessError } from "../access_error.ts";
import type { ListedClient, ListedGrant, OAuthSteering } from "./oauth_server.ts";

/** Times as lists show them. */
interface ListedTimes {
  readonly createdAt?: string | undefined;
  readonly usedAt?: string | undefined;
}

/** One client in a list. */
export interface ClientEntry extends Omit<ListedClient, keyof ListedTimes>, ListedTimes {}

/** One grant in a list. */
export interface GrantEntry extends Omit<ListedGrant, keyof ListedTimes>, ListedTimes {}

/** The clients. Rejects with an AccessError. */
export interface ClientSteering {
  list(): Promise<readonly ClientEntry[]>;
  /** Removes a client and ends what was granted to it. */
  revoke(id: string): Promise<void>;
}

/** The grants. Rejects with an AccessError. */
export interface GrantSteering {
  list(): Promise<readonly GrantEntry[]>;
  /** Ends a grant: its tokens are refused from now on. */
  revoke(id: string): Promise<void>;
}

/** Makes both of what the authorization server offers. */
export function createAccessLists(
  steering: OAuthSteering,
): { readonly clients: ClientSteering; readonly grants: GrantSteering } {
  return {
    clients: {
      list: async () => (await steering.listClients()).map(withTimes),
      async revoke(id) {
        if (await steering.revokeClient(id)) return;
        throw new AccessError(
          "access_unknown",
          `Cannot revoke client ${
            JSON.stringify(id)
          }: no client with this id is stored; remove clients ` +
            "of mcp.json in that file",
        );
      },
    },
    grants: {
      list: async () => (await steering.listGrants()).map(withTimes),
      async revoke(id) {
        if (await steering.revokeGrant(id)) return;
        throw new AccessError(
          "access_unknown",
          `Cannot find grant ${JSON.stringify(id)}; "grants list" shows the whole ids`,
        );
      },
    },
  };
}

/** The same entry with its times as texts. */
export function withTimes<
  Entry extends { readonly createdAt?: number | undefined; readonly usedAt?: number | undefined },
>(entry: Entry): Omit<Entry, keyof ListedTimes> & ListedTimes {
  const { createdAt, usedAt, ...rest } = entry;
  return {
    ...rest,
    ...(createdAt !== undefined && { createdAt: toIso(createdAt) }),
    ...(usedAt !== undefined && { usedAt: toIso(usedAt) }),
  };
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
