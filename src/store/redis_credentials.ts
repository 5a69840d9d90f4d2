/**
 * Credentials in the engine, each sealed for its server, principal, kind and token inputs, and the
 * scopes that were authenticated. What the engine does not take waits in memory, since a new refresh
 * token may have replaced the stored one. A fault here is logged, and at worst leads to a new log-in.
 * Only scopes fail closed: a scope that cannot be looked up counts as authenticated.
 */
import type { Clock } from "../clock.ts";
import type { CredentialKey, CredentialStore } from "../credentials/provider.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type { RedisConnection, RedisScript } from "../redis/redis_connection.ts";
import { createRedisMutex, type RedisMutexOptions } from "../redis/redis_mutex.ts";
import type { Sealer } from "../seal.ts";
import { bindingOf } from "./credential_binding.ts";
import { createBoundedTable } from "./redis_bounded_table.ts";
import { createRetries } from "./redis_retries.ts";

/** What the store is made from. */
export interface RedisCredentialOptions {
  readonly engine: RedisConnection;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly clock: Clock;
  readonly limits:
    & RedisMutexOptions["limits"]
    & Pick<
      Limits,
      | "backlogMax"
      | "storageRetryMs"
      | "credentialsPerServerMax"
      | "credentialsMax"
      | "credentialScopesMax"
      | "credentialScopeMs"
    >;
  readonly log: Log;
}

const purpose = "credential";

/** The store; closing it writes what waits. */
export interface RedisCredentials extends CredentialStore {
  close(): Promise<void>;
}

/** A credential as it is to be stored. */
interface CredentialChange {
  readonly key: CredentialKey;
  readonly value: JsonObject;
  readonly sealed: string;
}

/** Makes the store. */
export function createRedisCredentials(options: RedisCredentialOptions): RedisCredentials {
  const { engine, sealer, clock, limits, log } = options;
  const inTurn = createRedisMutex({ engine, kind: "credentials", clock, limits });
  const table = createBoundedTable(engine, "credentials", {
    groupMax: limits.credentialsPerServerMax,
    allMax: limits.credentialsMax,
  });
  const waiting = createRetries<CredentialChange>({
    what: "credentials",
    changesMax: limits.backlogMax,
    retryMs: limits.storageRetryMs,
    async write({ key: { server, principal, kind }, sealed }, id) {
      await table.put(id, sealed, JSON.stringify([server, principal, kind]));
    },
    clock,
    log,
  });
  return {
    async load(key) {
      const { server, kind } = key;
      const change = waiting.get(bindingOf(key));
      if (change !== undefined) return change.value;
      try {
        const sealed = await table.get(bindingOf(key));
        if (sealed === undefined) return undefined;
        const value = await sealer.decrypt(purpose, sealed, bindingOf(key));
        if (value !== undefined) return value;
        log.error("Cannot open a stored credential: it was sealed with another key", {
          server,
          kind,
        });
      } catch (fault) {
        log.error("Cannot load a stored credential", { server, kind, fault });
      }
      return "unreadable";
    },
    async save(key, value) {
      const { server, kind } = key;
      try {
        const sealed = await sealer.encrypt(purpose, value, bindingOf(key));
        await waiting.put(bindingOf(key), { key, value, sealed });
        return true;
      } catch (fault) {
        log.error("Cannot store a credential: it is tried again", { server, kind, fault });
        return false;
      }
    },
    inTurn: (key, work) => inTurn(bindingOf(key), work),
    ...createScopes(options),
    close: waiting.close,
  };
}

/** Represents all scopes of a server that exceeded the bound. */
const anyScope = "*";

/** scope, now, the oldest time, how many: notes it, or all scopes if there are too many (1). */
const noteScope: RedisScript = {
  lua: `local scope, full = ARGV[1], 0
if not redis.call('ZSCORE', KEYS[1], scope) then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then scope, full = '${anyScope}', 1 end
end
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], scope)
return full`,
};

function createScopes(
  { engine, limits, log, clock }: RedisCredentialOptions,
): Pick<CredentialStore, "noteScope" | "knowsScope" | "forgetScope"> {
  /** Servers for which a fault may have lost a scope. */
  const unsure = new Set<string>();
  const keyOf = (server: string) => engine.key("scopes", server);
  return {
    async noteScope(server, scope) {
      try {
        const now = clock.wall();
        const args = [scope, now, now - limits.credentialScopeMs, limits.credentialScopesMax];
        if (await engine.run(noteScope, [keyOf(server)], args) !== 1) return;
        log.warn("Too many scopes to remember: calls for unknown scopes now need credentials", {
          server,
        });
      } catch (fault) {
        unsure.add(server);
        log.error("Cannot note that a scope was authenticated", { server, fault });
      }
    },
    async knowsScope(server, scope) {
      try {
        if (unsure.has(server)) return true;
        const found = await engine.send(["ZMSCORE", keyOf(server), scope, anyScope]);
        return Array.isArray(found) && found.some((time) => time !== null);
      } catch (fault) {
        log.error("Cannot tell whether a scope was authenticated", { server, fault });
        return true;
      }
    },
    async forgetScope(server, scope) {
      try {
        await engine.send(["ZREM", keyOf(server), scope]);
      } catch (fault) {
        log.warn("Cannot forget a scope", { server, fault });
      }
    },
  };
}
