/**
 * The grant `refresh_token` (RFC 6749, 6; RFC 9700, 4.14). Each use leads to a new pair of tokens,
 * which is derived from the used token, so that the same token gives the same pair again: sessions
 * of a client share a grant, and an answer can be lost. A used token leads to the newest pair of
 * its family for `refreshGraceMs` after its first use. If it comes back later, it was stolen, and
 * the family is revoked.
 */
import { steadyNow } from "../clock.ts";
import type { OAuthClient } from "./client_metadata.ts";
import {
  issueToken,
  toAnswer,
  type TokenAnswer,
  toTokenBody,
  toTokenRow,
} from "./issued_tokens.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import { narrowSurface, type OAuthParams, type OAuthRequest } from "./oauth_request.ts";
import { readToken, type TokenBody } from "./oauth_rows.ts";
import type { GrantRow, OAuthTokenRow } from "./oauth_store.ts";
import { endGrants } from "./revocation.ts";
import { narrowScopes } from "./scopes.ts";
import { deriveToken, digestOf, hasTokenForm } from "./tokens.ts";

/** A refresh token with its row. */
interface Generation {
  readonly token: string;
  readonly row: OAuthTokenRow;
  readonly body: TokenBody;
}

/** What a request wants of its access token. */
interface Wanted {
  readonly scopes: readonly string[];
  readonly surface: string | undefined;
}

const invalid = (why = "The refresh token is unknown") => new OAuthError("invalid_grant", why);

/** Redeems a refresh token. Throws an OAuthError. */
export async function refreshTokens(
  deps: OAuthDeps,
  client: OAuthClient,
  params: OAuthParams,
  request: OAuthRequest,
): Promise<TokenAnswer> {
  const token = params["refresh_token"];
  if (token === undefined) throw new OAuthError("invalid_request", "refresh_token is missing");
  // Another request may store the successor at the same time: then it is found.
  for (let attempt = 0; attempt < deps.limits.refreshAttemptsMax; attempt += 1) {
    const found = await find(deps, token);
    const [grant] = await deps.store.grants({ id: found?.row.grantId ?? "" });
    if (found === undefined || grant === undefined || grant.client !== client.id) throw invalid();
    if (found.row.expiresAt <= deps.clock.wall()) throw invalid("The refresh token has expired");
    const wanted: Wanted = {
      scopes: narrowScopes(found.body.scopes, params["scope"]),
      surface: narrowSurface(found.body.surface, request),
    };
    const answer = await useGeneration(deps, found, grant, wanted);
    if (answer !== undefined) return answer;
  }
  throw new OAuthError("temporarily_unavailable", "The grant is being refreshed; retry");
}

async function find({ store }: OAuthDeps, token: string): Promise<Generation | undefined> {
  if (!hasTokenForm(token, "refresh")) return undefined;
  const row = await store.token(await digestOf(token));
  const body = row?.kind === "refresh" ? readToken(row.body) : undefined;
  return row === undefined || body === undefined ? undefined : { token, row, body };
}

/** The pair that a token leads to; undefined: another request was faster. */
async function useGeneration(
  deps: OAuthDeps,
  first: Generation,
  grant: GrantRow,
  wanted: Wanted,
): Promise<TokenAnswer | undefined> {
  const { usedAt } = first.body;
  if (usedAt === undefined) return await rotate(deps, first, grant, wanted, "refreshed");
  const { client, principal } = grant;
  if (steadyNow(deps.clock) > usedAt + deps.limits.refreshGraceMs) {
    deps.emit({ type: "oauth_step", step: "refresh_replayed", client, principal });
    await endGrants(deps, { id: grant.id }, "A refresh token of an older generation was used");
    throw invalid("The refresh token was used before");
  }
  const { before, newest } = await findNewest(deps, first);
  const known = await findAccess(deps, before, wanted);
  if (known === undefined) return await rotate(deps, newest, grant, wanted, "refresh_repeated");
  deps.emit({ type: "oauth_step", step: "refresh_repeated", client, principal });
  return toAnswer({ ...known, scopes: wanted.scopes }, newest.token, deps.clock.wall());
}

/** The unused token at the end of a family, and the one before it. */
async function findNewest(
  deps: OAuthDeps,
  first: Generation,
): Promise<{ readonly before: Generation; readonly newest: Generation }> {
  let before = first;
  for (let step = 0; step < deps.limits.refreshStepsMax; step += 1) {
    const newest = await find(deps, await deriveToken(deps.sealer, "refresh", before.token));
    // It cannot be derived with another key.
    if (newest === undefined) throw invalid();
    if (newest.body.usedAt === undefined) return { before, newest };
    before = newest;
  }
  throw invalid();
}

/** The access token that was given with the successor of a token, unless it expires soon. */
async function findAccess(
  { store, sealer, clock, settings }: OAuthDeps,
  { token, row: { grantId } }: Generation,
  wanted: Wanted,
): Promise<{ readonly token: string; readonly expiresAt: number } | undefined> {
  const access = await deriveToken(sealer, "access", token, detailOf(wanted));
  const row = await store.token(await digestOf(access));
  if (row === undefined || row.grantId !== grantId) return undefined;
  const isLasting = row.expiresAt - clock.wall() >= settings.accessTokenMs / 2;
  return isLasting ? { token: access, expiresAt: row.expiresAt } : undefined;
}

function detailOf({ scopes, surface }: Wanted): string {
  return JSON.stringify([scopes.toSorted(), surface ?? null]);
}

/** Stores the successor of an unused token; undefined: another request stored one. */
async function rotate(
  deps: OAuthDeps,
  { token, row, body }: Generation,
  grant: GrantRow,
  wanted: Wanted,
  step: "refreshed" | "refresh_repeated",
): Promise<TokenAnswer | undefined> {
  const { store, sealer, clock, limits, emit, refreshRate } = deps;
  const now = clock.wall();
  const grantId = grant.id;
  const waitMs = refreshRate(grantId);
  if (waitMs !== undefined) {
    throw new OAuthError("too_many_requests", "The grant is refreshed too often", waitMs);
  }
  const access = issueToken(deps, {
    token: await deriveToken(sealer, "access", token, detailOf(wanted)),
    grantId,
    kind: "access",
    scopes: [...wanted.scopes],
    surface: wanted.surface,
  });
  const refresh = issueToken(deps, {
    token: await deriveToken(sealer, "refresh", token),
    grantId,
    kind: "refresh",
    scopes: body.scopes,
    surface: body.surface,
  });
  const used: OAuthTokenRow = {
    ...row,
    body: toTokenBody({ ...body, usedAt: Math.round(steadyNow(clock)) }),
    expiresAt: Math.round(now + limits.refreshMemoryMs),
  };
  const isStored = await store.commit({
    expect: { digest: row.digest, row },
    grants: [{ ...grant, usedAt: Math.round(now) }],
    tokens: [used, await toTokenRow(access), await toTokenRow(refresh)],
  });
  if (!isStored) return undefined;
  const { client, principal } = grant;
  emit({ type: "oauth_step", step, client, principal, surface: wanted.surface });
  return toAnswer(access, refresh.token, now);
}
