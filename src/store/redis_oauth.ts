/**
 * Clients, grants and the digests of codes and tokens in the engine. Tokens are keys of their own
 * that end by themselves; a set for each grant names its tokens. A change is one script, so that a
 * code or refresh token is used once, whichever instance it is shown to.
 */
import * as v from "valibot";
import type { Clock } from "../clock.ts";
import { isJsonObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import type {
  ClientRow,
  GrantFilter,
  GrantRow,
  OAuthChanges,
  OAuthStore,
  OAuthTokenRow,
} from "../oauth/oauth_store.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import * as scripts from "./redis_oauth_scripts.ts";
import { toPairs } from "./redis_table.ts";

/** What the store is made from. */
export interface RedisOAuthOptions {
  readonly engine: RedisConnection;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "engineTokenGraceMs" | "engineBatchMax">;
}

const body = v.custom<JsonObject>(isJsonObject);
const usedAt = v.optional(v.number());
const clientForm = v.object({
  id: v.string(),
  kind: v.picklist(["registration", "document"]),
  body,
  createdAt: v.number(),
  usedAt,
});
const grantForm = v.object({
  id: v.string(),
  client: v.string(),
  principal: v.string(),
  body,
  createdAt: v.number(),
  usedAt,
});
const tokenForm = v.object({
  digest: v.string(),
  grantId: v.string(),
  kind: v.picklist(["code", "access", "refresh", "assertion"]),
  body,
  expiresAt: v.number(),
});

/** Makes the store. */
export function createRedisOAuth(options: RedisOAuthOptions): OAuthStore {
  const { engine, clock, limits } = options;
  const root = engine.key("oauth");
  const rowsOf = async <Row>(table: string, form: v.GenericSchema<unknown, Row>) =>
    toPairs(await engine.run(scripts.readRows, [root], [table]))
      .flatMap(([, text]) => read(form, text) ?? []);
  const clients = async (): Promise<ClientRow[]> =>
    (await rowsOf("clients", clientForm)).sort(byAge);
  const grants = async (filter: GrantFilter): Promise<GrantRow[]> =>
    (await rowsOf("grants", grantForm)).filter((grant) => isOf(grant, filter)).sort(byAge);
  const removeGrants = async (filter: GrantFilter): Promise<GrantRow[]> => {
    const rows = await grants(filter);
    for (let at = 0; at < rows.length; at += limits.engineBatchMax) {
      const some = rows.slice(at, at + limits.engineBatchMax).map(({ id }) => id);
      await engine.run(scripts.removeGrants, [root], some);
    }
    return rows;
  };
  const removeClients = async (ended: readonly ClientRow[]): Promise<number> => {
    if (ended.length === 0) return 0;
    // One that got a grant in the meantime has another row, and stays.
    const args = ended.flatMap((row) => [row.id, write(row)]);
    return Number(await engine.run(scripts.removeClients, [root], args));
  };
  const withoutGrant = async (): Promise<ClientRow[]> => {
    const live = new Set((await grants({})).map(({ client }) => client));
    return (await clients()).filter(({ id }) => !live.has(id));
  };
  return {
    async client(id) {
      return read(clientForm, await engine.send(["HGET", `${root}:clients`, id]));
    },
    clients,
    countClients: async () => Number(await engine.send(["HLEN", `${root}:clients`])),
    async removeUnused(before) {
      const unused = (await withoutGrant())
        .filter((row) => row.usedAt === undefined && row.createdAt < before);
      return await removeClients(unused.slice(0, 1)) > 0;
    },
    grants: (filter = {}) => grants(filter),
    async token(digest) {
      return read(tokenForm, await engine.send(["GET", `${root}:token:${digest}`]));
    },
    async commit(changes) {
      const now = clock.wall();
      const toTtl = ({ expiresAt }: OAuthTokenRow) =>
        Math.ceil(Math.max(0, expiresAt - now) + limits.engineTokenGraceMs);
      return await engine.run(scripts.commitRows, [root], toArguments(changes, toTtl)) === 1;
    },
    removeGrants,
    async removeClient(id) {
      await removeGrants({ client: id });
      return await engine.send(["HDEL", `${root}:clients`, id]) === 1;
    },
    async removeToken(digest) {
      return await engine.send(["DEL", `${root}:token:${digest}`]) === 1;
    },
    async sweep({ now, unusedBefore, idleBefore }) {
      let cursor = "0";
      do {
        const args = [now, cursor, limits.engineBatchMax];
        cursor = String(await engine.run(scripts.sweepTokens, [root], args));
      } while (cursor !== "0");
      const idle = (await withoutGrant()).filter((row) =>
        row.usedAt === undefined ? row.createdAt < unusedBefore : row.usedAt < idleBefore
      );
      await removeClients(idle);
    },
  };
}

function toArguments(
  { expect, clients = [], grants = [], tokens = [] }: OAuthChanges,
  toTtl: (row: OAuthTokenRow) => number,
): (string | number)[] {
  const expected = expect === undefined
    ? ["", ""]
    : [expect.digest, expect.row === undefined ? "" : write(expect.row)];
  const rows = [
    ...clients.map((row) => ["clients", row.id, write(row)]),
    ...grants.map((row) => ["grants", row.id, write(row)]),
  ];
  return [
    ...expected,
    rows.length,
    ...rows.flat(),
    ...tokens.flatMap((row) => [row.digest, row.grantId, toTtl(row), row.expiresAt, write(row)]),
  ];
}

/** The text of a row: the same for equal rows, since its members have one order. */
function write(row: ClientRow | GrantRow | OAuthTokenRow): string {
  const members = Object.entries(row).filter(([, value]) => value !== undefined);
  return JSON.stringify(Object.fromEntries(members.sort(([one], [other]) => one < other ? -1 : 1)));
}

/** A row; undefined if there is none, or another version wrote it. */
function read<Row>(form: v.GenericSchema<unknown, Row>, text: unknown): Row | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), form), text);
  return parsed.success ? parsed.output : undefined;
}

function byAge(
  one: { readonly createdAt: number; readonly id: string },
  other: { readonly createdAt: number; readonly id: string },
): number {
  return one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
}

function isOf(grant: GrantRow, { id, client, principal }: GrantFilter): boolean {
  return (id === undefined || grant.id === id) &&
    (client === undefined || grant.client === client) &&
    (principal === undefined || grant.principal === principal);
}
