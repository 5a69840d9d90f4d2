/** What operators see of clients and grants, and how they revoke them. */
import { readMetadata } from "./client_metadata.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { readGrant } from "./oauth_rows.ts";
import type { ListedClient, ListedGrant, OAuthSteering } from "./oauth_server.ts";
import type { ClientRow, GrantRow } from "./oauth_store.ts";
import type { OAuthSettings } from "./oauth_settings.ts";
import { endGrants } from "./revocation.ts";

/** Makes the functions. */
export function createOAuthSteering(
  deps: Pick<OAuthDeps, "store" | "bus" | "emit"> & {
    readonly settings: Pick<OAuthSettings, "clients">;
  },
): OAuthSteering {
  const { store, settings } = deps;
  return {
    async listClients() {
      const grants = Map.groupBy(await store.grants(), ({ client }) => client);
      const countOf = (id: string): number => grants.get(id)?.length ?? 0;
      const own = [...settings.clients.values()].map(({ id, kind, name, redirectUris }) => ({
        id,
        kind,
        name,
        redirectUris,
        grants: countOf(id),
      }));
      const stored = await store.clients();
      return [...own, ...stored.map((row) => toListedClient(row, countOf(row.id)))];
    },
    async revokeClient(id) {
      // What a client of the settings got stays: such a client could ask for it again at once.
      if (await store.client(id) === undefined) return false;
      await endGrants(deps, { client: id }, "The client was revoked");
      return await store.removeClient(id);
    },
    async listGrants(filter) {
      return (await store.grants(filter)).map(toListedGrant);
    },
    async revokeGrant(id) {
      return (await endGrants(deps, { id }, "The grant was revoked")).length > 0;
    },
    async revokePrincipal(principal, reason) {
      return (await endGrants(deps, { principal }, reason)).length;
    },
  };
}

function toListedClient(
  { id, kind, body, createdAt, usedAt }: ClientRow,
  grants: number,
): ListedClient {
  const { client_name: name, redirect_uris: redirectUris } = readMetadata(body);
  return {
    id,
    kind,
    name: name === "" ? undefined : name,
    redirectUris,
    grants,
    createdAt,
    usedAt,
  };
}

function toListedGrant({ body, ...row }: GrantRow): ListedGrant {
  const grant = readGrant(body);
  return { ...row, scopes: grant?.scopes ?? [], surface: grant?.surface };
}
