/**
 * How requests to one server are authorized by grants: each principal's own, or the shared one, and
 * never another's. Before the server has asked for a grant, requests go without; a principal that
 * had a grant never does again. Not here: log-ins (server_login.ts), and refreshes themselves.
 */
import { steadyNow } from "../clock.ts";
import { putWithin } from "../bounded.ts";
import { renewalOf } from "../credentials/stored_token.ts";
import {
  type Authorization,
  type Credential,
  type CredentialUse,
  emptyContext,
  type Refusal,
  type SecurityContext,
} from "../outgoing/authorization.ts";
import { readChallenge, type TokenChallenge } from "./challenge.ts";
import type { Grant } from "./grant.ts";
import type { ToCredential } from "./grant_context.ts";
import { type RefreshDeps, refreshOnce } from "./grant_refresh.ts";
import { joinScopes } from "./granted_scopes.ts";
import type { KeptGrant, KeptGrants } from "./kept_grants.ts";
import {
  canHaveGrant,
  grantPrincipal,
  needsGrant,
  noteAsked,
  type ServerState,
} from "./protected_servers.ts";

/** What a source needs. */
export interface GrantSourceDeps extends RefreshDeps {
  readonly kept: KeptGrants;
  readonly toCredential: ToCredential;
}

const needsPerson: Credential = { state: "needs_person", problem: "needs a log-in" };
const bare: Credential = { state: "ready", context: emptyContext, isDegraded: false };

/** Makes the authorization of one server. */
export function createGrantSource(state: ServerState, deps: GrantSourceDeps): Authorization {
  return {
    get: (use, signal) =>
      get(state, use, deps, signal).catch((thrown: unknown): Credential => {
        deps.log.error("Cannot read a grant", { server: state.server.name, error: thrown });
        return {
          state: "failed",
          problem: "has no credentials, because of a fault that is in the gateway's log",
        };
      }),
    renew: (context, use, signal, refusal) =>
      renew(state, context, use, refusal, deps, signal).catch((thrown: unknown) => {
        deps.log.error("Cannot renew a grant", { server: state.server.name, error: thrown });
        return false;
      }),
  };
}

async function get(
  state: ServerState,
  use: CredentialUse,
  deps: GrantSourceDeps,
  signal: AbortSignal,
): Promise<Credential> {
  const { server } = state;
  const { problem } = server.oauth;
  if (problem !== undefined) return needsGrant(state, use) ? { state: "failed", problem } : bare;
  if (!canHaveGrant(server, use.principal)) return needsGrant(state, use) ? needsPerson : bare;
  await (state.looking ??= lookAround(state, deps));
  const kept = await deps.kept.load(server, grantPrincipal(server, use.principal));
  if (kept.stored === undefined) {
    return kept.isUnreadable || needsGrant(state, use) ? needsPerson : bare;
  }
  return ofRefusal(kept, use, deps) ?? await ofToken(kept, state, deps, signal);
}

/** A server at which anyone has a grant wants one for its tools. */
async function lookAround(
  { server, asked }: ServerState,
  { store }: GrantSourceDeps,
): Promise<void> {
  const grants = await store.list(server.name);
  if (grants.length > 0) asked.tools = true;
}

/** What is said of a grant that the server refused, or that does not reach far enough. */
function ofRefusal(
  kept: KeptGrant,
  { tool = "" }: CredentialUse,
  { limits, clock }: GrantSourceDeps,
): Credential | undefined {
  const { stored, isRefused, needs, logins } = kept;
  const isDead = stored?.grant.failure?.isFinal === true;
  const wanted = needs.get(tool);
  if (!isDead && !isRefused && wanted === undefined) return undefined;
  const latest = logins.at(-1)?.scopes;
  const isNew = wanted !== undefined && latest !== undefined &&
    !wanted.every((scope) => latest.split(" ").includes(scope));
  const since = clock.monotonic() - limits.grantAttemptsMs;
  const same = logins.filter(({ at, scopes }) => at > since && scopes === latest);
  if (isDead || isNew || same.length < limits.grantAttemptsMax) {
    return wanted === undefined || wanted.length === 0
      ? needsPerson
      : { state: "needs_person", problem: `needs a log-in that grants more (${wanted.join(" ")})` };
  }
  const asks = wanted === undefined ? "" : `; it asks for the scopes ${wanted.join(" ")}`;
  return {
    state: "failed",
    problem: `still refuses requests after ${same.length} log-ins${asks}`,
  };
}

async function ofToken(
  kept: KeptGrant,
  state: ServerState,
  deps: GrantSourceDeps,
  signal: AbortSignal,
): Promise<Credential> {
  const { limits, clock, toCredential } = deps;
  const { stored } = kept;
  if (stored === undefined) return needsPerson;
  const { grant } = stored;
  const now = steadyNow(clock);
  if (now < renewalOf(grant, limits.credentialSkewMs)) return await toCredential(grant);
  const isValid = grant.expiresAt === undefined || now < grant.expiresAt;
  if (grant.refreshToken === undefined) return isValid ? await toCredential(grant) : needsPerson;
  const refreshing = refreshOnce(kept, state.server, deps);
  // While this token is valid, calls do not wait for the next one.
  if (isValid) return await toCredential(grant);
  await waitFor(refreshing, signal);
  return await afterRefresh(kept, deps);
}

