/**
 * Tokens by OAuth 2: for the gateway itself (RFC 6749, section 4.4), or for a user whose log-in
 * once gave a refresh token (section 6), for a resource if one is named (RFC 8707). token_source.ts
 * stores a replaced refresh token before the new one is used.
 */
import type { OAuth2Config } from "../config/config.ts";
import type { CredentialDeps, Provider, ProviderOptions } from "./provider.ts";
import { targetOf, toForm } from "./token_form.ts";
import { createTokenGrant } from "./token_grant.ts";

/** Makes the provider of one server; nothing is requested yet. */
export function createOAuth2(
  config: OAuth2Config,
  deps: CredentialDeps,
  options: Pick<ProviderOptions, "server" | "remote">,
): Provider {
  const { issuer, tokenUrl, grant, scope, resource } = config;
  const refreshes = grant === "refresh_token";
  return createTokenGrant(
    {
      kind: "oauth2",
      config,
      secrets: {
        clientId: { secret: config.clientId, place: "body" },
        clientSecret: { secret: config.clientSecret, place: "body" },
        privateKey: { secret: config.privateKey, place: "body" },
        refreshToken: { secret: config.refreshToken, place: "body" },
      },
      refreshes,
      unreadable: refreshes
        ? "has no credentials: its stored log-in cannot be opened with this gateway's key; " +
          "restore the former MCP_SECRET or secret.key, or log in again and set the new " +
          "token as credentials.refreshToken"
        : undefined,
      // Without the key, so that a stored log-in is recognised even if the key was lost.
      binding: ({ clientId, refreshToken }) =>
        Promise.resolve([issuer, tokenUrl, grant, clientId, refreshToken, scope, resource]),
      form: ({ texts, server, kept }) =>
        Promise.resolve(toForm({
          grant_type: grant,
          refresh_token: refreshes ? kept?.refreshToken ?? texts["refreshToken"] : undefined,
          ...targetOf(config, server),
        })),
      advice: refreshes ? refreshAdvice : {},
    },
    deps,
    options,
  );
}

const refreshAdvice = {
  invalid_grant: "refuses the refresh token (invalid_grant); " +
    "log in again and set the new one as credentials.refreshToken",
};
