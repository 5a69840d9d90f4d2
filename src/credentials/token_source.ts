/**
 * One credential that has to be fetched: by one request for all who wait for it, before the old one
 * expires, and not again and again where it cannot be had (hostile case H13). It is stored, sealed,
 * before it is used, so that neither a restart nor a crash loses what replaced an older one. Not
 * here: how it is fetched, and what is shown (oauth2.ts, login.ts).
 */
import { sharedPrincipal } from "../model.ts";
import type { CredentialDeps, CredentialFailure, CredentialKey } from "./provider.ts";
import { refuse } from "./provider.ts";

/** A credential that was fetched; plain data, since it is stored. */
export interface StoredToken {
  /** What is shown. */
  readonly token: string;
  /** Wall clock. */
  readonly obtainedAt: number;
  /** Absent: it is used until a server refuses it. */
  readonly expiresAt?: number | undefined;
  /** Gets the next one (RFC 6749, 6). */
  readonly refreshToken?: string | undefined;
  /** Where its requests go. */
  readonly baseUrl?: string | undefined;
}

/** Why none could be fetched. */
export interface FetchFailure extends CredentialFailure {
  /** Asking again does not help until somebody does something. */
  readonly isRefusal: boolean;
}

/** What all that a credential is got with comes to, at this moment. */
export interface TokenInputs<Secrets> {
  readonly secrets: Secrets;
  /** Digest of them and of where they are sent; see `CredentialKey`. */
  readonly binding: string;
}

/** What a source is made from. */
export interface TokenSourceOptions<Secrets> {
  readonly server: string;
  readonly kind: CredentialKey["kind"];
  /** Reads the secrets; another binding than before begins anew. */
  readonly inputs: (signal: AbortSignal) => Promise<TokenInputs<Secrets> | CredentialFailure>;
  /** Gets a credential; `kept` is the one before. Its signal ends after the limits' time. */
  readonly fetch: (
    secrets: Secrets,
    kept: StoredToken | undefined,
    signal: AbortSignal,
  ) => Promise<StoredToken | FetchFailure>;
  /** Why a stored one that cannot be opened must not be got anew; undefined when it may. */
  readonly unreadable: string | undefined;
  /** How long it is left alone after it was refused. */
  readonly refusedMs: number;
}

/** Keeps one credential. */
export interface TokenSource {
  get(signal: AbortSignal): Promise<StoredToken | CredentialFailure>;
  /** The server refused this token: whether there is another one now. */
  renew(token: string, signal: AbortSignal): Promise<boolean>;
}

/** What is known under one binding. */
interface State {
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
  fetching: Promise<StoredToken | CredentialFailure> | undefined;
  failed:
    | { readonly failure: CredentialFailure; readonly until: number; readonly backoffMs: number }
    | undefined;
}

