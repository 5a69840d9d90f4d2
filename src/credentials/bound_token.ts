/**
 * What is known of one credential while its secrets stay the same: it is loaded once, fetched by
 * one request for all, and left alone for a while after a failure. It is stored before it is used,
 * so that neither a restart nor a crash loses what replaced an older one.
 */
import { steadyNow } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { sharedPrincipal } from "../model.ts";
import {
  type CredentialDeps,
  type CredentialFailure,
  type CredentialKey,
  refuse,
} from "./provider.ts";
import { type FetchFailure, renewalOf, type StoredToken, toStoredToken } from "./stored_token.ts";

/** What a credential is, and how patiently it is got. */
export interface TokenRules {
  readonly server: string;
  readonly kind: CredentialKey["kind"];
  /** Why a stored one that cannot be opened must not be got again; undefined when it may. */
  readonly unreadable: string | undefined;
  /** How long it is left alone after it was refused. */
  readonly refusedMs: number;
}

/** What a source has, or why it has nothing. */
export type TokenOutcome = StoredToken | CredentialFailure;

/** Gets a credential with the secrets of this moment; `kept` is the one before. */
export type FetchToken = (
  kept: StoredToken | undefined,
  signal: AbortSignal,
) => Promise<StoredToken | FetchFailure>;

/** What is known under one binding. */
export interface BoundToken {
  readonly rules: TokenRules;
  readonly deps: CredentialDeps;
  readonly key: CredentialKey;
  loading: Promise<void> | undefined;
  kept: StoredToken | undefined;
  /** A stored one cannot be opened; a fault of the database may pass. */
  isUnreadable: boolean;
  /** When it is looked at again (monotonic). */
  reloadAt: number;
  /** The server refused the kept one. */
  isRefused: boolean;
  /** Monotonic. */
  renewedAt: number;
  fetching: Promise<TokenOutcome> | undefined;
  failed:
    | { readonly failure: CredentialFailure; readonly until: number; readonly backoffMs: number }
    | undefined;
}

/** Starts with nothing; nothing is read yet. */
export function createBoundToken(
  rules: TokenRules,
  deps: CredentialDeps,
  binding: string,
): BoundToken {
  const { server, kind } = rules;
  return {
    rules,
    deps,
    key: { server, principal: sharedPrincipal.id, kind, binding },
    loading: undefined,
    kept: undefined,
    isUnreadable: false,
    reloadAt: Infinity,
    isRefused: false,
    renewedAt: -Infinity,
    fetching: undefined,
    failed: undefined,
  };
}

/** Notes that the server refused a token; false when another one was fetched only just now. */
export function mayRenew(bound: BoundToken, token: string): boolean {
  if (bound.kept?.token !== token || bound.isRefused) return true;
  const { limits, clock } = bound.deps;
  if (clock.monotonic() - bound.renewedAt < limits.credentialRenewMs) return false;
  bound.renewedAt = clock.monotonic();
  bound.isRefused = true;
  return true;
}

/** The kept credential while it is good, else the next one. */
export async function current(bound: BoundToken, fetch: FetchToken): Promise<TokenOutcome> {
  const { rules, deps: { limits, clock } } = bound;
  if (bound.isUnreadable && clock.monotonic() >= bound.reloadAt) bound.loading = undefined;
  await (bound.loading ??= load(bound));
  const { kept } = bound;
  if (bound.isUnreadable && rules.unreadable !== undefined) return refuse(rules.unreadable);
  if (kept === undefined || bound.isRefused) return await fetchOnce(bound, fetch);
  const now = steadyNow(clock);
  if (now < renewalOf(kept, limits.credentialSkewMs)) return kept;
  const fetching = fetchOnce(bound, fetch);
  // While this token is valid, calls do not wait for the next one.
  return kept.expiresAt !== undefined && now < kept.expiresAt ? kept : await fetching;
}

async function load(bound: BoundToken): Promise<void> {
  const { limits, clock, credentialStore } = bound.deps;
  const stored = await credentialStore.load(bound.key);
  const kept = stored === undefined || stored === "unreadable" ? undefined : toStoredToken(stored);
  // What is known already needs no store.
  bound.isUnreadable = bound.kept === undefined && stored !== undefined && kept === undefined;
  bound.reloadAt = bound.isUnreadable ? clock.monotonic() + limits.credentialRefusedMs : Infinity;
  if (kept === undefined || kept.obtainedAt <= (bound.kept?.obtainedAt ?? -Infinity)) return;
  hide(bound.deps, kept);
  bound.kept = kept;
}

