/**
 * The authorization request (RFC 6749, 4.1.1; RFC 7636; RFC 8707): everything is checked before a
 * person sees it. Until client and redirect URI are known to belong together, and while no person
 * ever approved the client, an error is shown on a page of the gateway, which redirects no browser to
 * an address that anyone could have written.
 */
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthClients } from "./clients.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { describe, OAuthError } from "./oauth_error.ts";
import { type OAuthParams, type OAuthRequest, readParams, readResource } from "./oauth_request.ts";
import { addToRedirect, isLoopbackRedirect, matchesRedirectUri } from "./redirect_uris.ts";
import { toRequestedScopes } from "./scopes.ts";
import { isChallengeText } from "./tokens.ts";
import type { WaitingTable } from "./waiting_table.ts";

/** What becomes of a request. */
export type AuthorizationOutcome =
  /** It waits for a person under this id. */
  | { readonly waiting: string }
  /** The client gets an error at its redirect URI. */
  | { readonly redirect: string }
  /** A page of the gateway shows the error. */
  | { readonly problem: OAuthError };

/** Checks a request and lets it wait. */
export async function checkAuthorization(
  deps: OAuthDeps,
  clients: OAuthClients,
  waiting: WaitingTable,
  request: OAuthRequest,
): Promise<AuthorizationOutcome> {
  const { emit } = deps;
  const clientId = request.params.get("client_id") ?? undefined;
  const refused = (error: OAuthError) =>
    emit({
      type: "oauth_step",
      step: "authorization_refused",
      client: clientId,
      reason: error.reason,
    });
  try {
    const params = readParams(request.params, deps.limits);
    const client = await findClient(clients, params, request);
    const redirectUri = toRedirectUri(client, params["redirect_uri"]);
    try {
      const id = await waiting.add({
        client,
        redirectUri,
        state: params["state"],
        issuer: request.issuer,
        address: request.address,
        ...readAuthorization(params, request),
      });
      emit({ type: "oauth_step", step: "authorization_waits", client: client.id });
      return { waiting: id };
    } catch (thrown) {
      if (!(thrown instanceof OAuthError)) throw thrown;
      if (!client.isTrusted && !isLoopbackRedirect(redirectUri)) throw thrown;
      refused(thrown);
      return { redirect: toErrorRedirect(redirectUri, thrown, params, request) };
    }
  } catch (thrown) {
    if (!(thrown instanceof OAuthError)) throw thrown;
    refused(thrown);
    return { problem: thrown };
  }
}

async function findClient(
  clients: OAuthClients,
  { client_id: id }: OAuthParams,
  { address }: OAuthRequest,
): Promise<OAuthClient> {
  if (id === undefined) throw new OAuthError("invalid_request", "client_id is missing");
  const client = await clients.forAuthorization(id, address);
  if ("problem" in client) {
    throw new OAuthError("invalid_request", `The client is unknown: ${client.problem}`);
  }
  if (client.mayLogIn) return client;
  throw new OAuthError("unauthorized_client", "This client may not send people to log in");
}

function toRedirectUri({ redirectUris }: OAuthClient, given: string | undefined): string {
  const [only, ...others] = redirectUris;
  if (given === undefined) {
    if (only !== undefined && others.length === 0) return only;
    throw new OAuthError("invalid_request", "redirect_uri is missing");
  }
  if (matchesRedirectUri(given, redirectUris)) return given;
  throw new OAuthError("invalid_request", "redirect_uri is not one of the client's");
}

function toErrorRedirect(
  uri: string,
  { code, message }: OAuthError,
  { state }: OAuthParams,
  { issuer }: OAuthRequest,
): string {
  return addToRedirect(uri, {
    error: code,
    error_description: describe(message),
    state,
    iss: issuer,
  });
}

/** What cannot be used, whatever its value, and the error that says so. */
const unsupported = { request: "request_not_supported", request_uri: "request_uri_not_supported" };

function readAuthorization(params: OAuthParams, request: OAuthRequest) {
  for (const [name, code] of Object.entries(unsupported) as [string, OAuthError["code"]][]) {
    if (params[name] !== undefined) throw new OAuthError(code, `${name} is not supported`);
  }
  if (params["response_type"] === undefined) {
    throw new OAuthError("invalid_request", "response_type is missing");
  }
  if (params["response_type"] !== "code") {
    throw new OAuthError("unsupported_response_type", "Expected the response type code");
  }
  if ((params["response_mode"] ?? "query") !== "query") {
    throw new OAuthError("invalid_request", "Expected the response mode query");
  }
  if (params["prompt"]?.split(" ").includes("none") === true) {
    throw new OAuthError("interaction_required", "A person has to approve the client");
  }
  const challenge = params["code_challenge"];
  if (challenge === undefined || params["code_challenge_method"] !== "S256") {
    throw new OAuthError("invalid_request", "Expected code_challenge with the method S256");
  }
  if (!isChallengeText(challenge)) {
    throw new OAuthError("invalid_request", "code_challenge is no SHA-256 hash in base64url");
  }
  return {
    challenge,
    scopes: toRequestedScopes(params["scope"]),
    surface: readResource(request)?.surface,
  };
}