/** What a refresh left behind. */
async function afterRefresh(
  kept: KeptGrant,
  { clock, toCredential }: GrantSourceDeps,
): Promise<Credential> {
  const { stored, failed } = kept;
  if (failed !== undefined) {
    const retryAfterMs = Math.max(0, Math.ceil(failed.until - clock.monotonic()));
    return { state: "failed", problem: failed.problem, retryAfterMs };
  }
  if (stored === undefined || stored.grant.failure?.isFinal === true) return needsPerson;
  const isValid = steadyNow(clock) < (stored.grant.expiresAt ?? Infinity);
  return isValid ? await toCredential(stored.grant) : { state: "failed", problem: "was given up" };
}

async function renew(
  state: ServerState,
  context: SecurityContext,
  use: CredentialUse,
  { status, challenge: header }: Refusal,
  deps: GrantSourceDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { server } = state;
  const challenge = readChallenge(header, deps.limits);
  const token = /^(?:Bearer|DPoP) (.+)$/.exec(context.headers["authorization"] ?? "")?.[1];
  if (status === 401 && token === undefined) {
    if (!await asksForGrant(state, header, challenge, deps, signal)) return false;
    state.challenge = challenge ?? state.challenge;
    noteAsked(state, use);
    return true;
  }
  if (token === undefined || !canHaveGrant(server, use.principal)) return false;
  const kept = await deps.kept.load(server, grantPrincipal(server, use.principal));
  if (kept.stored === undefined) return true;
  if (status === 403) return challenge !== undefined && stepUp(kept, challenge, state, use, deps);
  if (kept.stored.grant.token !== token || kept.isRefused) return true;
  state.challenge = challenge ?? state.challenge;
  noteAsked(state, use);
  // Renewed once for all who were refused it.
  kept.renewing ??= replaceToken(kept, state, deps)
    .finally(() => void (kept.renewing = undefined));
  await waitFor(kept.renewing, signal);
  return true;
}

/** Whether a refusal of a bare request means that a grant is wanted. */
async function asksForGrant(
  state: ServerState,
  header: string | undefined,
  challenge: TokenChallenge | undefined,
  { discovery, limits, clock, log }: GrantSourceDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { server, asked } = state;
  if (challenge !== undefined || asked.all) return true;
  // Another scheme is none of OAuth; without any, the server's metadata decides.
  if (header !== undefined || clock.monotonic() < state.unfoundUntil) return false;
  try {
    return (await discovery.find(server, undefined, signal)).isDescribed;
  } catch (thrown) {
    log.info("Cannot find the authorization server", { server: server.name, reason: thrown });
    // Each refused call would ask again.
    if (!signal.aborted) state.unfoundUntil = clock.monotonic() + limits.credentialRetryMsMin;
    return false;
  }
}

/** The grant does not reach far enough for this use (RFC 6750, section 3.1). */
function stepUp(
  kept: KeptGrant,
  challenge: TokenChallenge,
  state: ServerState,
  { tool = "" }: CredentialUse,
  { limits }: GrantSourceDeps,
): boolean {
  if (challenge.error !== "insufficient_scope") return false;
  const { resourceMetadata = state.challenge?.resourceMetadata, error } = challenge;
  state.challenge = { resourceMetadata, scopes: state.challenge?.scopes, error };
  const wanted = joinScopes(kept.needs.get(tool) ?? [], challenge.scopes ?? []);
  putWithin(kept.needs, tool, wanted, limits.grantNeedsMax);
  return true;
}

/** The server refused a token: it is refreshed, or the person has to log in. */
async function replaceToken(
  kept: KeptGrant,
  { server, challenge }: ServerState,
  deps: GrantSourceDeps,
): Promise<void> {
  const { limits, clock, discovery, closing } = deps;
  const { stored } = kept;
  if (stored === undefined) return;
  // The server may have moved to another authorization server: the grant is of no use there, and the
  // next log-in goes to the other one.
  discovery.forget(server.name);
  const refused = stored.grant.token;
  const freshMs = Math.min(limits.credentialRenewMs, halfLifeOf(stored.grant));
  const isFresh = clock.monotonic() - kept.renewedAt < freshMs;
  if (stored.grant.refreshToken === undefined || isFresh) return void (kept.isRefused = true);
  const found = await discovery.find(server, challenge, closing).catch(() => undefined);
  if (found?.issuers.includes(stored.key.issuer) === false) return void (kept.isRefused = true);
  if (kept.stored?.grant.token !== refused) return;
  await refreshOnce(kept, server, deps);
  const next = kept.stored?.grant.token;
  if (next !== undefined && next !== refused) kept.renewedAt = clock.monotonic();
  // Its time is over, so that nothing is sent with it while a refresh is not possible.
  else if (kept.stored !== undefined) {
    const { key, grant } = kept.stored;
    kept.stored = { key, grant: { ...grant, expiresAt: steadyNow(clock) } };
  }
}

/**
 * Half the time that a token was given for. A token that is refused later than that has ended, which
 * servers that count in whole seconds do early; one that is refused earlier was never good.
 */
function halfLifeOf({ obtainedAt, expiresAt = Infinity }: Grant): number {
  return (expiresAt - obtainedAt) / 2;
}

/** Waits for work, unless this caller gives up first; the work goes on for the others. */
async function waitFor(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const giveUp = () => resolve();
  signal.addEventListener("abort", giveUp);
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
