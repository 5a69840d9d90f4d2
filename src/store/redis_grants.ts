/**
 * Grants at protected servers, and the gateway's registrations at their issuers, in the engine; each
 * is sealed for its row. A change is stored before its promise resolves, so that a refresh token
 * that was replaced is never the only one left. While the engine is away, changes wait in memory,
 * and look-ups find them.
 */
import type { Clock } from "../clock.ts";
import type {
  ClientRegistration,
  Grant,
  GrantKey,
  GrantStore,
  StoredGrant,
} from "../grants/grant.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import { createRedisMutex, type RedisMutexOptions } from "../redis/redis_mutex.ts";
import type { Sealer } from "../seal.ts";
import { grantBindingOf, registrationBindingOf, toGrant, toRegistration } from "./grant_rows.ts";
import { createBoundedTable } from "./redis_bounded_table.ts";
import { createRetries } from "./redis_retries.ts";

/** What the store is made from. */
export interface RedisGrantOptions {
  readonly engine: RedisConnection;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly clock: Clock;
  readonly limits:
    & RedisMutexOptions["limits"]
    & Pick<
      Limits,
      | "backlogMax"
      | "storageRetryMs"
      | "serverGrantsPerPrincipalMax"
      | "serverGrantsMax"
      | "serverRegistrationsMax"
    >;
  readonly log: Log;
}

const grantPurpose = "server grant";
const registrationPurpose = "server registration";

/** The store; closing it writes what waits. */
export interface RedisGrants extends GrantStore {
  close(): Promise<void>;
}

/** A grant as it is to be stored, or its end. */
interface GrantChange {
  readonly key: GrantKey;
  readonly next: { readonly grant: Grant; readonly sealed: string } | undefined;
}

/** Makes the store. */
export function createRedisGrants(options: RedisGrantOptions): RedisGrants {
  const { engine, sealer, clock, limits, log } = options;
  const inTurn = createRedisMutex({ engine, kind: "grants", clock, limits });
  const { closeRegistrations, ...registrations } = createRegistrations(options);
  const table = createBoundedTable(engine, "grants", {
    groupMax: limits.serverGrantsPerPrincipalMax,
    allMax: limits.serverGrantsMax,
  });
  const waiting = createRetries<GrantChange>({
    what: "grants of servers",
    changesMax: limits.backlogMax,
    retryMs: limits.storageRetryMs,
    async write({ key, next }, id) {
      if (next === undefined) return await table.remove([id]);
      const left = await table.put(id, next.sealed, groupOf(key));
      if (left > 0) log.warn("Too many grants of servers: the oldest are forgotten", { left });
    },
    clock,
    log,
  });
  const put = (change: GrantChange) => waiting.put(grantBindingOf(change.key), change);
  const open = createOpener(options);
  /** The grants of a group, or all; those that wait to be stored come first. */
  const read = async (group: string | undefined, isWanted: (key: GrantKey) => boolean) => {
    try {
      const rows = await table.list(group);
      const changes = waiting.all().filter(({ key }) => isWanted(key));
      const changed = new Set(changes.map(({ key }) => grantBindingOf(key)));
      const added = changes.reverse().flatMap(({ key, next }) =>
        next === undefined ? [] : [{ key, grant: next.grant }]
      );
      const unchanged = rows.filter(([id]) => !changed.has(id))
        .map(([id, sealed]) => ({ key: toKey(id), id, sealed }))
        .filter(({ key }) => isWanted(key));
      return [...added, ...await Promise.all(unchanged.map(open))];
    } catch (fault) {
      log.error("Cannot read the stored grants", { fault });
      throw fault;
    }
  };
  return {
    find: (server, principal) =>
      read(
        JSON.stringify([server, principal]),
        (key) => key.server === server && key.principal === principal,
      ),
    list: (server) =>
      read(undefined, (key) => server === undefined || key.server === server).catch(() => []),
    async save(key, grant) {
      const { server, principal } = key;
      try {
        const sealed = await sealer.encrypt(grantPurpose, { ...grant }, grantBindingOf(key));
        await put({ key, next: { grant, sealed } });
        return true;
      } catch (fault) {
        log.error("Cannot store a grant: it is tried again", { server, principal, fault });
        return false;
      }
    },
    async remove(key) {
      const { server, principal } = key;
      try {
        await put({ key, next: undefined });
      } catch (fault) {
        log.error("Cannot forget a grant: it is tried again", { server, principal, fault });
      }
    },
    inTurn: (key, work) => inTurn(grantBindingOf(key), work),
    ...registrations,
    async close() {
      await waiting.close();
      await closeRegistrations();
    },
  };
}

const groupOf = ({ server, principal }: GrantKey): string => JSON.stringify([server, principal]);

/** The key in the id of a row; the ids are those of `grantBindingOf`. */
function toKey(id: string): GrantKey {
  const [server, principal, issuer, resource] = JSON.parse(id) as readonly unknown[];
  return {
    server: String(server),
    principal: String(principal),
    issuer: String(issuer),
    resource: String(resource),
  };
}

/** Opens sealed grants; of those that cannot be opened the log has one line each. */
function createOpener({ sealer, log }: RedisGrantOptions) {
  const named = new Set<string>();
  return async (
    { key, id, sealed }: {
      readonly key: GrantKey;
      readonly id: string;
      readonly sealed: string;
    },
  ): Promise<StoredGrant> => {
    const grant = toGrant(await sealer.decrypt(grantPurpose, sealed, id));
    if (grant !== undefined) named.delete(id);
    else if (!named.has(id)) {
      named.add(id);
      const { server, principal } = key;
      log.error("Cannot open a stored grant: it was sealed with another key", {
        server,
        principal,
      });
    }
    return { key, grant: grant ?? "unreadable" };
  };
}

/** A registration as it is to be stored, or its end. */
interface RegistrationChange {
  readonly next: { readonly registration: ClientRegistration; readonly sealed: string } | undefined;
}

function createRegistrations(
  { engine, sealer, clock, limits, log }: RedisGrantOptions,
):
  & Pick<GrantStore, "findRegistration" | "saveRegistration" | "removeRegistration">
  & { closeRegistrations(): Promise<void> } {
  const allMax = limits.serverRegistrationsMax;
  const table = createBoundedTable(engine, "registrations", { groupMax: allMax, allMax });
  const waiting = createRetries<RegistrationChange>({
    what: "registrations at authorization servers",
    changesMax: limits.backlogMax,
    retryMs: limits.storageRetryMs,
    async write({ next }, id) {
      if (next === undefined) await table.remove([id]);
      else await table.put(id, next.sealed, "");
    },
    clock,
    log,
  });
  return {
    async findRegistration(issuer, redirectUri) {
      const binding = registrationBindingOf(issuer, redirectUri);
      const change = waiting.get(binding);
      if (change !== undefined) return change.next?.registration;
      try {
        const sealed = await table.get(binding);
        if (sealed === undefined) return undefined;
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
        await waiting.put(binding, { next: { registration, sealed } });
      } catch (fault) {
        log.error("Cannot store a registration: it is tried again", { issuer, fault });
      }
    },
    async removeRegistration(issuer, redirectUri) {
      try {
        await waiting.put(registrationBindingOf(issuer, redirectUri), { next: undefined });
      } catch (fault) {
        log.error("Cannot forget a registration: it is tried again", { issuer, fault });
      }
    },
    closeRegistrations: waiting.close,
  };
}
