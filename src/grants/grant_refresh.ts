/**
 * Refreshes grants (RFC 6749, section 6): by one request for all who wait, and stored before the
 * new token is used. If the answer is lost, the old refresh token is tried once more, since the
 * issuer may not have replaced it. A refusal ends the grant; other failures are left alone for a
 * while, longer each time.
 */
import { steadyNow } from "../clock.ts";
import { keyOfGrant } from "../credentials/proven_token_request.ts";
import type { IssuerDiscovery } from "./discovery.ts";
import type { Grant, GrantKey } from "./grant.ts";
import type { GrantDeps } from "./grant_deps.ts";
import { type GrantProblem, toGrantProblem } from "./grant_problem.ts";
import type { IssuerClients } from "./issuer_clients.ts";
import {
  discardTokens,
  type IssuedTokens,
  type IssuerTarget,
  refreshTokens,
} from "./issuer_tokens.ts";
import { type KeptGrant, secretsOf } from "./kept_grants.ts";
import type { ProtectedServer } from "./server_grants.ts";

type Stored = NonNullable<KeptGrant["stored"]>;

/** What refreshes need. */
export interface RefreshDeps extends GrantDeps {
  readonly discovery: IssuerDiscovery;
  readonly clients: IssuerClients;
  /** Ends with the gateway. */
  readonly closing: AbortSignal;
}

/** Error words after which the grant never gives a token again. */
const finalCodes: ReadonlySet<string | undefined> = new Set([
  "invalid_client",
  "invalid_grant",
  "unauthorized_client",
]);

/** Refreshes a grant that has a refresh token; resolves when the state says what came of it. */
export function refreshOnce(
  kept: KeptGrant,
  server: ProtectedServer,
  deps: RefreshDeps,
): Promise<void> {
  const waits = (kept.failed?.until ?? -Infinity) > deps.clock.monotonic();
  if (waits && kept.refreshing === undefined) return Promise.resolve();
  return kept.refreshing ??= refresh(kept, server, deps)
    .finally(() => void (kept.refreshing = undefined));
}

async function refresh(
  kept: KeptGrant,
  server: ProtectedServer,
  deps: RefreshDeps,
): Promise<void> {
  const { stored } = kept;
  if (stored === undefined) return;
  const late = new AbortController();
  const cancel = deps.clock.after(deps.limits.grantLoginMs, () => late.abort());
  const signal = AbortSignal.any([late.signal, deps.closing]);
  // In turn also if it fails: a log-in that ends meanwhile must not be taken for what was refused.
  const work = async (lost: AbortSignal): Promise<void> => {
    const latest = await takeLatest(kept, deps);
    if (latest === undefined) return;
    await refreshStored(kept, latest, server, deps, AbortSignal.any([signal, lost]))
      .catch((thrown: unknown) => fail(kept, latest, toGrantProblem(thrown), deps));
  };
  try {
    await deps.store.inTurn(stored.key, work);
  } catch (thrown) {
    await fail(kept, stored, toGrantProblem(thrown), deps);
  } finally {
    cancel();
  }
}

/** Takes what another instance stored; returns what is still to be refreshed. */
async function takeLatest(kept: KeptGrant, deps: RefreshDeps): Promise<Stored | undefined> {
  const { stored } = kept;
  if (stored === undefined) return undefined;
  const latest = await readLatest(stored.key, deps);
  // A log-out was first.
  if (latest === undefined) return undefined;
  const { token, obtainedAt, expiresAt = Infinity, failure } = latest;
  if (token === stored.grant.token || obtainedAt < stored.grant.obtainedAt) return stored;
  take(kept, stored.key, latest, deps);
  // Its time may be over, too, if that was long ago.
  return steadyNow(deps.clock) < expiresAt || failure?.isFinal === true ? undefined : kept.stored;
}

/** Whether this grant is still the one in use: neither a log-out nor a log-in came meanwhile. */
function isCurrent({ stored }: KeptGrant, { key, grant }: Stored): boolean {
  return stored?.grant.token === grant.token && stored.key.issuer === key.issuer;
}

