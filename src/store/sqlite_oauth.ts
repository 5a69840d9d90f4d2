/**
 * Clients, grants and the digests of codes and tokens in SQLite. Each change is one transaction,
 * which is on disk when it returns. Statements are prepared when they are used, because most
 * gateways have no authorization server. Not here: the tables (schema_steps.ts).
 */
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";
import type {
  ClientRow,
  GrantFilter,
  GrantRow,
  OAuthChanges,
  OAuthStore,
  OAuthTokenRow,
} from "../oauth/oauth_store.ts";
import type { SqlDatabase, SqlStatement, SqlValue } from "../runtime/runtime.ts";
import { transact } from "./database.ts";

type Columns = Record<string, SqlValue>;

/** Makes the store; the database belongs to its opener. */
export function openSqliteOAuth(database: SqlDatabase): OAuthStore {
  const prepare = prepareOnce(database);
  const findToken = (digest: string) =>
    prepare("SELECT * FROM oauth_tokens WHERE digest = ?").get(digest);
  const changed = (sql: string, ...values: SqlValue[]) => prepare(sql).run(...values).changes;
  const commit = ({ expect, clients = [], grants = [], tokens = [] }: OAuthChanges): boolean => {
    if (expect !== undefined) {
      const found = findToken(expect.digest);
      if (!isSame(found && toToken(found), expect.row)) return false;
    }
    for (const { id, kind, body, createdAt, usedAt } of clients) {
      changed(putClient, id, kind, JSON.stringify(body), createdAt, usedAt ?? null);
    }
    for (const { id, client, principal, body, createdAt, usedAt } of grants) {
      changed(putGrant, id, client, principal, JSON.stringify(body), createdAt, usedAt ?? null);
    }
    for (const { digest, grantId, kind, body, expiresAt } of tokens) {
      changed(putToken, digest, grantId, kind, JSON.stringify(body), expiresAt);
    }
    return true;
  };
  return {
    async client(id) {
      const found = prepare("SELECT * FROM oauth_clients WHERE id = ?").get(id);
      return found && toClient(found);
    },
    async clients() {
      return prepare("SELECT * FROM oauth_clients ORDER BY created_at, id").all().map(toClient);
    },
    async countClients() {
      const found = prepare("SELECT count(*) AS count FROM oauth_clients").get();
      return Number(found?.["count"] ?? 0);
    },
    async removeUnused(before) {
      return changed(deleteOldestUnused, before) > 0;
    },
    async grants(filter = {}) {
      return prepare(`${selectGrants} ORDER BY created_at, id`).all(...toValues(filter))
        .map(toGrant);
    },
    async token(digest) {
      const found = findToken(digest);
      return found && toToken(found);
    },
    commit: async (changes) => transact(database, () => commit(changes)),
    async removeGrants(filter) {
      return transact(database, () => {
        const rows = prepare(selectGrants).all(...toValues(filter)).map(toGrant);
        for (const { id } of rows) {
          changed("DELETE FROM oauth_tokens WHERE grant_id = ?", id);
          changed("DELETE FROM oauth_grants WHERE id = ?", id);
        }
        return rows;
      });
    },
    async removeClient(id) {
      return transact(database, () => {
        changed(deleteTokensOfClient, id);
        changed("DELETE FROM oauth_grants WHERE client = ?", id);
        return changed("DELETE FROM oauth_clients WHERE id = ?", id) > 0;
      });
    },
    async removeToken(digest) {
      return changed("DELETE FROM oauth_tokens WHERE digest = ?", digest) > 0;
    },
    async sweep({ now, unusedBefore, idleBefore }) {
      transact(database, () => {
        changed("DELETE FROM oauth_tokens WHERE expires_at <= ?", now);
        changed(deleteEmptyGrants);
        changed(deleteIdleClients, unusedBefore, idleBefore);
      });
    },
  };
}

const putClient = "INSERT OR REPLACE INTO oauth_clients (id, kind, body, created_at, used_at) " +
  "VALUES (?, ?, ?, ?, ?)";
const putGrant = "INSERT OR REPLACE INTO oauth_grants " +
  "(id, client, principal, body, created_at, used_at) VALUES (?, ?, ?, ?, ?, ?)";
const putToken = "INSERT OR REPLACE INTO oauth_tokens (digest, grant_id, kind, body, expires_at) " +
  "VALUES (?, ?, ?, ?, ?)";
const selectGrants = "SELECT * FROM oauth_grants WHERE (?1 IS NULL OR id = ?1) " +
  "AND (?2 IS NULL OR client = ?2) AND (?3 IS NULL OR principal = ?3)";
const deleteTokensOfClient = "DELETE FROM oauth_tokens WHERE grant_id IN " +
  "(SELECT id FROM oauth_grants WHERE client = ?)";
const deleteEmptyGrants = "DELETE FROM oauth_grants WHERE NOT EXISTS " +
  "(SELECT 1 FROM oauth_tokens WHERE grant_id = oauth_grants.id)";
const withoutGrant = "NOT EXISTS (SELECT 1 FROM oauth_grants WHERE client = oauth_clients.id)";
const deleteIdleClients = `DELETE FROM oauth_clients WHERE ${withoutGrant} AND ` +
  "((used_at IS NULL AND created_at < ?) OR (used_at IS NOT NULL AND used_at < ?))";
const deleteOldestUnused = "DELETE FROM oauth_clients WHERE id IN (SELECT id FROM oauth_clients " +
  `WHERE used_at IS NULL AND created_at < ? AND ${withoutGrant} ORDER BY created_at LIMIT 1)`;

/** Statements by their text; the texts are those of this file. */
function prepareOnce(database: SqlDatabase): (sql: string) => SqlStatement {
  const prepared = new Map<string, SqlStatement>();
  return (sql) => {
    let statement = prepared.get(sql);
    if (statement === undefined) prepared.set(sql, statement = database.prepare(sql));
    return statement;
  };
}

function toValues({ id, client, principal }: GrantFilter): SqlValue[] {
  return [id ?? null, client ?? null, principal ?? null];
}

function isSame(one: OAuthTokenRow | undefined, other: OAuthTokenRow | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function toClient(columns: Columns): ClientRow {
  return {
    id: String(columns["id"]),
    kind: columns["kind"] === "document" ? "document" : "registration",
    body: toBody(columns),
    createdAt: Number(columns["created_at"]),
    ...toUsedAt(columns),
  };
}

function toGrant(columns: Columns): GrantRow {
  return {
    id: String(columns["id"]),
    client: String(columns["client"]),
    principal: String(columns["principal"]),
    body: toBody(columns),
    createdAt: Number(columns["created_at"]),
    ...toUsedAt(columns),
  };
}

function toToken(columns: Columns): OAuthTokenRow {
  return {
    digest: String(columns["digest"]),
    grantId: String(columns["grant_id"]),
    kind: String(columns["kind"]) as OAuthTokenRow["kind"],
    body: toBody(columns),
    expiresAt: Number(columns["expires_at"]),
  };
}

function toUsedAt({ used_at: usedAt }: Columns): { usedAt?: number } {
  return typeof usedAt === "number" ? { usedAt } : {};
}

/** What is no object, such as the body of a damaged row, has no members. */
function toBody({ body }: Columns): JsonObject {
  try {
    const value: unknown = JSON.parse(String(body));
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
