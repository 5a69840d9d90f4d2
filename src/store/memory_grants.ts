/** Grants at protected servers, and registrations at their issuers, that end with the process. */
import { createKeyedMutex } from "../keyed_mutex.ts";
import type { ClientRegistration, Grant, GrantKey, GrantStore } from "../grants/grant.ts";
import type { Limits } from "../limits.ts";
import { grantBindingOf, registrationBindingOf } from "./grant_rows.ts";
import { keepNewest, putNewest } from "./newest.ts";

/** Makes an empty store. */
export function createMemoryGrantStore(
  { limits }: {
    readonly limits: Pick<
      Limits,
      "serverGrantsPerPrincipalMax" | "serverGrantsMax" | "serverRegistrationsMax"
    >;
  },
): GrantStore {
  const inTurn = createKeyedMutex();
  const grants = new Map<string, { readonly key: GrantKey; readonly grant: Grant }>();
  const registrations = new Map<string, ClientRegistration>();
  const isOf = (server: string | undefined, principal?: string) => ({ key }: { key: GrantKey }) =>
    (server === undefined || key.server === server) &&
    (principal === undefined || key.principal === principal);
  return {
    async find(server, principal) {
      return [...grants.values()].filter(isOf(server, principal)).toReversed();
    },
    async list(server) {
      return [...grants.values()].filter(isOf(server)).toReversed();
    },
    async save(key, grant) {
      putNewest(grants, grantBindingOf(key), { key, grant });
      const { server, principal } = key;
      keepNewest(grants, limits.serverGrantsPerPrincipalMax, isOf(server, principal));
      keepNewest(grants, limits.serverGrantsMax);
      return true;
    },
    async remove(key) {
      grants.delete(grantBindingOf(key));
    },
    inTurn: (key, work) => inTurn(grantBindingOf(key), work),
    async findRegistration(issuer, redirectUri) {
      return registrations.get(registrationBindingOf(issuer, redirectUri));
    },
    async saveRegistration(registration) {
      const { issuer, redirectUri } = registration;
      putNewest(registrations, registrationBindingOf(issuer, redirectUri), registration);
      keepNewest(registrations, limits.serverRegistrationsMax);
    },
    async removeRegistration(issuer, redirectUri) {
      registrations.delete(registrationBindingOf(issuer, redirectUri));
    },
  };
}
