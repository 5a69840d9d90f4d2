/**
 * Log-ins at an OpenID provider (OpenID Connect Core 1.0, 3.1): code, PKCE, state and nonce, by
 * oauth4webapi on the gateway's own HTTP caller. A log-in belongs to the browser that began it, and
 * its state is taken once. The metadata must name the issuer of the settings; `iss` of the response
 * (RFC 9207), issuer, audience, nonce, times and signature of the ID token are checked.
 */
import type * as oauth from "oauth4webapi";
import * as v from "valibot";
import { type Clock, withDeadline } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { msPerSecond } from "../limits.ts";
import type { Log } from "../log.ts";
import type { LoginRecords, LoginTable } from "../login_records.ts";
import { clientSecretBasic } from "../outgoing/client_secret_basic.ts";
import { toPublishedUrl } from "../outgoing/issuer_documents.ts";
import type { OpenIdSettings } from "./login_settings.ts";
import { createProviderFetch, type ProviderFetch } from "./openid_fetch.ts";
import { toPerson } from "./openid_person.ts";
import type { Person } from "./waiting_authorizations.ts";

/** A log-in that ended at the provider. */
export interface ProviderLogin {
  readonly person: Person;
  /** The waiting authorization that it began for; "": none. */
  readonly request: string;
}

/** The log-ins at one provider. */
export interface OpenIdLogin {
  /** What the provider is called: the host of its issuer. */
  readonly name: string;
  /** Begins one; returns the URL that the browser goes to. Rejects with a ProviderProblem. */
  begin(browser: string, request: string, redirectUri: string): Promise<string>;
  /** Ends the one that a response belongs to. Rejects with a ProviderProblem. */
  finish(browser: string, response: URL): Promise<ProviderLogin>;
}

/** A log-in that failed; the message is for the person, the cause for the log. */
export class ProviderProblem extends Error {}

/** What the log-ins need. */
export interface OpenIdDeps {
  readonly settings: OpenIdSettings;
  readonly runtime: Parameters<typeof createProviderFetch>[0]["runtime"];
  readonly records: LoginRecords;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** One log-in that is at the provider, by its state. */
type StartedLogin = v.InferOutput<typeof startedForm>;
const startedForm = v.object({
  request: v.string(),
  redirectUri: v.string(),
  verifier: v.string(),
  nonce: v.string(),
});

/** The library, which is loaded with the first log-in. */
type Library = typeof oauth;

/** What the functions share. */
interface OpenIdState extends OpenIdDeps {
  readonly fetch: ProviderFetch;
  /** By their states; the group is their browser. */
  readonly started: LoginTable<StartedLogin>;
  known: { readonly metadata: oauth.AuthorizationServer; readonly until: number } | undefined;
}

/** Makes the log-ins of one gateway. */
export function createOpenIdLogin(deps: OpenIdDeps): OpenIdLogin {
  const state: OpenIdState = {
    ...deps,
    fetch: createProviderFetch({ ...deps, url: deps.settings.issuer }),
    started: deps.records.table({
      name: "openid",
      form: startedForm,
      lifeMs: deps.limits.providerLoginMs,
      groupMax: deps.limits.providerLoginsMax,
      allMax: deps.limits.providerLoginsMax,
    }),
    known: undefined,
  };
  return {
    name: new URL(deps.settings.issuer).host,
    begin: (...args) => orProblem(state, () => begin(state, ...args)),
    finish: (...args) => orProblem(state, () => finish(state, ...args)),
  };
}

/** The same result in time; a failure is logged, and the person reads only that there was one. */
async function orProblem<Value>(
  { clock, limits, log }: OpenIdState,
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await withDeadline(clock, limits.providerLoginWaitMs, work(), () => {
      throw new Error("The OpenID provider did not answer in time");
    });
  } catch (thrown) {
    if (thrown instanceof ProviderProblem) throw thrown;
    if (thrown instanceof GatewayError && thrown.code === "store_unavailable") throw thrown;
    log.warn("Cannot log in at the OpenID provider", { reason: thrown });
    throw new ProviderProblem(
      "The log-in at the provider failed; the log of the gateway has the reason.",
    );
  }
}

