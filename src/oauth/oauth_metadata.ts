/** The metadata of the authorization server (RFC 8414, 2; RFC 9207, 3). Not here: where it is. */
import type { JsonObject } from "../model.ts";
import { assertionAlgorithms } from "./assertions.ts";
import { authenticationMethods } from "./client_metadata.ts";
import type { OAuthSettings } from "./oauth_settings.ts";
import { usualScopes } from "./scopes.ts";
import { grantNames } from "./token_endpoint.ts";

/** The paths of the endpoints, below the gateway's URL. */
export const oauthPaths = {
  authorize: "/oauth/authorize",
  token: "/oauth/token",
  revoke: "/oauth/revoke",
  register: "/oauth/register",
  keys: "/oauth/jwks",
  consent: "/oauth/consent",
} as const;

/** The grants that are switched on. */
function grantsOf({ clients, assertionIssuers }: OAuthSettings): string[] {
  const hasMachines = [...clients.values()].some(({ machine }) => machine !== undefined);
  return [
    grantNames.code,
    grantNames.refresh,
    ...(hasMachines ? [grantNames.machine] : []),
    ...(assertionIssuers.length > 0 ? [grantNames.assertion] : []),
  ];
}

/** The document of an issuer whose endpoints are below `baseUrl`. */
export function toMetadata(
  settings: OAuthSettings,
  issuer: string,
  baseUrl: string,
): JsonObject {
  const methods = Object.keys(authenticationMethods);
  return {
    issuer,
    authorization_endpoint: `${baseUrl}${oauthPaths.authorize}`,
    token_endpoint: `${baseUrl}${oauthPaths.token}`,
    revocation_endpoint: `${baseUrl}${oauthPaths.revoke}`,
    ...(settings.registration === "open" && {
      registration_endpoint: `${baseUrl}${oauthPaths.register}`,
    }),
    scopes_supported: usualScopes,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: grantsOf(settings),
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    ...(settings.assertionIssuers.length > 0 && {
      authorization_grant_profiles_supported: ["urn:ietf:params:oauth:grant-profile:id-jag"],
    }),
  };
}
