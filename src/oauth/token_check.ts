/**
 * What an access token stands for: its row, its grant and the principal that they make. Not here:
 * the memory of tokens that were checked before (src/auth/oauth.ts).
 */
import type { Principal } from "../model.ts";
import { principalIdOf } from "./machine_grant.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { readGrant, readToken } from "./oauth_rows.ts";
import type { CheckedToken } from "./oauth_server.ts";
import { serversOf } from "./scopes.ts";
import { digestOf, hasTokenForm } from "./tokens.ts";

/** Checks a token; undefined if it is unknown, expired or revoked. */
export async function checkAccessToken(
  { store, clock }: Pick<OAuthDeps, "store" | "clock">,
  token: string,
): Promise<CheckedToken | undefined> {
  if (!hasTokenForm(token, "access")) return undefined;
  const row = await store.token(await digestOf(token));
  if (row?.kind !== "access" || row.expiresAt <= clock.wall()) return undefined;
  const [grantRow] = await store.grants({ id: row.grantId });
  const body = readToken(row.body);
  const grant = grantRow && readGrant(grantRow.body);
  if (grantRow === undefined || grant === undefined || body === undefined) return undefined;
  const principal: Principal = {
    id: principalIdOf(grant),
    kind: "oauth",
    client: grantRow.client,
    roles: grant.roles,
    groups: grant.groups,
    servers: serversOf(body.scopes),
    expiresAt: row.expiresAt,
  };
  return { principal, surface: body.surface };
}
