/**
 * Credentials and authenticated scopes that end with the process. As in the persistent kinds, if a
 * server has more scopes than the limit, all of them count as authenticated.
 */
import type { Clock } from "../clock.ts";
import { createKeyedMutex } from "../keyed_mutex.ts";
import type { CredentialKey, CredentialStore } from "../credentials/provider.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import { bindingOf } from "./credential_binding.ts";
import { keepNewest, putNewest } from "./newest.ts";

/** What the store is made from. */
export interface MemoryCredentialOptions {
  readonly limits: Pick<
    Limits,
    "credentialsPerServerMax" | "credentialsMax" | "credentialScopesMax" | "credentialScopeMs"
  >;
  readonly log: Log;
  readonly clock: Clock;
}

/** Represents all scopes of a server that exceeded the bound. */
const anyScope = "*";

/** Makes an empty store. */
export function createMemoryCredentialStore(options: MemoryCredentialOptions): CredentialStore {
  const { limits } = options;
  const inTurn = createKeyedMutex();
  const entries = new Map<string, { readonly key: CredentialKey; readonly value: JsonObject }>();
  return {
    async load(key) {
      return entries.get(bindingOf(key))?.value;
    },
    async save(key, value) {
      putNewest(entries, bindingOf(key), { key, value });
      const isOfServer = (entry: { readonly key: CredentialKey }): boolean =>
        entry.key.server === key.server && entry.key.principal === key.principal &&
        entry.key.kind === key.kind;
      keepNewest(entries, limits.credentialsPerServerMax, isOfServer);
      keepNewest(entries, limits.credentialsMax);
      return true;
    },
    inTurn: (key, work) => inTurn(bindingOf(key), work),
    ...createScopes(options),
  };
}

function createScopes(
  { limits, log, clock }: MemoryCredentialOptions,
): Pick<CredentialStore, "noteScope" | "knowsScope" | "forgetScope"> {
  /** Server -> scope -> when it was last authenticated. */
  const seen = new Map<string, Map<string, number>>();
  const forgetOld = (before: number): void => {
    for (const scopes of seen.values()) {
      for (const [scope, at] of scopes) if (at < before) scopes.delete(scope);
    }
  };
  return {
    async noteScope(server, scope) {
      const now = clock.wall();
      const scopes = seen.get(server) ?? new Map<string, number>();
      seen.set(server, scopes);
      const isNew = !scopes.has(scope);
      if (isNew) forgetOld(now - limits.credentialScopeMs);
      const isFull = isNew && scopes.size >= limits.credentialScopesMax;
      if (isFull) {
        log.warn("Too many scopes to remember: calls for unknown scopes now need credentials", {
          server,
        });
      }
      scopes.set(isFull ? anyScope : scope, now);
    },
    async knowsScope(server, scope) {
      const scopes = seen.get(server);
      return scopes !== undefined && (scopes.has(scope) || scopes.has(anyScope));
    },
    async forgetScope(server, scope) {
      seen.get(server)?.delete(scope);
    },
  };
}
