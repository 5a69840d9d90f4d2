/**
 * Requests to token endpoints (RFC 6749, sections 4.1.3 and 6) and to revocation endpoints (RFC
 * 7009), by oauth4webapi on the gateway's own HTTP caller. Of an answer that refuses, only the
 * error words of the RFCs are repeated: it may contain anything else, even secrets.
 */
import { steadyNow } from "../clock.ts";
import type * as oauth from "oauth4webapi";
import { createNonces, type ProofKey } from "../credentials/dpop_proof.ts";
import { sendTokenRequest } from "../credentials/proven_token_request.ts";
import { tokenTypeProblem } from "../credentials/token_answer.ts";
import { toExpiry, type TokenResponse } from "../credentials/token_request.ts";
import { clientSecretBasic } from "../outgoing/client_secret_basic.ts";
import type { Grant } from "./grant.ts";
import type { GrantDeps, IssuerDeps } from "./grant_deps.ts";
import { GrantProblem, issuerWords, refuseIssuer } from "./grant_problem.ts";
import { readScopes } from "./granted_scopes.ts";
import type { IssuerClient } from "./issuer_clients.ts";
import type { IssuerMetadata } from "./issuer_metadata.ts";
import { createIssuerRequests, type RequestedServer } from "./issuer_requests.ts";

/** The library, which is loaded with the first log-in. */
export type OAuthLibrary = typeof oauth;

/** Loads it. */
export function loadLibrary(): Promise<OAuthLibrary> {
  return import("oauth4webapi");
}

/** With whom a request is about what. */
export interface IssuerTarget {
  readonly server: RequestedServer;
  readonly metadata: IssuerMetadata;
  readonly client: IssuerClient;
}

/** What a token endpoint gave. */
export type IssuedTokens =
  & Pick<
    Grant,
    "token" | "obtainedAt" | "expiresAt" | "refreshToken" | "proofKey"
  >
  & { readonly scopes: readonly string[] | undefined };

/** The key that tokens are bound to (RFC 9449); undefined: bearer tokens are requested. */
export type BindingKey = ProofKey | undefined;

/** Exchanges a code; `params` is the validated answer of the authorization endpoint. */
export async function exchangeCode(
  target: IssuerTarget,
  { params, redirectUri, verifier, resource, key }: {
    readonly params: URLSearchParams;
    readonly redirectUri: string;
    readonly verifier: string;
    readonly resource: string;
    readonly key: BindingKey;
  },
  deps: IssuerDeps,
  signal: AbortSignal,
): Promise<IssuedTokens> {
  const library = await loadLibrary();
  const answer = await request(
    library,
    target,
    deps,
    signal,
    (options) =>
      library.authorizationCodeGrantRequest(
        ...partiesOf(library, target),
        params,
        redirectUri,
        verifier,
        { ...options, additionalParameters: { resource } },
      ),
    key,
  );
  return readTokens(answer, "the log-in", key, deps);
}

/** Gets the next token of a grant. */
export async function refreshTokens(
  target: IssuerTarget,
  { refreshToken, resource, key }: {
    readonly refreshToken: string;
    readonly resource: string;
    readonly key: BindingKey;
  },
  deps: IssuerDeps,
  signal: AbortSignal,
): Promise<IssuedTokens> {
  const library = await loadLibrary();
  const answer = await request(
    library,
    target,
    deps,
    signal,
    (options) =>
      library.refreshTokenGrantRequest(...partiesOf(library, target), refreshToken, {
        ...options,
        additionalParameters: { resource },
      }),
    key,
  );
  return readTokens(answer, "the refresh token", key, deps);
}

/**
 * Revokes the tokens of a grant, where the authorization server does that. Rejects with a
 * GrantProblem if it cannot be said to have happened.
 */
export async function revokeTokens(
  target: IssuerTarget,
  { token, refreshToken }: Pick<Grant, "token" | "refreshToken">,
  deps: IssuerDeps,
  signal: AbortSignal,
): Promise<void> {
  if (target.metadata.revocationEndpoint === undefined) return;
  if (refreshToken !== undefined) {
    await revokeToken(target, refreshToken, "refresh_token", deps, signal);
  }
  await revokeToken(target, token, "access_token", deps, signal);
}

/** Revokes tokens that came too late: they belong to no one. Never rejects. */
export async function discardTokens(
  target: IssuerTarget,
  tokens: Pick<Grant, "token" | "refreshToken">,
  deps: IssuerDeps & Pick<GrantDeps, "addSecrets">,
  signal: AbortSignal,
): Promise<void> {
  const { token, refreshToken } = tokens;
  deps.addSecrets([token, ...(refreshToken === undefined ? [] : [refreshToken])]);
  await revokeTokens(target, tokens, deps, signal).catch((error: unknown) =>
    deps.log.info("Cannot revoke what came too late", { server: target.server.name, error })
  );
}

