/**
 * Grants at protected servers, and the gateway's registrations at their issuers, in SQLite; each is
 * sealed for its row. A change is on disk before its promise resolves, so that a refresh token that
 * was replaced is never the only one left. While the database takes no writes, changes wait in
 * memory, and look-ups find them. Not here: the tables (schema_steps.ts).
 */
import type { Clock } from "../clock.ts";
import { createKeyedMutex } from "../keyed_mutex.ts";
import type {
  ClientRegistration,
  Grant,
  GrantKey,
  GrantStore,
  StoredGrant,
} from "../grants/grant.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase, SqlValue } from "../runtime/runtime.ts";
import type { Sealer } from "../seal.ts";
import { type Backlog, type BacklogLimits, createBacklog } from "./backlog.ts";
import { transact } from "./database.ts";
import { grantBindingOf, registrationBindingOf, toGrant, toRegistration } from "./grant_rows.ts";

/** What the store is made from; the database has its tables already, and belongs to its opener. */
export interface SqliteGrantOptions {
  readonly database: SqlDatabase;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly limits:
    & BacklogLimits
    & Pick<
      Limits,
      "serverGrantsPerPrincipalMax" | "serverGrantsMax" | "serverRegistrationsMax"
    >;
  readonly clock: Clock;
  readonly log: Log;
}

const grantPurpose = "server grant";
const registrationPurpose = "server registration";

type Columns = Record<string, SqlValue>;

/** The store of a database. */
export interface SqliteGrants extends GrantStore {
  /** Writes what waits, and stops. */
  close(): void;
}

/** A grant as it is to be stored, or its end. */
interface GrantChange {
  readonly key: GrantKey;
  readonly next: { readonly grant: Grant; readonly sealed: string } | undefined;
}

/** Makes the store. */
export function openSqliteGrantStore(options: SqliteGrantOptions): SqliteGrants {
  const { sealer, log } = options;
  const inTurn = createKeyedMutex();
  const { close: closeRegistrations, ...registrations } = createRegistrations(options);
  const waiting = createBacklog<GrantChange>({
    ...options,
    what: "grants of servers",
    write: (change) => writeGrant(options, change),
  });
  const read = createGrantReader(options, waiting);
  const put = (change: GrantChange) => waiting.put(grantBindingOf(change.key), change);
  return {
    find: (server, principal) => read({ server, principal }),
    list: (server) => read({ server }).catch(() => []),
    async save(key, grant) {
      const { server, principal } = key;
      try {
        const sealed = await sealer.encrypt(grantPurpose, { ...grant }, grantBindingOf(key));
        put({ key, next: { grant, sealed } });
        return true;
      } catch (fault) {
        log.error("Cannot store a grant: it is tried again", { server, principal, fault });
        return false;
      }
    },
    async remove(key) {
      const { server, principal } = key;
      try {
        put({ key, next: undefined });
      } catch (fault) {
        log.error("Cannot forget a grant: it is tried again", { server, principal, fault });
      }
    },
    inTurn: (key, work) => inTurn(grantBindingOf(key), work),
    ...registrations,
    close() {
      waiting.close();
      closeRegistrations();
    },
  };
}

function writeGrant(
  { database, limits, clock, log }: SqliteGrantOptions,
  { key, next }: GrantChange,
): void {
  if (next === undefined) return void database.prepare(deleteGrant).run(...toRow(key));
  const { server, principal } = key;
  const left = transact(database, () => {
    database.prepare(putGrant).run(...toRow(key), next.sealed, clock.wall());
    const ofPrincipal = limits.serverGrantsPerPrincipalMax;
    database.prepare(deleteOldOfPrincipal).run(server, principal, ofPrincipal);
    return database.prepare(deleteOldGrants).run(limits.serverGrantsMax).changes;
  });
  if (left > 0) log.warn("Too many grants of servers: the oldest are forgotten", { left });
}

/** Which grants are read; an absent member stands for all. */
interface GrantSelection {
  readonly server?: string | undefined;
  readonly principal?: string | undefined;
}

