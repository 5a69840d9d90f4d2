/**
 * What the settings of authentication mean for clients, and whether other issuers' keys can be
 * read: for commands that only look.
 */
import { type JwtIssuer, readJwtSettings } from "../auth/jwt_settings.ts";
import { systemClock } from "../clock.ts";
import type { AuthConfig } from "../config/config.ts";
import { issuerOf } from "../http/oauth/discovery_rows.ts";
import { defaultLimits } from "../limits.ts";
import { createLog } from "../log.ts";
import { type OAuthSettings, readOAuthSettings } from "../oauth/oauth_settings.ts";
import { isPublicAddress } from "../outgoing/address.ts";
import { createIssuerDocuments } from "../outgoing/issuer_documents.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** What clients of a gateway with these settings find. */
export interface AccessFacts {
  readonly kinds: readonly string[];
  /** The gateway's own authorization server; undefined: it has none. */
  readonly server: AuthorizationServerFacts | undefined;
  /** The other issuers whose tokens it takes. */
  readonly issuers: readonly JwtIssuer[];
}

/** The authorization server of a gateway. */
export interface AuthorizationServerFacts
  extends Pick<OAuthSettings, "isDiscoverable" | "hidesSurfaces" | "registration"> {
  /** The issuer at a URL of the gateway. */
  readonly issuerAt: (baseUrl: string) => string;
  /** Whether people can log in without being users of the gateway. */
  readonly hasProvider: boolean;
  /** Whether clients get tokens without a person. */
  readonly servesMachines: boolean;
}

/** Reads the settings. Rejects with a ConfigError. */
export async function readAccessFacts(auth: AuthConfig | undefined): Promise<AccessFacts> {
  const kinds = auth?.kinds ?? [];
  const settingsOf = (kind: string) => ({ ...auth?.settings[kind] });
  const oauth = kinds.includes("oauth") ? await readOAuthSettings(settingsOf("oauth")) : undefined;
  return {
    kinds,
    server: oauth && {
      ...oauth,
      issuerAt: (baseUrl) => issuerOf(oauth, baseUrl),
      hasProvider: oauth.login.openid !== undefined,
      servesMachines: oauth.assertionIssuers.length > 0 ||
        [...oauth.clients.values()].some(({ machine }) => machine !== undefined),
    },
    issuers: kinds.includes("jwt") ? readJwtSettings(settingsOf("jwt")) : [],
  };
}

/** Why the keys of an issuer cannot be read, as the gateway would read them; undefined: they can. */
export async function findIssuerProblem(
  runtime: Pick<Runtime, "request">,
  issuer: JwtIssuer,
  signal: AbortSignal,
): Promise<string | undefined> {
  const limits = defaultLimits;
  const log = createLog({
    level: "ERROR",
    console: () => {},
    clock: systemClock,
    limits,
    secrets: [],
  });
  const url = issuer.jwksUrl ?? issuer.issuer;
  const read = createIssuerDocuments({ runtime, limits, clock: systemClock, log, url });
  const late = AbortSignal.timeout(limits.issuerReadMs);
  try {
    // Most gateways do not need its library.
    const { readKeySet } = await import("../auth/issuer_keys.ts");
    await readKeySet({ issuer, read, limits }, AbortSignal.any([signal, late]));
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** Whether programs elsewhere can reach an address. */
export const isReachedFromElsewhere = isPublicAddress;
