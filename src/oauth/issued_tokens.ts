/**
 * Rows of access and refresh tokens, and the answer that carries them (RFC 6749, 5.1). Not here:
 * when tokens are issued (code_grant.ts, refresh_grant.ts, machine_grant.ts).
 */
import { msPerSecond } from "../limits.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import type { OAuthTokenRow } from "./oauth_store.ts";
import type { TokenBody } from "./oauth_rows.ts";
import { digestOf } from "./tokens.ts";

/** The body of a successful answer. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly refresh_token?: string;
  readonly scope: string;
  /** For what a token was exchanged (RFC 8693, 2.2.1); only for assertions. */
  readonly issued_token_type?: string;
}

/** What a token stands for, and for how long. */
export interface IssuedToken extends TokenBody {
  readonly token: string;
  readonly grantId: string;
  readonly kind: "access" | "refresh";
  readonly expiresAt: number;
}

/** A token that is issued now, with the life that the settings give to its kind. */
export function issueToken(
  { clock, settings }: Pick<OAuthDeps, "clock" | "settings">,
  token: Omit<IssuedToken, "expiresAt">,
): IssuedToken {
  const lifeMs = token.kind === "access" ? settings.accessTokenMs : settings.refreshTokenMs;
  return { ...token, expiresAt: clock.wall() + lifeMs };
}

/** The row of a token. */
export async function toTokenRow(
  { token, grantId, kind, expiresAt, scopes, surface, usedAt }: IssuedToken,
): Promise<OAuthTokenRow> {
  return {
    digest: await digestOf(token),
    grantId,
    kind,
    body: toTokenBody({ scopes, surface, usedAt }),
    expiresAt: Math.round(expiresAt),
  };
}

/** The body of a token's row. */
export function toTokenBody({ scopes, surface, usedAt }: TokenBody): OAuthTokenRow["body"] {
  return {
    scopes,
    ...(surface !== undefined && { surface }),
    ...(usedAt !== undefined && { usedAt: Math.round(usedAt) }),
  };
}

/** The answer with an access token, and a refresh token if there is one. */
export function toAnswer(
  access: {
    readonly token: string;
    readonly expiresAt: number;
    readonly scopes: readonly string[];
  },
  refresh: string | undefined,
  now: number,
): TokenAnswer {
  return {
    access_token: access.token,
    token_type: "Bearer",
    expires_in: Math.max(0, Math.floor((access.expiresAt - now) / msPerSecond)),
    ...(refresh !== undefined && { refresh_token: refresh }),
    scope: access.scopes.join(" "),
  };
}