async function refreshStored(
  kept: KeptGrant,
  stored: Stored,
  server: ProtectedServer,
  deps: RefreshDeps,
  signal: AbortSignal,
): Promise<void> {
  const { key } = stored;
  const { refreshToken } = stored.grant;
  if (refreshToken === undefined) return;
  const metadata = await deps.discovery.issuerOf(server, key.issuer, signal);
  const client = await deps.clients.forGrant(server, metadata, stored.grant, signal);
  const target = { server, metadata, client };
  const tokens = await refreshTwice(target, refreshToken, stored, deps, signal);
  // A log-out, here or at another instance, or another log-in was faster.
  const isThere = await readLatest(key, deps).then((one) => one !== undefined, () => true);
  if (!isThere || !isCurrent(kept, stored)) {
    return await discardTokens(target, tokens, deps, signal);
  }
  const grant: Grant = {
    ...stored.grant,
    ...tokens,
    refreshToken: tokens.refreshToken ?? refreshToken,
    scopes: tokens.scopes ?? stored.grant.scopes,
    refreshedAt: deps.clock.wall(),
    failure: undefined,
  };
  deps.addSecrets(secretsOf(grant));
  await deps.store.save(key, grant);
  take(kept, key, grant, deps);
  const { server: name, principal, issuer } = key;
  deps.emit({
    type: "grant_step",
    step: "refreshed",
    server: name,
    principal,
    issuer,
    scopes: grant.scopes,
  });
}

async function refreshTwice(
  target: IssuerTarget,
  refreshToken: string,
  { key: { resource }, grant: { proofKey } }: Stored,
  deps: RefreshDeps,
  signal: AbortSignal,
): Promise<IssuedTokens> {
  const key = proofKey === undefined ? undefined : await keyOfGrant(proofKey);
  const once = () => refreshTokens(target, { refreshToken, resource, key }, deps, signal);
  return await once().catch((thrown: unknown) => {
    const isLost = toGrantProblem(thrown).kind === "unreachable" && !signal.aborted;
    if (isLost) return once();
    throw thrown;
  });
}

async function readLatest(key: GrantKey, { store }: RefreshDeps): Promise<Grant | undefined> {
  const found = await store.find(key.server, key.principal);
  const same = found.find(({ key: { issuer, resource } }) =>
    issuer === key.issuer && resource === key.resource
  );
  return same === undefined || same.grant === "unreadable" ? undefined : same.grant;
}

function take(kept: KeptGrant, key: GrantKey, grant: Grant, { addSecrets }: RefreshDeps): void {
  addSecrets(secretsOf(grant));
  Object.assign(kept, { stored: { key, grant }, isRefused: false, failed: undefined });
}

async function fail(
  kept: KeptGrant,
  refused: Stored,
  problem: GrantProblem,
  deps: RefreshDeps,
): Promise<void> {
  const { key } = refused;
  const { limits, clock, emit, log } = deps;
  const { message, code, retryAfterMs = 0, cause } = problem;
  if (deps.closing.aborted || !isCurrent(kept, refused)) return;
  if (cause !== undefined) log.error("Cannot refresh a grant", { server: key.server, cause });
  const isFinal = finalCodes.has(code);
  const step = isFinal ? "ended" : "refresh_failed";
  if (isFinal || kept.failed?.problem !== message) {
    const { server, principal, issuer } = key;
    emit({ type: "grant_step", step, server, principal, issuer, reason: message });
  }
  if (isFinal) return await end(kept, key, message, code, deps);
  const doubled = (kept.failed?.backoffMs ?? limits.credentialRetryMsMin / 2) * 2;
  const backoffMs = problem.kind === "refused"
    ? limits.credentialRefusedMs
    : Math.min(limits.credentialRetryMsMax, Math.max(limits.credentialRetryMsMin, doubled));
  const waitMs = Math.min(Math.max(backoffMs, retryAfterMs), limits.retryAfterMsMax);
  kept.failed = { problem: message, until: clock.monotonic() + waitMs, backoffMs };
}

/** The grant is dead; it stays for the report until the next log-in. */
async function end(
  kept: KeptGrant,
  key: GrantKey,
  problem: string,
  code: string | undefined,
  { store, bus, clock, clients, runtime }: RefreshDeps,
): Promise<void> {
  const { stored } = kept;
  if (stored === undefined) return;
  const failure = { problem, at: clock.wall(), isFinal: true };
  const grant: Grant = { ...stored.grant, failure };
  kept.stored = { key, grant };
  kept.failed = undefined;
  if (code !== "invalid_grant") clients.reject(key.issuer, grant.clientId);
  await store.save(key, grant);
  const { server, principal } = key;
  // Calls that wait for this refresh fail first, by their own reason: connections close with a grant.
  runtime.nextTurn(() => bus.publish("grantChanged", { server, principal, isGranted: false }));
}
