/**
 * One credential that has to be fetched: by one request for all who wait for it, before the old one
 * expires, and not over and over while that fails (case H13). Its secrets are read each time; other
 * secrets start over. Not here: how it is fetched, and what is sent (oauth2.ts, login.ts).
 */
import {
  type BoundToken,
  createBoundToken,
  current,
  type FetchToken,
  hide,
  mayRenew,
  type TokenOutcome,
  type TokenRules,
} from "./bound_token.ts";
import { type CredentialDeps, type CredentialFailure, refuse } from "./provider.ts";
import type { FetchFailure, StoredToken } from "./stored_token.ts";

/** What all that a credential is got with comes to, at this moment. */
export interface TokenInputs<Secrets> {
  readonly secrets: Secrets;
  /** Digest of them and of where they are sent; see `CredentialKey`. */
  readonly binding: string;
}

/** What a source is made from. */
export interface TokenSourceOptions<Secrets> extends TokenRules {
  /** Reads the secrets; a changed binding starts over. */
  readonly inputs: (signal: AbortSignal) => Promise<TokenInputs<Secrets> | CredentialFailure>;
  /** Gets a credential; `kept` is the one before. Its signal ends after the limits' time. */
  readonly fetch: (
    secrets: Secrets,
    kept: StoredToken | undefined,
    signal: AbortSignal,
  ) => Promise<StoredToken | FetchFailure>;
}

/** Keeps one credential. */
export interface TokenSource {
  get(signal: AbortSignal): Promise<StoredToken | CredentialFailure>;
  /** The server refused this token: whether there is another one now. */
  renew(token: string, signal: AbortSignal): Promise<boolean>;
}

/** Makes it; nothing is read or fetched yet. */
export function createTokenSource<Secrets>(
  options: TokenSourceOptions<Secrets>,
  deps: CredentialDeps,
): TokenSource {
  /** Only the latest binding counts. */
  let latest: BoundToken | undefined;
  const reach = async (
    signal: AbortSignal,
  ): Promise<[BoundToken, FetchToken] | CredentialFailure> => {
    const inputs = await options.inputs(signal);
    if ("problem" in inputs) return inputs;
    const { binding, secrets } = inputs;
    if (latest?.key.binding !== binding) latest = createBoundToken(options, deps, binding);
    return [latest, (kept, signal) => options.fetch(secrets, kept, signal)];
  };
  return {
    async get(signal) {
      const reached = await reach(signal);
      if ("problem" in reached) return reached;
      const outcome = await waitFor(current(...reached), signal);
      if (!("problem" in outcome)) hide(deps, outcome);
      return outcome;
    },
    async renew(token, signal) {
      const reached = await reach(signal);
      if ("problem" in reached || !mayRenew(reached[0], token)) return false;
      const kept = await waitFor(current(...reached), signal);
      return !("problem" in kept) && kept.token !== token;
    },
  };
}

/** The outcome, unless this caller gives up first; the work goes on for the others. */
function waitFor(
  work: Promise<TokenOutcome>,
  signal: AbortSignal,
): Promise<TokenOutcome> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve(refuse("was given up"));
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}
