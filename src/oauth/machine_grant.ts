/**
 * The grant `client_credentials` (RFC 6749, 4.4): a client of the settings acts for itself, as the
 * principal `client:ID`. It gets no refresh token, since it can ask again.
 */
import { clientPrincipal, userPrincipal } from "../principals.ts";
import type { OAuthClient } from "./client_metadata.ts";
import { issueToken, toAnswer, type TokenAnswer, toTokenRow } from "./issued_tokens.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import { type OAuthParams, type OAuthRequest, readResource } from "./oauth_request.ts";
import type { GrantBody } from "./oauth_rows.ts";
import { narrowScopes } from "./scopes.ts";
import { makeToken } from "./tokens.ts";

/** Issues a token to a machine. Throws an OAuthError. */
export async function issueToMachine(
  deps: OAuthDeps,
  client: OAuthClient,
  params: OAuthParams,
  request: OAuthRequest,
): Promise<TokenAnswer> {
  const { machine, id } = client;
  if (machine === undefined) {
    throw new OAuthError("unauthorized_client", "This client may not act for itself");
  }
  const scopes = narrowScopes(machine.scopes, params["scope"]);
  const surface = readResource(request)?.surface;
  const body: GrantBody = {
    kind: "client",
    name: id,
    roles: [...machine.roles],
    groups: [...machine.groups],
    scopes: [...machine.scopes],
  };
  const answer = await issueAlone(deps, client, body, { scopes, surface });
  const principal = clientPrincipal(id);
  deps.emit({ type: "oauth_step", step: "machine_token", client: id, principal, surface });
  return answer;
}

/** The principal of a grant. */
export function principalIdOf({ kind, name }: Pick<GrantBody, "kind" | "name">): string {
  return kind === "client" ? clientPrincipal(name) : userPrincipal(name);
}

/** Stores an access token without a refresh token, under the one grant of this principal. */
export async function issueAlone(
  deps: OAuthDeps,
  client: OAuthClient,
  body: GrantBody,
  token: { readonly scopes: readonly string[]; readonly surface: string | undefined },
): Promise<TokenAnswer> {
  const { store, clock } = deps;
  const now = clock.wall();
  const principal = principalIdOf(body);
  const id = JSON.stringify([body.kind, client.id, principal]);
  const [known] = await store.grants({ id });
  const access = issueToken(deps, {
    token: makeToken("access"),
    grantId: id,
    kind: "access",
    scopes: [...token.scopes],
    surface: token.surface,
  });
  await store.commit({
    grants: [{
      id,
      client: client.id,
      principal,
      body: { ...body },
      createdAt: known?.createdAt ?? Math.round(now),
      usedAt: Math.round(now),
    }],
    tokens: [await toTokenRow(access)],
  });
  return toAnswer(access, undefined, now);
}
