/** Grants and registrations that end with the process. */
import { createKeyedMutex } from "../credentials/keyed_mutex.ts";
import type { ClientRegistration, GrantKey, GrantStore, StoredGrant } from "../grants/grant.ts";

/** Makes an empty store. */
export function createMemoryGrantStore(): GrantStore {
  const inTurn = createKeyedMutex();
  const grants = new Map<string, StoredGrant>();
  const registrations = new Map<string, ClientRegistration>();
  const nameOf = ({ principal, server, issuer, resource }: GrantKey): string =>
    JSON.stringify([server, principal, issuer, resource]);
  const newestFirst = (): StoredGrant[] => [...grants.values()].reverse();
  return {
    find: async (server, principal) =>
      newestFirst().filter(({ key }) => key.server === server && key.principal === principal),
    list: async (server) =>
      newestFirst().filter(({ key }) => server === undefined || key.server === server),
    async save(key, grant) {
      const name = nameOf(key);
      grants.delete(name);
      grants.set(name, { key, grant });
      return true;
    },
    remove: async (key) => void grants.delete(nameOf(key)),
    inTurn: (key, work) => inTurn(nameOf(key), work),
    findRegistration: async (issuer, redirectUri) =>
      registrations.get(JSON.stringify([issuer, redirectUri])),
    saveRegistration: async (registration) => {
      const { issuer, redirectUri } = registration;
      registrations.set(JSON.stringify([issuer, redirectUri]), registration);
    },
    removeRegistration: async (issuer, redirectUri) =>
      void registrations.delete(JSON.stringify([issuer, redirectUri])),
  };
}
