/** The names of rows in SQLite that their stores find by name alone. */
import { toCredentialKind } from "../credentials/provider.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import type { StoredNames } from "./stores.ts";

/** Reads them; the database belongs to its opener. */
export function createSqliteNames(database: SqlDatabase): StoredNames {
  const texts = (sql: string, column: string) =>
    database.prepare(sql).all().map((row) => String(row[column]));
  return {
    sessions: async () => texts("SELECT key FROM sessions", "key"),
    tokens: async () => texts("SELECT digest FROM oauth_tokens", "digest"),
    async registrations() {
      const sql = "SELECT issuer, redirect_uri FROM server_registrations ORDER BY saved_at";
      return database.prepare(sql).all().map((row) => ({
        issuer: String(row["issuer"]),
        redirectUri: String(row["redirect_uri"]),
      }));
    },
    async credentials() {
      const sql = "SELECT server, principal, kind, binding FROM credentials ORDER BY saved_at";
      return database.prepare(sql).all().map((row) => ({
        server: String(row["server"]),
        principal: String(row["principal"]),
        kind: toCredentialKind(String(row["kind"])),
        binding: String(row["binding"]),
      }));
    },
  };
}
