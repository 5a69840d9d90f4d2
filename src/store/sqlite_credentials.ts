/**
 * Credentials in SQLite, each sealed for its server, principal, kind and token inputs, and the
 * scopes that were authenticated. What the database does not take waits in memory, since a new
 * refresh token may have replaced the stored one. A fault here is logged, and at worst leads to a new log-in. Only
 * scopes fail closed: a scope that cannot be looked up counts as authenticated. Not here: the
 * tables (database.ts).
 */
import type { Clock } from "../clock.ts";
import { type BacklogLimits, createBacklog } from "./backlog.ts";
import { transact } from "./database.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import type { Sealer } from "../seal.ts";
import type { CredentialKey, CredentialStore } from "../credentials/provider.ts";
import { createKeyedMutex } from "../keyed_mutex.ts";
import { bindingOf } from "./credential_binding.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteCredentialOptions {
  readonly database: SqlDatabase;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly limits:
    & BacklogLimits
    & Pick<
      Limits,
      | "credentialsPerServerMax"
      | "credentialsMax"
      | "credentialScopesMax"
      | "credentialScopeTouchMs"
      | "credentialScopeMs"
    >;
  readonly log: Log;
  readonly clock: Clock;
}

const purpose = "credential";

/** The columns that name a credential, in the order of the statements. */
const toRow = ({ server, principal, kind, binding }: CredentialKey) =>
  [server, principal, kind, binding] as const;

/** The store of a database. */
export interface SqliteCredentials extends CredentialStore {
  /** Writes what waits, and stops. */
  close(): void;
}

/** A credential as it is to be stored. */
interface CredentialChange {
  readonly key: CredentialKey;
  readonly value: JsonObject;
  readonly sealed: string;
}

/** Makes the store; it does not close the database, which belongs to its opener. */
export function openSqliteCredentialStore(options: SqliteCredentialOptions): SqliteCredentials {
  const { database, sealer, log } = options;
  const inTurn = createKeyedMutex();
  const select = database.prepare(
    `SELECT sealed FROM credentials
       WHERE server = ? AND principal = ? AND kind = ? AND binding = ?`,
  );
  const waiting = createBacklog<CredentialChange>({
    ...options,
    what: "credentials",
    write: createCredentialWriter(options),
  });
  return {
    async load(key) {
      const change = waiting.get(bindingOf(key));
      if (change !== undefined) return change.value;
      try {
        const sealed = select.get(...toRow(key))?.["sealed"];
        if (typeof sealed !== "string") return undefined;
        const value = await sealer.decrypt(purpose, sealed, bindingOf(key));
        if (value !== undefined) return value;
        log.error("Cannot open a stored credential: it was sealed with another key", {
          server: key.server,
          kind: key.kind,
        });
      } catch (fault) {
        log.error("Cannot load a stored credential", { server: key.server, kind: key.kind, fault });
      }
      return "unreadable";
    },
    async save(key, value) {
      const { server, kind } = key;
      try {
        const sealed = await sealer.encrypt(purpose, value, bindingOf(key));
        waiting.put(bindingOf(key), { key, value, sealed });
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

function createCredentialWriter(
  { database, limits, clock }: SqliteCredentialOptions,
): (change: CredentialChange) => void {
  const replace = database.prepare(
    `INSERT OR REPLACE INTO credentials (server, principal, kind, binding, sealed, saved_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
  );
  // The credential just saved never counts as old, whatever the wall clock says.
  const deleteOldOfServer = database.prepare(
    `DELETE FROM credentials WHERE (server, principal, kind, binding) IN
       (SELECT server, principal, kind, binding FROM credentials
          WHERE server = ? AND principal = ? AND kind = ? AND binding <> ?
          ORDER BY saved_at DESC, binding LIMIT -1 OFFSET ?)`,
  );
  const deleteOld = database.prepare(
    `DELETE FROM credentials WHERE (server, principal, kind, binding) IN
       (SELECT server, principal, kind, binding FROM credentials
          WHERE (server, principal, kind, binding) <> (?, ?, ?, ?)
          ORDER BY saved_at DESC LIMIT -1 OFFSET ?)`,
  );
  return ({ key, sealed }) =>
    transact(database, () => {
      replace.run(...toRow(key), sealed, clock.wall());
      deleteOldOfServer.run(...toRow(key), limits.credentialsPerServerMax - 1);
      deleteOld.run(...toRow(key), limits.credentialsMax - 1);
    });
}

/** Represents all scopes of a server that exceeded the bound. */
const anyScope = "*";

function createScopes(
  { database, limits, log, clock }: SqliteCredentialOptions,
): Pick<CredentialStore, "noteScope" | "knowsScope" | "forgetScope"> {
  const isKnown = database.prepare(
    "SELECT 1 FROM credential_scopes WHERE server = ? AND scope IN (?, ?)",
  );
  const count = database.prepare(
    "SELECT count(*) AS scopes FROM credential_scopes WHERE server = ?",
  );
  const note = database.prepare(
    `INSERT INTO credential_scopes (server, scope, seen_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at WHERE seen_at < ?`,
  );
  const forget = database.prepare("DELETE FROM credential_scopes WHERE server = ? AND scope = ?");
  const forgetOld = database.prepare("DELETE FROM credential_scopes WHERE seen_at < ?");
  /** Servers for which a fault may have lost a scope. */
  const unsure = new Set<string>();

  return {
    async noteScope(server, scope) {
      try {
        const now = clock.wall();
        const isNew = isKnown.get(server, scope, scope) === undefined;
        if (isNew) forgetOld.run(now - limits.credentialScopeMs);
        const isFull = isNew && Number(count.get(server)?.["scopes"]) >= limits.credentialScopesMax;
        if (isFull) {
          log.warn(
            "Too many scopes to remember: calls for unknown scopes now need credentials",
            {
              server,
            },
          );
        }
        note.run(server, isFull ? anyScope : scope, now, now - limits.credentialScopeTouchMs);
      } catch (fault) {
        unsure.add(server);
        log.error("Cannot note that a scope was authenticated", { server, fault });
      }
    },
    async knowsScope(server, scope) {
      try {
        return unsure.has(server) || isKnown.get(server, scope, anyScope) !== undefined;
      } catch (fault) {
        log.error("Cannot tell whether a scope was authenticated", { server, fault });
        return true;
      }
    },
    async forgetScope(server, scope) {
      try {
        forget.run(server, scope);
      } catch (fault) {
        log.warn("Cannot forget a scope", { server, fault });
      }
    },
  };
}