/** Makes it; nothing is read or fetched yet. */
export function createTokenSource<Secrets>(
  options: TokenSourceOptions<Secrets>,
  deps: CredentialDeps,
): TokenSource {
  const { server, kind } = options;
  const { limits, clock, log, credentialStore: store } = deps;
  let state: State | undefined;

  const toState = (binding: string): State => {
    if (state?.key.binding === binding) return state;
    state = {
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
    return state;
  };
  const load = async (state: State): Promise<void> => {
    const stored = await store.load(state.key);
    const kept = stored === undefined || stored === "unreadable" ? undefined : toKept(stored);
    // What is known already needs no store.
    state.isUnreadable = state.kept === undefined && stored !== undefined && kept === undefined;
    state.reloadAt = state.isUnreadable ? clock.monotonic() + limits.credentialRefusedMs : Infinity;
    if (kept === undefined || kept.obtainedAt <= (state.kept?.obtainedAt ?? -Infinity)) return;
    hide(kept);
    state.kept = kept;
  };
  const hide = ({ token, refreshToken }: StoredToken) =>
    deps.addSecrets([token, ...(refreshToken === undefined ? [] : [refreshToken])]);

  const take = async (state: State, kept: StoredToken): Promise<StoredToken> => {
    hide(kept);
    if (!await store.save(state.key, { ...kept })) {
      log.error(
        "Cannot keep a credential: after a restart the server may have to be logged in to again",
        { server, kind },
      );
    }
    Object.assign(state, { kept, isUnreadable: false, isRefused: false, failed: undefined });
    return kept;
  };
  const fail = (state: State, reason: FetchFailure): CredentialFailure => {
    const { problem, isRefusal, retryAfterMs = 0 } = reason;
    const doubled = (state.failed?.backoffMs ?? limits.credentialRetryMsMin / 2) * 2;
    const backoffMs = isRefusal
      ? options.refusedMs
      : Math.min(limits.credentialRetryMsMax, Math.max(limits.credentialRetryMsMin, doubled));
    const failure: CredentialFailure = {
      state: "failed",
      problem,
      // Whoever was refused, here or by the server itself, was not merely out of reach.
      isUnreachable: reason.isUnreachable && !state.isUnreadable && !state.isRefused,
    };
    if (state.failed?.failure.problem !== problem) log.warn("Cannot get a credential", { problem });
    const waitMs = Math.min(Math.max(backoffMs, retryAfterMs), limits.retryAfterMsMax);
    state.failed = { failure, until: clock.monotonic() + waitMs, backoffMs };
    return { ...failure, retryAfterMs: waitMs };
  };
  const fetchAnew = async (
    state: State,
    secrets: Secrets,
  ): Promise<StoredToken | CredentialFailure> => {
    const before = state.kept;
    await load(state);
    // Another provider of the same credential was first.
    const { kept } = state;
    if (kept !== undefined && kept !== before && clock.wall() < (kept.expiresAt ?? Infinity)) {
      Object.assign(state, { isRefused: false, failed: undefined });
      return kept;
    }
    const late = new AbortController();
    const cancel = clock.after(limits.credentialMs, () => late.abort());
    try {
      const fetched = await options.fetch(secrets, kept, late.signal);
      return "problem" in fetched ? fail(state, fetched) : await take(state, fetched);
    } finally {
      cancel();
    }
  };
  const fetchInTurn = async (
    state: State,
    secrets: Secrets,
  ): Promise<StoredToken | CredentialFailure> => {
    try {
      return await store.inTurn(state.key, () => fetchAnew(state, secrets));
    } catch (thrown) {
      log.error("Cannot get a credential", { error: thrown });
      const problem = "cannot be shown who calls, by a fault that the gateway's log has";
      return fail(state, { ...refuse(problem), isRefusal: false });
    }
  };
  /** One request for all who want one; none while the last failure is young. */
  const fetchOnce = (state: State, secrets: Secrets): Promise<StoredToken | CredentialFailure> => {
    const { failed } = state;
    const waitMs = (failed?.until ?? -Infinity) - clock.monotonic();
    if (failed !== undefined && state.fetching === undefined && waitMs > 0) {
      return Promise.resolve({ ...failed.failure, retryAfterMs: Math.ceil(waitMs) });
    }
    return state.fetching ??= fetchInTurn(state, secrets)
      .finally(() => void (state.fetching = undefined));
  };
  const current = async (
    state: State,
    secrets: Secrets,
  ): Promise<StoredToken | CredentialFailure> => {
    if (state.isUnreadable && clock.monotonic() >= state.reloadAt) state.loading = undefined;
    await (state.loading ??= load(state));
    const { kept } = state;
    if (state.isUnreadable && options.unreadable !== undefined) return refuse(options.unreadable);
    if (kept === undefined || state.isRefused) return await fetchOnce(state, secrets);
    const now = clock.wall();
    if (now < renewalOf(kept, limits.credentialSkewMs)) return kept;
    const fetching = fetchOnce(state, secrets);
    // Nobody waits for the next one while this one is good.
    return kept.expiresAt !== undefined && now < kept.expiresAt ? kept : await fetching;
  };
  const reach = async (signal: AbortSignal): Promise<[State, Secrets] | CredentialFailure> => {
    const means = await options.inputs(signal);
    return "problem" in means ? means : [toState(means.binding), means.secrets];
  };

  return {
    async get(signal) {
      const reached = await reach(signal);
      if ("problem" in reached) return reached;
      const outcome = await waitFor(current(...reached), signal);
      if (!("problem" in outcome)) hide(outcome);
      return outcome;
    },
    async renew(token, signal) {
      const reached = await reach(signal);
      if ("problem" in reached) return false;
      const [state] = reached;
      if (state.kept?.token === token && !state.isRefused) {
        if (clock.monotonic() - state.renewedAt < limits.credentialRenewMs) return false;
        state.renewedAt = clock.monotonic();
        state.isRefused = true;
      }
      const kept = await waitFor(current(...reached), signal);
      return !("problem" in kept) && kept.token !== token;
    },
  };
}

/** When the next one is wanted (wall clock). */
function renewalOf({ obtainedAt, expiresAt }: StoredToken, skewMs: number): number {
  if (expiresAt === undefined) return Infinity;
  return expiresAt - Math.min(skewMs, (expiresAt - obtainedAt) / 2);
}

/** What was stored, if it is what `Kept` says. */
function toKept(stored: Readonly<Record<string, unknown>>): StoredToken | undefined {
  const { token, obtainedAt, expiresAt, refreshToken, baseUrl } = stored;
  if (typeof token !== "string" || typeof obtainedAt !== "number") return undefined;
  if (expiresAt !== undefined && typeof expiresAt !== "number") return undefined;
  if (refreshToken !== undefined && typeof refreshToken !== "string") return undefined;
  if (baseUrl !== undefined && typeof baseUrl !== "string") return undefined;
  return { token, obtainedAt, expiresAt, refreshToken, baseUrl };
}

/** The outcome, unless whoever waits gives up first; the work goes on for the others. */
function waitFor(
  work: Promise<StoredToken | CredentialFailure>,
  signal: AbortSignal,
): Promise<StoredToken | CredentialFailure> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve(refuse("was given up"));
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}
