/**
 * Grants at protected servers, and the gateway's registrations at their issuers, in SQLite; each is
 * sealed for its row. A change is on disk before its promise resolves, so that a refresh token that
 * was replaced is never the only one left. Not here: the tables (schema_steps.ts).
 */
import type { Clock } from "../clock.ts";
import { createKeyedMutex } from "../credentials/keyed_mutex.ts";
import type { GrantKey, GrantStore, StoredGrant } from "../grants/grant.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase, SqlValue } from "../runtime/runtime.ts";
import type { Sealer } from "../seal.ts";
import { transact } from "./database.ts";
import { grantBindingOf, registrationBindingOf, toGrant, toRegistration } from "./grant_rows.ts";

/** What the store is made from; the database has its tables already, and belongs to its opener. */
export interface SqliteGrantOptions {
  readonly database: SqlDatabase;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly limits: Pick<
    Limits,
    "serverGrantsPerPrincipalMax" | "serverGrantsMax" | "serverRegistrationsMax"
  >;
  readonly clock: Clock;
  readonly log: Log;
}

const grantPurpose = "server grant";
const registrationPurpose = "server registration";

type Columns = Record<string, SqlValue>;

/** Makes the store. */
export function openSqliteGrantStore(options: SqliteGrantOptions): GrantStore {
  const { database, sealer, limits, clock, log } = options;
  const inTurn = createKeyedMutex();
  /** Unreadable grants that the log has named. */
  const named = new Set<string>();

  const toStored = async (row: Columns): Promise<StoredGrant> => {
    const key = toKey(row);
    const binding = grantBindingOf(key);
    const grant = toGrant(await sealer.decrypt(grantPurpose, String(row["sealed"]), binding));
    if (grant === undefined && !named.has(binding)) {
      named.add(binding);
      const { server, principal } = key;
      log.error("Cannot open a stored grant: it was sealed with another key", {
        server,
        principal,
      });
    }
    return { key, grant: grant ?? "unreadable" };
  };
  const read = async (server: string | undefined, sql: string, ...values: SqlValue[]) => {
    try {
      return await Promise.all(database.prepare(sql).all(...values).map(toStored));
    } catch (fault) {
      log.error("Cannot read the stored grants", { server, fault });
      throw fault;
    }
  };
  const readAll = (server: string | undefined, sql: string, ...values: SqlValue[]) =>
    read(server, sql, ...values).catch(() => []);

  return {
    find: (server, principal) => read(server, selectOfPrincipal, server, principal),
    list: (server) =>
      server === undefined ? readAll(server, selectAll) : readAll(server, selectOfServer, server),
    async save(key, grant) {
      const { server, principal } = key;
      try {
        const binding = grantBindingOf(key);
        const sealed = await sealer.encrypt(grantPurpose, { ...grant }, binding);
        const left = transact(database, () => {
          database.prepare(putGrant).run(...toRow(key), sealed, clock.wall());
          const ofPrincipal = limits.serverGrantsPerPrincipalMax;
          database.prepare(deleteOldOfPrincipal).run(server, principal, ofPrincipal);
          return database.prepare(deleteOldGrants).run(limits.serverGrantsMax).changes;
        });
        named.delete(binding);
        if (left > 0) log.warn("Too many grants of servers: the oldest are forgotten", { left });
        return true;
      } catch (fault) {
        log.error("Cannot store a grant", { server, principal, fault });
        return false;
      }
    },
    async remove(key) {
      try {
        database.prepare(deleteGrant).run(...toRow(key));
        named.delete(grantBindingOf(key));
      } catch (fault) {
        log.error("Cannot forget a grant", {
          server: key.server,
          principal: key.principal,
          fault,
        });
      }
    },
    inTurn: (key, work) => inTurn(grantBindingOf(key), work),
    ...createRegistrations(options),
  };
}

