/**
 * Ends grants: their codes and tokens leave the store first, then the bus announces it, so that no
 * memory of tokens keeps them. Also token revocation by clients (RFC 7009).
 */
import { isDocumentId } from "./client_documents.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import type { OAuthParams } from "./oauth_request.ts";
import type { GrantFilter, GrantRow } from "./oauth_store.ts";
import { digestOf } from "./tokens.ts";

/** Removes grants and announces it; returns those that existed. */
export async function endGrants(
  { store, bus, emit }: Pick<OAuthDeps, "store" | "bus" | "emit">,
  filter: GrantFilter,
  reason: string,
): Promise<readonly GrantRow[]> {
  const ended = await store.removeGrants(filter);
  for (const { client, principal } of ended) {
    emit({ type: "oauth_step", step: "revoked", client, principal, reason });
  }
  const lost = new Map(
    ended.map((grant) => [JSON.stringify([grant.principal, grant.client]), grant]),
  );
  for (const { principal, client } of lost.values()) {
    bus.publish("accessRevoked", { principal, client, reason });
  }
  return ended;
}

/**
 * Ends the grants of clients that have left the settings. A client with a document is known by its
 * URL alone.
 */
export async function endForgotten(
  deps: Pick<OAuthDeps, "store" | "bus" | "emit" | "settings">,
): Promise<void> {
  const { store, settings } = deps;
  const known = new Set([
    ...settings.clients.keys(),
    ...(await store.clients()).map(({ id }) => id),
  ]);
  const forgotten = new Set(
    (await store.grants()).map(({ client }) => client)
      .filter((id) => !known.has(id) && !isDocumentId(id)),
  );
  for (const client of forgotten) {
    await endGrants(deps, { client }, "The client is not configured any more");
  }
}

/**
 * Revokes the token of a request: a refresh token with its whole grant, an access token alone. A
 * token that is unknown, or another client's, changes nothing, and the answer does not tell.
 */
export async function revokeToken(
  deps: OAuthDeps,
  client: OAuthClient,
  { token }: OAuthParams,
): Promise<void> {
  if (token === undefined) throw new OAuthError("invalid_request", "token is missing");
  const { store, bus } = deps;
  const row = await store.token(await digestOf(token));
  const [grant] = row === undefined || row.grantId === ""
    ? []
    : await store.grants({ id: row.grantId });
  if (row === undefined || grant?.client !== client.id) return;
  const reason = "The client revoked its token";
  if (row.kind !== "access") return void await endGrants(deps, { id: grant.id }, reason);
  await store.removeToken(row.digest);
  bus.publish("accessRevoked", { principal: grant.principal, client: client.id, reason });
}
