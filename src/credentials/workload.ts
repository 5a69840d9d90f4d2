/**
 * Tokens for a workload (workload identity federation, SEP-1933): the platform on which the gateway
 * runs gives it a JWT, and the authorization server exchanges that for a token (`jwt-bearer`: RFC
 * 7523, 2.1). The platform replaces the JWT often, so its file is read for each token. A refused
 * JWT is not sent again at once, and no other grant is tried.
 */
import { decodeJwt } from "jose";
import type { WorkloadConfig } from "../config/config.ts";
import type { CredentialDeps, Provider, ProviderOptions } from "./provider.ts";
import { targetOf, toForm } from "./token_form.ts";
import { createTokenGrant } from "./token_grant.ts";

/** The grant type of assertions (RFC 7523, 2.1). */
export const assertionGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** Makes the provider of one server; nothing is read or requested yet. */
export function createWorkload(
  config: WorkloadConfig,
  deps: CredentialDeps,
  options: Pick<ProviderOptions, "server" | "remote">,
): Provider {
  const { issuer, tokenUrl, scope, resource } = config;
  return createTokenGrant(
    {
      kind: "workload",
      // A workload has no secret of its own.
      config: { ...config, clientAuthentication: "post" },
      secrets: {
        assertion: { secret: config.assertion, place: "token" },
        clientId: { secret: config.clientId, place: "body" },
      },
      binding: async ({ assertion = "", clientId }) => [
        ...[issuer, tokenUrl, clientId, scope, resource],
        await identityOf(assertion, deps),
      ],
      form: ({ texts, server }) =>
        Promise.resolve(toForm({
          grant_type: assertionGrant,
          assertion: texts["assertion"],
          ...targetOf(config, server),
        })),
      advice,
    },
    deps,
    options,
  );
}

const advice = {
  invalid_grant: "refuses the assertion of the platform (invalid_grant); check that " +
    "credentials.assertion is still valid and made for this authorization server",
  unauthorized_client: "does not accept assertions from this client (unauthorized_client); " +
    "allow it there",
  unsupported_grant_type: "accepts no assertions (unsupported_grant_type); allow them there",
};

/**
 * Whom a JWT speaks for, which stays the same when the platform replaces it; of another text, a
 * keyed digest.
 */
export async function identityOf(
  token: string,
  { digest }: Pick<CredentialDeps, "digest">,
): Promise<unknown> {
  try {
    const { iss, sub } = decodeJwt(token);
    if (sub !== undefined) return [iss, sub];
  } catch {
    // It is no JWT.
  }
  return await digest(token);
}