/** Reads grants, the newest first: those that wait to be stored, then those of the database. */
function createGrantReader(
  { database, sealer, log }: SqliteGrantOptions,
  waiting: Backlog<GrantChange>,
): (selection: GrantSelection) => Promise<StoredGrant[]> {
  /** Sealed texts that cannot be opened, which the log has named. */
  const named = new Set<string>();
  const toStored = async (row: Columns): Promise<StoredGrant> => {
    const key = toKey(row);
    const binding = grantBindingOf(key);
    const grant = toGrant(await sealer.decrypt(grantPurpose, String(row["sealed"]), binding));
    if (grant !== undefined) named.delete(binding);
    else if (!named.has(binding)) {
      named.add(binding);
      const { server, principal } = key;
      log.error("Cannot open a stored grant: it was sealed with another key", {
        server,
        principal,
      });
    }
    return { key, grant: grant ?? "unreadable" };
  };
  return async ({ server, principal }) => {
    try {
      const [sql, values] = selectGrants({ server, principal });
      const rows = database.prepare(sql).all(...values);
      const changes = waiting.all().filter(({ key }) =>
        (server === undefined || key.server === server) &&
        (principal === undefined || key.principal === principal)
      );
      const changed = new Set(changes.map(({ key }) => grantBindingOf(key)));
      const unchanged = rows.filter((row) => !changed.has(grantBindingOf(toKey(row))));
      const added = changes.reverse().flatMap(({ key, next }) =>
        next === undefined ? [] : [{ key, grant: next.grant }]
      );
      return [...added, ...await Promise.all(unchanged.map(toStored))];
    } catch (fault) {
      log.error("Cannot read the stored grants", { server, fault });
      throw fault;
    }
  };
}

/** A registration as it is to be stored, or its end. */
interface RegistrationChange {
  readonly issuer: string;
  readonly redirectUri: string;
  readonly next: { readonly registration: ClientRegistration; readonly sealed: string } | undefined;
}

function createRegistrations(
  options: SqliteGrantOptions,
):
  & Pick<GrantStore, "findRegistration" | "saveRegistration" | "removeRegistration">
  & Pick<SqliteGrants, "close"> {
  const { database, sealer, limits, clock, log } = options;
  const waiting = createBacklog<RegistrationChange>({
    ...options,
    what: "registrations at authorization servers",
    write({ issuer, redirectUri, next }) {
      if (next === undefined) {
        return void database.prepare(deleteRegistration).run(issuer, redirectUri);
      }
      transact(database, () => {
        database.prepare(putRegistration).run(issuer, redirectUri, next.sealed, clock.wall());
        database.prepare(deleteOldRegistrations).run(limits.serverRegistrationsMax);
      });
    },
  });
  return {
    async findRegistration(issuer, redirectUri) {
      const binding = registrationBindingOf(issuer, redirectUri);
      const change = waiting.get(binding);
      if (change !== undefined) return change.next?.registration;
      try {
        const row = database.prepare(selectRegistration).get(issuer, redirectUri);
        if (row === undefined) return undefined;
        const sealed = String(row["sealed"]);
        const body = toRegistration(await sealer.decrypt(registrationPurpose, sealed, binding));
        if (body !== undefined) return { issuer, redirectUri, ...body };
        log.warn("Cannot open a stored registration: it was sealed with another key", { issuer });
      } catch (fault) {
        log.error("Cannot read a stored registration", { issuer, fault });
      }
      return undefined;
    },
    async saveRegistration(registration) {
      const { issuer, redirectUri, ...body } = registration;
      try {
        const binding = registrationBindingOf(issuer, redirectUri);
        const sealed = await sealer.encrypt(registrationPurpose, body, binding);
        waiting.put(binding, { issuer, redirectUri, next: { registration, sealed } });
      } catch (fault) {
        log.error("Cannot store a registration: it is tried again", { issuer, fault });
      }
    },
    async removeRegistration(issuer, redirectUri) {
      try {
        const binding = registrationBindingOf(issuer, redirectUri);
        waiting.put(binding, { issuer, redirectUri, next: undefined });
      } catch (fault) {
        log.error("Cannot forget a registration: it is tried again", { issuer, fault });
      }
    },
    close: waiting.close,
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
/** The statement that reads a selection, which uses the index, and its values. */
function selectGrants({ server, principal }: GrantSelection): [sql: string, values: string[]] {
  const wanted = Object.entries({ server, principal }).filter(([, value]) => value !== undefined);
  const where = wanted.map(([column]) => `${column} = ?`).join(" AND ");
  const values = wanted.map(([, value]) => String(value));
  return [`SELECT * FROM server_grants WHERE ${where || "TRUE"} ${newest}`, values];
}

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