/** One request for all who want one; none while the last failure is young. */
function fetchOnce(bound: BoundToken, fetch: FetchToken): Promise<TokenOutcome> {
  const { failed } = bound;
  const waitMs = (failed?.until ?? -Infinity) - bound.deps.clock.monotonic();
  if (failed !== undefined && bound.fetching === undefined && waitMs > 0) {
    return Promise.resolve({ ...failed.failure, retryAfterMs: Math.ceil(waitMs) });
  }
  return bound.fetching ??= fetchInTurn(bound, fetch)
    .finally(() => void (bound.fetching = undefined));
}

async function fetchInTurn(
  bound: BoundToken,
  fetch: FetchToken,
): Promise<TokenOutcome> {
  const { credentialStore, log } = bound.deps;
  try {
    return await credentialStore.inTurn(bound.key, (lost) => fetchNext(bound, fetch, lost));
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === "store_unavailable") {
      return fail(bound, { ...refuse(storeAway), isRefusal: false });
    }
    log.error("Cannot get a credential", { error: thrown });
    const problem = "has no credentials, because of a fault that is in the gateway's log";
    return fail(bound, { ...refuse(problem), isRefusal: false });
  }
}

/** Without it, another instance might use the same refresh token at the same time. */
const storeAway =
  "has no new credentials, because the store that the instances share does not answer";

async function fetchNext(
  bound: BoundToken,
  fetch: FetchToken,
  lost: AbortSignal,
): Promise<TokenOutcome> {
  const { limits, clock } = bound.deps;
  const before = bound.kept;
  await load(bound);
  // Another provider of the same credential was first.
  const { kept } = bound;
  if (kept !== undefined && kept !== before && steadyNow(clock) < (kept.expiresAt ?? Infinity)) {
    bound.isRefused = false;
    bound.failed = undefined;
    return kept;
  }
  const late = new AbortController();
  const cancel = clock.after(limits.credentialMs, () => late.abort());
  try {
    const fetched = await fetch(kept, AbortSignal.any([late.signal, lost]));
    return "problem" in fetched ? fail(bound, fetched) : await take(bound, fetched);
  } finally {
    cancel();
  }
}

async function take(bound: BoundToken, kept: StoredToken): Promise<StoredToken> {
  const { log, credentialStore } = bound.deps;
  const { server, kind } = bound.key;
  hide(bound.deps, kept);
  if (!await credentialStore.save(bound.key, { ...kept })) {
    log.error(
      "Cannot keep a credential on disk yet: if the gateway stops before that works, the server may " +
        "have to be logged in to again",
      { server, kind },
    );
  }
  Object.assign(bound, { kept, isUnreadable: false, isRefused: false, failed: undefined });
  return kept;
}

function fail(bound: BoundToken, reason: FetchFailure): CredentialFailure {
  const { limits, clock, log } = bound.deps;
  const { problem, isRefusal, retryAfterMs = 0 } = reason;
  const doubled = (bound.failed?.backoffMs ?? limits.credentialRetryMsMin / 2) * 2;
  const backoffMs = isRefusal
    ? bound.rules.refusedMs
    : Math.min(limits.credentialRetryMsMax, Math.max(limits.credentialRetryMsMin, doubled));
  const failure: CredentialFailure = {
    state: "failed",
    problem,
    // A refusal, by the issuer or by the server itself, is more than an unreachable issuer.
    isUnreachable: reason.isUnreachable && !bound.isUnreadable && !bound.isRefused,
  };
  if (bound.failed?.failure.problem !== problem) log.warn("Cannot get a credential", { problem });
  const waitMs = Math.min(Math.max(backoffMs, retryAfterMs), limits.retryAfterMsMax);
  bound.failed = { failure, until: clock.monotonic() + waitMs, backoffMs };
  return { ...failure, retryAfterMs: waitMs };
}

/** Keeps a credential out of the log. */
export function hide(
  { addSecrets }: CredentialDeps,
  { token, refreshToken, proofKey }: StoredToken,
): void {
  addSecrets([token, refreshToken, proofKey?.d].filter((value) => value !== undefined));
}