async function begin(
  state: OpenIdState,
  browser: string,
  request: string,
  redirectUri: string,
): Promise<string> {
  const library = await import("oauth4webapi");
  const { authorization_endpoint: endpoint } = await discover(state, library);
  const target = toPublishedUrl(endpoint, state.settings.issuer);
  if (target === undefined) throw new Error("Its metadata has no usable authorization_endpoint");
  const { settings, started } = state;
  const [id, verifier, nonce] = [
    library.generateRandomState(),
    library.generateRandomCodeVerifier(),
    library.generateRandomNonce(),
  ];
  await started.put(id, browser, { request, redirectUri, verifier, nonce });
  const url = new URL(target);
  const params = {
    response_type: "code",
    client_id: settings.clientId,
    redirect_uri: redirectUri,
    scope: [...new Set(["openid", ...settings.scopes])].join(" "),
    code_challenge: await library.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state: id,
    nonce,
  };
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url.href;
}

async function finish(
  state: OpenIdState,
  browser: string,
  response: URL,
): Promise<ProviderLogin> {
  const { settings, started, limits, log } = state;
  const id = response.searchParams.get("state") ?? "";
  // Another browser's log-in stays as it is.
  const login = await started.take(id, browser);
  if (login === undefined) {
    throw new ProviderProblem(
      "This log-in was not begun in this browser, took too long, or was interrupted by a restart " +
        "of the gateway. Go back to your client and connect again.",
    );
  }
  const library = await import("oauth4webapi");
  const claims = await redeem(state, library, login, response, id);
  const found = toPerson(claims, settings, limits);
  if ("person" in found) return { person: found.person, request: login.request };
  log.warn("Refused a person of the OpenID provider", { reason: found.refused });
  throw new ProviderProblem("The provider knows you, but you may not use this gateway.");
}

/** Redeems the code of a response; returns the claims of the ID token. */
async function redeem(
  state: OpenIdState,
  library: Library,
  { redirectUri, verifier, nonce }: StartedLogin,
  response: URL,
  id: string,
) {
  const { settings: { clientId, clientSecret }, clock } = state;
  const metadata = await discover(state, library);
  const skew = Math.round((clock.wall() - Date.now()) / msPerSecond);
  const client: oauth.Client = { client_id: clientId, [library.clockSkew]: skew };
  const params = library.validateAuthResponse(metadata, client, response, id);
  const options = optionsOf(state, library);
  const answer = await library.authorizationCodeGrantRequest(
    metadata,
    client,
    authenticationOf(library, metadata, clientSecret),
    params,
    redirectUri,
    verifier,
    options,
  );
  const tokens = await library.processAuthorizationCodeResponse(metadata, client, answer, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  await library.validateApplicationLevelSignature(metadata, answer, options);
  const claims = library.getValidatedIdTokenClaims(tokens);
  if (claims === undefined) throw new Error("Its answer has no ID token");
  return claims;
}

/** The metadata of the provider, which is kept for a while. */
async function discover(
  state: OpenIdState,
  library: Library,
): Promise<oauth.AuthorizationServer> {
  const { settings, clock, limits } = state;
  if (state.known !== undefined && clock.monotonic() < state.known.until) {
    return state.known.metadata;
  }
  const issuer = new URL(settings.issuer);
  const answer = await library.discoveryRequest(issuer, optionsOf(state, library));
  const metadata = await library.processDiscoveryResponse(issuer, answer);
  state.known = { metadata, until: clock.monotonic() + limits.providerMetadataMs };
  return metadata;
}

/** Requests go by the gateway's caller; only an issuer on this machine may do without TLS. */
function optionsOf({ fetch, settings }: OpenIdState, library: Library) {
  return {
    [library.customFetch]: fetch,
    [library.allowInsecureRequests]: settings.issuer.startsWith("http://"),
  };
}

function authenticationOf(
  library: Library,
  { token_endpoint_auth_methods_supported: methods }: oauth.AuthorizationServer,
  secret: string | undefined,
): oauth.ClientAuth {
  if (secret === undefined) return library.None();
  // Without the member, `client_secret_basic` is meant (RFC 8414, 2).
  return methods === undefined || methods.includes("client_secret_basic")
    ? clientSecretBasic(secret)
    : library.ClientSecretPost(secret);
}
