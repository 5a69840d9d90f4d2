/** The token request (RFC 6749, 3.2): authenticates the client, then runs the grant by its name. */
import { authenticateClient } from "./client_authentication.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthClients } from "./clients.ts";
import { redeemCode } from "./code_grant.ts";
import { exchangeAssertion } from "./assertion_grant.ts";
import type { TokenAnswer } from "./issued_tokens.ts";
import { issueToMachine } from "./machine_grant.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import { type OAuthParams, type OAuthRequest, readParams } from "./oauth_request.ts";
import { refreshTokens } from "./refresh_grant.ts";

/** The grants by their names on the wire. */
export const grantNames = {
  code: "authorization_code",
  refresh: "refresh_token",
  machine: "client_credentials",
  assertion: "urn:ietf:params:oauth:grant-type:jwt-bearer",
} as const;

type Grant = (
  deps: OAuthDeps,
  clients: OAuthClients,
  client: OAuthClient,
  params: OAuthParams,
  request: OAuthRequest,
) => Promise<TokenAnswer>;

const grants: Readonly<Record<string, Grant>> = {
  [grantNames.code]: redeemCode,
  [grantNames.refresh]: (deps, _clients, client, params, request) =>
    refreshTokens(deps, client, params, request),
  [grantNames.machine]: (deps, _clients, client, params, request) =>
    issueToMachine(deps, client, params, request),
  [grantNames.assertion]: (deps, _clients, client, params, request) =>
    exchangeAssertion(deps, client, params, request),
};

/** Answers a token request. Throws an OAuthError. */
export async function answerTokenRequest(
  deps: OAuthDeps,
  clients: OAuthClients,
  request: OAuthRequest,
  authorization: string | null,
): Promise<TokenAnswer> {
  try {
    const params = readParams(request.params, deps.limits);
    const client = await authenticateClient(deps, clients, params, request, authorization);
    const { grant_type: name } = params;
    if (name === undefined) throw new OAuthError("invalid_request", "grant_type is missing");
    const grant = Object.hasOwn(grants, name) ? grants[name] : undefined;
    if (grant !== undefined) return await grant(deps, clients, client, params, request);
    throw new OAuthError("unsupported_grant_type", "The grant type is not supported");
  } catch (thrown) {
    if (thrown instanceof OAuthError) {
      deps.emit({
        type: "oauth_step",
        step: "token_refused",
        client: request.params.get("client_id") ?? undefined,
        reason: thrown.reason,
      });
    }
    throw thrown;
  }
}
