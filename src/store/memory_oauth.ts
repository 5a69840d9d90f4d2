/** Clients, grants and tokens in memory: all of them end with the process. */
import type {
  ClientRow,
  GrantFilter,
  GrantRow,
  OAuthStore,
  OAuthTokenRow,
} from "../oauth/oauth_store.ts";

/** Makes an empty store. */
export function createMemoryOAuth(): OAuthStore {
  const clients = new Map<string, ClientRow>();
  const grants = new Map<string, GrantRow>();
  const tokens = new Map<string, OAuthTokenRow>();

  const removeGrants = (filter: GrantFilter): readonly GrantRow[] => {
    const ended = [...grants.values()].filter((grant) => isOf(grant, filter));
    const ids = new Set(ended.map(({ id }) => id));
    for (const id of ids) grants.delete(id);
    for (const { digest, grantId } of tokens.values()) if (ids.has(grantId)) tokens.delete(digest);
    return ended;
  };
  const removeClients = (isOver: (client: ClientRow) => boolean): void => {
    const live = new Set([...grants.values()].map(({ client }) => client));
    for (const client of clients.values()) {
      if (!live.has(client.id) && isOver(client)) clients.delete(client.id);
    }
  };
  return {
    client: async (id) => clients.get(id),
    clients: async () => [...clients.values()],
    countClients: async () => clients.size,
    async removeUnused(before) {
      const [oldest] = [...clients.values()]
        .filter(({ usedAt, createdAt }) => usedAt === undefined && createdAt < before)
        .toSorted((one, other) => one.createdAt - other.createdAt);
      if (oldest === undefined) return false;
      const count = clients.size;
      removeClients(({ id }) => id === oldest.id);
      return clients.size < count;
    },
    grants: async (filter = {}) => [...grants.values()].filter((grant) => isOf(grant, filter)),
    token: async (digest) => tokens.get(digest),
    async commit(changes) {
      const { expect } = changes;
      if (expect !== undefined && !isSame(tokens.get(expect.digest), expect.row)) return false;
      for (const row of changes.clients ?? []) clients.set(row.id, row);
      for (const row of changes.grants ?? []) grants.set(row.id, row);
      for (const row of changes.tokens ?? []) tokens.set(row.digest, row);
      return true;
    },
    removeGrants: async (filter) => removeGrants(filter),
    async removeClient(id) {
      removeGrants({ client: id });
      return clients.delete(id);
    },
    removeToken: async (digest) => tokens.delete(digest),
    async sweep({ now, unusedBefore, idleBefore }) {
      for (const { digest, expiresAt } of tokens.values()) {
        if (expiresAt <= now) tokens.delete(digest);
      }
      const live = new Set([...tokens.values()].map(({ grantId }) => grantId));
      for (const { id } of grants.values()) if (!live.has(id)) grants.delete(id);
      removeClients(({ usedAt, createdAt }) =>
        usedAt === undefined ? createdAt < unusedBefore : usedAt < idleBefore
      );
    },
  };
}

function isOf(grant: GrantRow, { id, client, principal }: GrantFilter): boolean {
  return (id === undefined || grant.id === id) &&
    (client === undefined || grant.client === client) &&
    (principal === undefined || grant.principal === principal);
}

function isSame(one: OAuthTokenRow | undefined, other: OAuthTokenRow | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
