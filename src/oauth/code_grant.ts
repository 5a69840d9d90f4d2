/**
 * The grant `authorization_code` (RFC 6749, 4.1.3; RFC 7636, 4.6; RFC 8707, 2.2). A code is redeemed
 * once; a second use revokes what the first one gave (RFC 6749, 4.1.2). The grant and its tokens
 * are stored together with the mark on the code.
 */
import { steadyNow } from "../clock.ts";
import { base64urlToBytes, bytesToHex } from "../bytes_text.ts";
import { userPrincipal } from "../principals.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthClients } from "./clients.ts";
import { issueToken, toAnswer, type TokenAnswer, toTokenRow } from "./issued_tokens.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import { narrowSurface, type OAuthParams, type OAuthRequest } from "./oauth_request.ts";
import { type CodeBody, readCode } from "./oauth_rows.ts";
import type { GrantRow, OAuthTokenRow } from "./oauth_store.ts";
import { endGrants } from "./revocation.ts";
import { narrowScopes } from "./scopes.ts";
import { digestOf, hasTokenForm, isVerifier, makeToken } from "./tokens.ts";

/** Redeems a code. Throws an OAuthError. */
export async function redeemCode(
  deps: OAuthDeps,
  clients: OAuthClients,
  client: OAuthClient,
  params: OAuthParams,
  request: OAuthRequest,
): Promise<TokenAnswer> {
  const { row, body } = await findCode(deps, client, params["code"]);
  if (body.usedAt !== undefined) return await refuseReplay(deps, row, client);
  if (row.expiresAt <= steadyNow(deps.clock)) throw invalid("The code has expired");
  await assertProof(body, params);
  const surface = narrowSurface(body.grant.surface, request);
  const scopes = narrowScopes(body.grant.scopes, params["scope"]);
  const answer = await storeGrant(deps, clients, client, row, body, { surface, scopes });
  // Another request redeemed it at the same time.
  if (answer === undefined) return await refuseReplay(deps, row, client);
  const principal = userPrincipal(body.grant.name);
  deps.emit({ type: "oauth_step", step: "code_redeemed", client: client.id, principal, surface });
  await keepBound(deps, client.id, principal);
  return answer;
}

const invalid = (why: string) => new OAuthError("invalid_grant", why);

async function findCode(
  { store }: OAuthDeps,
  client: OAuthClient,
  code: string | undefined,
): Promise<{ readonly row: OAuthTokenRow; readonly body: CodeBody }> {
  if (code === undefined) throw new OAuthError("invalid_request", "code is missing");
  const row = hasTokenForm(code, "code") ? await store.token(await digestOf(code)) : undefined;
  const body = row?.kind === "code" ? readCode(row.body) : undefined;
  // Another client's code stays as it is: its owner can still redeem it.
  if (row === undefined || body === undefined || body.client !== client.id) {
    throw invalid("The code is unknown");
  }
  return { row, body };
}

async function refuseReplay(
  deps: OAuthDeps,
  { grantId }: OAuthTokenRow,
  client: OAuthClient,
): Promise<never> {
  deps.emit({ type: "oauth_step", step: "code_replayed", client: client.id });
  await endGrants(deps, { id: grantId }, "A code was used twice");
  throw invalid("The code was used before");
}

/**
 * The proof key is that of the authorization request. So is the redirect URI, which clients of OAuth
 * 2.1 leave out, since the proof key binds a code to its client.
 */
async function assertProof(body: CodeBody, params: OAuthParams): Promise<void> {
  const redirectUri = params["redirect_uri"];
  if (redirectUri !== undefined && redirectUri !== body.redirectUri) {
    throw invalid("redirect_uri is not that of the authorization request");
  }
  const verifier = params["code_verifier"];
  if (verifier === undefined) throw new OAuthError("invalid_request", "code_verifier is missing");
  const isProof = isVerifier(verifier) &&
    await digestOf(verifier) === bytesToHex(base64urlToBytes(body.challenge));
  if (!isProof) throw invalid("code_verifier does not match the code_challenge");
}

async function storeGrant(
  deps: OAuthDeps,
  clients: OAuthClients,
  client: OAuthClient,
  row: OAuthTokenRow,
  body: CodeBody,
  token: { readonly surface: string | undefined; readonly scopes: readonly string[] },
): Promise<TokenAnswer | undefined> {
  const { store, clock, limits } = deps;
  const now = clock.wall();
  const { grant } = body;
  const grantRow: GrantRow = {
    id: row.grantId,
    client: client.id,
    principal: userPrincipal(grant.name),
    body: { ...grant },
    createdAt: Math.round(now),
    usedAt: Math.round(now),
  };
  const { grantId } = row;
  const access = issueToken(deps, {
    token: makeToken("access"),
    grantId,
    kind: "access",
    scopes: [...token.scopes],
    surface: token.surface,
  });
  const refresh = issueToken(deps, {
    token: makeToken("refresh"),
    grantId,
    kind: "refresh",
    scopes: grant.scopes,
    surface: grant.surface,
  });
  const used: OAuthTokenRow = {
    ...row,
    body: { ...row.body, usedAt: Math.round(now) },
    expiresAt: Math.round(now + limits.refreshMemoryMs),
  };
  const clientRow = await clients.used(client);
  const isStored = await store.commit({
    expect: { digest: row.digest, row },
    clients: clientRow === undefined ? [] : [clientRow],
    grants: [grantRow],
    tokens: [used, await toTokenRow(access), await toTokenRow(refresh)],
  });
  return isStored ? toAnswer(access, refresh.token, now) : undefined;
}

/** Lets the grant that was not used for longest give way if a client has too many of a person. */
async function keepBound(deps: OAuthDeps, client: string, principal: string): Promise<void> {
  const grants = await deps.store.grants({ client, principal });
  if (grants.length <= deps.limits.grantsPerClientMax) return;
  const [oldest] = grants.toSorted((one, other) => usedAt(one) - usedAt(other));
  if (oldest === undefined) return;
  await endGrants(deps, { id: oldest.id }, "The client has too many grants of this person");
}

function usedAt({ usedAt, createdAt }: GrantRow): number {
  return usedAt ?? createdAt;
}
