/**
 * Log-ins of persons at the authorization servers of protected servers: code, PKCE with S256,
 * `state`, `resource` (RFC 8707) and `iss` (RFC 9207). A code is exchanged once, and the grant is
 * stored before it is used. Whose grant it becomes was decided when the log-in began.
 */
import { type Clock, withDeadline } from "../clock.ts";
import { createProofKey, proofProblem } from "../credentials/dpop_proof.ts";
import type { BegunLogins, StartedServerLogin } from "./begun_logins.ts";
import type { FoundIssuer } from "./discovery.ts";
import type { Grant, GrantKey } from "./grant.ts";
import { GrantProblem, issuerWords, refuseIssuer } from "./grant_problem.ts";
import type { GrantSourceDeps } from "./grant_source.ts";
import { joinScopes } from "./granted_scopes.ts";
import type { IssuerClient } from "./issuer_clients.ts";
import { loginEndpointOf } from "./issuer_metadata.ts";
import {
  discardTokens,
  exchangeCode,
  loadLibrary,
  type OAuthLibrary,
  partiesOf,
} from "./issuer_tokens.ts";
import type { KeptGrant } from "./kept_grants.ts";
import type { ServerState } from "./protected_servers.ts";
import type { ToldNeeds } from "./told_needs.ts";
import type { BegunLogin, FinishedLogin, LoginAnswer, LoginRequest } from "./server_grants.ts";

/** What log-ins need. */
export interface ServerLoginDeps extends GrantSourceDeps {
  readonly begun: BegunLogins;
  readonly told: ToldNeeds;
  /** Revokes what a new grant replaces at another issuer or for another resource. */
  readonly replace: (key: GrantKey) => void;
}

/** Begins a log-in. Rejects with a GrantProblem. */
export async function beginLogin(
  state: ServerState,
  { principal, redirectUri: callback, browser, returnTo }: LoginRequest,
  deps: ServerLoginDeps,
  signal: AbortSignal,
): Promise<BegunLogin> {
  const { server } = state;
  const marks = await deps.begun.marks(server.name, principal);
  const { problem, redirectUri = callback } = server.oauth;
  if (problem !== undefined) throw new GrantProblem("refused", problem);
  const library = await loadLibrary();
  const told = await deps.told.find(server.name, principal);
  const challenge = state.challenge ?? told?.challenge;
  const found = await deps.discovery.find(server, challenge, signal);
  const { metadata, resource } = found;
  const endpoint = loginEndpointOf(metadata);
  const unproven = server.oauth.dpop === true
    ? proofProblem(metadata.document, "oauth.dpop")
    : undefined;
  if (unproven !== undefined) throw refuseIssuer(unproven);
  const client = await deps.clients.forLogin(server, metadata, redirectUri, signal);
  const kept = await deps.kept.load(server, principal);
  const needed = joinScopes([...kept.needs.values()].flat(), told?.scopes ?? []);
  const scopes = scopesOf({ server, challenge, needed }, found, kept);
  const login: StartedServerLogin = {
    server,
    principal,
    metadata,
    client,
    redirectUri,
    resource,
    scopes,
    verifier: library.generateRandomCodeVerifier(),
    returnTo,
    marks,
  };
  const id = library.generateRandomState();
  const url = await toAuthorizationUrl(library, endpoint, id, login);
  await deps.begun.put(id, browser, login);
  const { issuer } = metadata;
  deps.emit({ type: "grant_step", step: "login_begun", server: server.name, principal, issuer });
  return { url };
}

/**
 * What to request ("Scope Selection Strategy"): what the operator chose, else what the challenge
 * names, else all that the server knows. What was granted before is requested again, so that a
 * log-in for more does not lose it.
 */
function scopesOf(
  { server: { oauth }, challenge, needed }: Pick<ServerState, "server" | "challenge"> & {
    readonly needed: readonly string[];
  },
  { scopes: known, metadata }: FoundIssuer,
  { stored }: KeptGrant,
): readonly string[] {
  const granted = stored?.key.issuer === metadata.issuer ? stored.grant.scopes : [];
  if (oauth.scopes !== undefined) return joinScopes(oauth.scopes, needed);
  const asked = challenge?.scopes ?? known ?? [];
  const scopes = joinScopes(granted, asked, needed);
  // Alone it would replace the scopes that an issuer gives when none is requested.
  const isOffline = scopes.length > 0 && metadata.scopes.includes(offline);
  return isOffline ? joinScopes(scopes, [offline]) : scopes.filter((scope) => scope !== offline);
}

const offline = "offline_access";

async function toAuthorizationUrl(
  library: OAuthLibrary,
  endpoint: string,
  state: string,
  { client, redirectUri, resource, scopes, verifier }: StartedServerLogin,
): Promise<string> {
  const url = new URL(endpoint);
  const params = {
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: await library.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    resource,
    ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
    // Without it, OpenID providers ignore the scope (OpenID Connect Core 1.0, section 11).
    ...(scopes.includes(offline) ? { prompt: "consent" } : {}),
  };
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url.href;
}