function createRegistrations(
  { database, sealer, limits, clock, log }: SqliteGrantOptions,
): Pick<GrantStore, "findRegistration" | "saveRegistration" | "removeRegistration"> {
  return {
    async findRegistration(issuer, redirectUri) {
      try {
        const row = database.prepare(selectRegistration).get(issuer, redirectUri);
        if (row === undefined) return undefined;
        const binding = registrationBindingOf(issuer, redirectUri);
        const sealed = String(row["sealed"]);
        const body = toRegistration(await sealer.decrypt(registrationPurpose, sealed, binding));
        if (body !== undefined) return { issuer, redirectUri, ...body };
        log.warn("Cannot open a stored registration: it was sealed with another key", { issuer });
      } catch (fault) {
        log.error("Cannot read a stored registration", { issuer, fault });
      }
      return undefined;
    },
    async saveRegistration({ issuer, redirectUri, ...body }) {
      try {
        const binding = registrationBindingOf(issuer, redirectUri);
        const sealed = await sealer.encrypt(registrationPurpose, body, binding);
        transact(database, () => {
          database.prepare(putRegistration).run(issuer, redirectUri, sealed, clock.wall());
          database.prepare(deleteOldRegistrations).run(limits.serverRegistrationsMax);
        });
      } catch (fault) {
        log.error("Cannot store a registration", { issuer, fault });
      }
    },
    async removeRegistration(issuer, redirectUri) {
      try {
        database.prepare(deleteRegistration).run(issuer, redirectUri);
      } catch (fault) {
        log.error("Cannot forget a registration", { issuer, fault });
      }
    },
  };
}

/** The columns that name a grant, in the order of the statements. */
const toRow = ({ server, principal, issuer, resource }: GrantKey) =>
  [server, principal, issuer, resource] as const;

function toKey(row: Columns): GrantKey {
  return {
    server: String(row["server"]),
    principal: String(row["principal"]),
    issuer: String(row["issuer"]),
    resource: String(row["resource"]),
  };
}

const newest = "ORDER BY saved_at DESC";
const selectAll = `SELECT * FROM server_grants ${newest}`;
const selectOfServer = `SELECT * FROM server_grants WHERE server = ? ${newest}`;
const selectOfPrincipal =
  `SELECT * FROM server_grants WHERE server = ? AND principal = ? ${newest}`;
const deleteGrant = "DELETE FROM server_grants " +
  "WHERE server = ? AND principal = ? AND issuer = ? AND resource = ?";

/** The time, or later than all others: what was just saved is the newest whatever the clock says. */
const nowIn = (table: string) => `max(?, (SELECT coalesce(max(saved_at), 0) + 1 FROM ${table}))`;
const putGrant = "INSERT OR REPLACE INTO server_grants " +
  "(server, principal, issuer, resource, sealed, saved_at) " +
  `VALUES (?, ?, ?, ?, ?, ${nowIn("server_grants")})`;
const deleteOldOfPrincipal = `DELETE FROM server_grants
  WHERE (server, principal, issuer, resource) IN
    (SELECT server, principal, issuer, resource FROM server_grants
       WHERE server = ? AND principal = ? ${newest} LIMIT -1 OFFSET ?)`;
const deleteOldGrants = `DELETE FROM server_grants
  WHERE (server, principal, issuer, resource) IN
    (SELECT server, principal, issuer, resource FROM server_grants ${newest} LIMIT -1 OFFSET ?)`;

const selectRegistration =
  "SELECT sealed FROM server_registrations WHERE issuer = ? AND redirect_uri = ?";
const putRegistration = "INSERT OR REPLACE INTO server_registrations " +
  "(issuer, redirect_uri, sealed, saved_at) " +
  `VALUES (?, ?, ?, ${nowIn("server_registrations")})`;
const deleteOldRegistrations = `DELETE FROM server_registrations WHERE (issuer, redirect_uri) IN
    (SELECT issuer, redirect_uri FROM server_registrations ${newest} LIMIT -1 OFFSET ?)`;
const deleteRegistration = "DELETE FROM server_registrations WHERE issuer = ? AND redirect_uri = ?";