async function revokeToken(
  target: IssuerTarget,
  token: string,
  kind: "access_token" | "refresh_token",
  deps: IssuerDeps,
  signal: AbortSignal,
): Promise<void> {
  const library = await loadLibrary();
  const { status } = await request(
    library,
    target,
    deps,
    signal,
    (options) =>
      library.revocationRequest(...partiesOf(library, target), token, {
        ...options,
        additionalParameters: { token_type_hint: kind },
      }),
  );
  if (status !== 200) throw refuseIssuer(`does not revoke the log-in (status ${status})`);
}

/** What the library asks for with each request. */
interface LibraryOptions {
  readonly signal: AbortSignal;
  readonly headers?: never;
}

async function request(
  library: OAuthLibrary,
  { server }: IssuerTarget,
  deps: IssuerDeps,
  signal: AbortSignal,
  send: (options: LibraryOptions) => Promise<Response>,
  key?: BindingKey,
): Promise<TokenResponse> {
  const ask = createIssuerRequests(server, issuerWords, deps);
  let answer: TokenResponse | undefined;
  const fetch = async (
    url: string,
    { headers, body }: { readonly headers: Record<string, string>; readonly body?: unknown },
  ): Promise<Response> => {
    const made = { url, method: "POST", headers, body: String(body) } as const;
    const proof = { key, nonces: createNonces(deps.limits), clock: deps.clock };
    // A request that was refused for its nonce used up neither a code nor a token.
    answer = await sendTokenRequest<never>(
      proof,
      () => Promise.resolve(made),
      (request) => ask(request, signal),
    );
    // The answer is read below, as servers really give it.
    return new Response(null);
  };
  await send({
    signal,
    [library.customFetch]: fetch,
    // The gateway's own rule decides which URLs may be requested.
    [library.allowInsecureRequests]: true,
  } as LibraryOptions);
  if (answer === undefined) throw new GrantProblem("unreachable", `${issuerWords} was not asked`);
  return answer;
}

/** The authorization server, the client, and how it authenticates, in the library's terms. */
export function partiesOf(
  library: OAuthLibrary,
  { metadata, client: { clientId, clientSecret, authMethod } }: IssuerTarget,
): [oauth.AuthorizationServer, oauth.Client, oauth.ClientAuth] {
  const server: oauth.AuthorizationServer = {
    issuer: metadata.issuer,
    token_endpoint: metadata.tokenEndpoint,
    ...(metadata.revocationEndpoint === undefined
      ? {}
      : { revocation_endpoint: metadata.revocationEndpoint }),
    authorization_response_iss_parameter_supported: metadata.sendsIssuer,
  };
  const ways = {
    none: () => library.None(),
    client_secret_basic: clientSecretBasic,
    client_secret_post: (secret: string) => library.ClientSecretPost(secret),
  } as const;
  const way = clientSecret === undefined ? library.None() : ways[authMethod](clientSecret);
  return [server, { client_id: clientId }, way];
}

function readTokens(
  { status, value }: TokenResponse,
  what: string,
  key: BindingKey,
  deps: IssuerDeps,
): IssuedTokens {
  const code = value?.["error"];
  // Some servers refuse with status 200.
  if (status !== 200 || value === undefined || typeof code === "string") {
    throw toRefusal(status, code, what);
  }
  const { access_token: token, token_type: type, refresh_token: next, scope } = value;
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    throw refuseIssuer("answers without a token");
  }
  const problem = tokenTypeProblem(type, key !== undefined, "oauth.dpop");
  if (problem !== undefined) throw refuseIssuer(problem);
  return {
    token,
    obtainedAt: steadyNow(deps.clock),
    expiresAt: toExpiry(value["expires_in"], deps),
    refreshToken: typeof next === "string" && next !== "" ? next : undefined,
    scopes: typeof scope === "string" ? readScopes(scope, deps.limits) : undefined,
    proofKey: key?.jwk,
  };
}

/** The error words of RFC 6749, section 5.2, RFC 8707, and RFC 9449, section 5. */
const codes: ReadonlySet<unknown> = new Set([
  "invalid_client",
  "invalid_dpop_proof",
  "invalid_grant",
  "invalid_request",
  "invalid_scope",
  "invalid_target",
  "unauthorized_client",
  "unsupported_grant_type",
  "use_dpop_nonce",
]);

function toRefusal(status: number, code: unknown, what: string): GrantProblem {
  if (status >= 300 && status < 400) {
    return refuseIssuer("redirects a token request, and secrets do not follow");
  }
  if (status === 200 && typeof code !== "string") {
    return refuseIssuer("answers a token request with an unreadable body");
  }
  const known = codes.has(code) ? String(code) : undefined;
  return refuseIssuer(`refuses ${what} (${known ?? `status ${status}`})`, known);
}