/** Ends a log-in. Rejects with a GrantProblem. */
export async function finishLogin(
  login: StartedServerLogin,
  { params }: LoginAnswer,
  deps: ServerLoginDeps,
  signal: AbortSignal,
): Promise<FinishedLogin> {
  const { server, principal, metadata, client, redirectUri, resource } = login;
  const { issuer } = metadata;
  await deps.clients.answered(issuer, redirectUri);
  try {
    const checked = await checkAnswer(login, params);
    const bindingKey = server.oauth.dpop === true ? await createProofKey() : undefined;
    const tokens = await exchangeCode(
      { server, metadata, client },
      { params: checked, redirectUri, verifier: login.verifier, resource, key: bindingKey },
      deps,
      signal,
    );
    const key: GrantKey = { principal, server: server.name, issuer, resource };
    const { scopes = login.scopes, ...rest } = tokens;
    const grant: Grant = {
      ...rest,
      scopes,
      ...identityOf(client),
      grantedAt: deps.clock.wall(),
    };
    if (!await keep(login, key, grant, deps)) {
      await discardTokens({ server, metadata, client }, tokens, deps, signal);
      throw stranger();
    }
    return { server: server.name, principal, issuer, scopes, returnTo: login.returnTo };
  } catch (thrown) {
    const isForgotten = thrown instanceof GrantProblem && clientCodes.has(thrown.code);
    if (isForgotten && client.origin === "registered") {
      await deps.clients.forget(issuer, redirectUri);
    }
    throw thrown;
  }
}

/** Error words by which an issuer refuses a client or its redirect URI. */
const clientCodes: ReadonlySet<string | undefined> = new Set([
  "invalid_client",
  "unauthorized_client",
  "invalid_redirect_uri",
]);

/** A client by hand is read from the configuration each time. */
function identityOf({ clientId, clientSecret, authMethod, origin }: IssuerClient) {
  if (origin === "by_hand") return { clientId };
  return { clientId, authMethod, ...(clientSecret === undefined ? {} : { clientSecret }) };
}

/** Checks `iss` before anything else is believed (RFC 9207, section 2.4), then the error. */
async function checkAnswer(
  { server, metadata, client }: StartedServerLogin,
  params: URLSearchParams,
): Promise<URLSearchParams> {
  const library = await loadLibrary();
  const [issuer, self] = partiesOf(library, { server, metadata, client });
  try {
    // The state was compared when the log-in was found by it.
    const checked = library.validateAuthResponse(issuer, self, params, library.skipStateCheck);
    if (checked.get("code")) return checked;
  } catch (thrown) {
    if (thrown instanceof library.AuthorizationResponseError) throw toRefusal(thrown.error);
    throw refuseIssuer("gave an answer that names another issuer, or none; it was not used");
  }
  throw refuseIssuer("gave an answer without a code");
}

/** The error words of RFC 6749, section 4.1.2.1, and RFC 8707. */
const answerCodes: ReadonlySet<string> = new Set([
  "invalid_client",
  "invalid_request",
  "invalid_scope",
  "invalid_target",
  "server_error",
  "temporarily_unavailable",
  "unauthorized_client",
  "unsupported_response_type",
]);

function toRefusal(code: string): GrantProblem {
  if (code === "access_denied") {
    return new GrantProblem("refused", "cannot be logged in to: the log-in was denied", { code });
  }
  if (answerCodes.has(code)) return refuseIssuer(`refuses the log-in (${code})`, code);
  return refuseIssuer("refuses the log-in with an error of its own");
}

/** No open log-in has this state and browser. */
export function stranger(): GrantProblem {
  return new GrantProblem(
    "stranger",
    "This log-in was not begun in this browser, took too long, was answered already, or was " +
      "interrupted by a restart of the gateway; begin it again",
  );
}

/** Stores the grant; false if its server or its principal went away meanwhile. */
async function keep(
  login: StartedServerLogin,
  key: GrantKey,
  grant: Grant,
  deps: ServerLoginDeps,
): Promise<boolean> {
  const { store, limits, clock, log, bus, emit } = deps;
  const { server, principal, scopes: requested } = login;
  const { name } = server;
  const kept = await deps.kept.load(server, principal);
  const before = kept.stored?.key;
  const isStored = await store.inTurn(key, () => store.save(key, grant));
  // From here on the grant is forgotten with all others of its server or principal.
  if (!await deps.begun.isLive(login)) {
    await store.remove(key);
    return false;
  }
  if (!isStored) {
    log.error(
      "Cannot keep a grant on disk yet: if the gateway stops before that works, its person has to " +
        "log in again",
      { server: name },
    );
  }
  deps.kept.replace(kept, key, grant);
  await deps.told.forget(name, principal);
  const since = clock.monotonic() - limits.grantAttemptsMs;
  const recent = kept.logins.filter(({ at }) => at > since);
  const now = { at: clock.monotonic(), scopes: requested.join(" ") };
  kept.logins = [...recent, now].slice(-limits.grantAttemptsMax);
  const isOther = before !== undefined &&
    (before.issuer !== key.issuer || before.resource !== key.resource);
  if (isOther) deps.replace(before);
  const { issuer } = key;
  const { scopes } = grant;
  emit({ type: "grant_step", step: "granted", server: name, principal, issuer, scopes });
  bus.publish("grantChanged", { server: name, principal, isGranted: true });
  return true;
}

/** The same result in time. */
export function inLoginTime<Value>(
  work: (signal: AbortSignal) => Promise<Value>,
  { clock, limits, closing }: GrantSourceDeps & { readonly clock: Clock },
  signal: AbortSignal,
): Promise<Value> {
  const late = new AbortController();
  const all = AbortSignal.any([signal, closing, late.signal]);
  const giveUp = (): Value => {
    late.abort();
    throw new GrantProblem("unreachable", `${issuerWords} takes too long; retry later`);
  };
  return withDeadline(clock, limits.grantLoginMs, work(all), giveUp, signal);
}
