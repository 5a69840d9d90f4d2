/**
 * The registry in the engine: servers, each sealed for its name since its entry may hold secrets,
 * and profiles. Both keep the order in which they were added.
 */
import * as v from "valibot";
import type {
  ProfileRow,
  ProfileStore,
  RegistryRow,
  RegistryStore,
} from "../config/registry_store.ts";
import { isJsonObject } from "../json.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type { Sealer } from "../seal.ts";
import type { RedisTables } from "./redis_table.ts";
import { removeRow } from "./redis_users.ts";

/** What the stores are made from. */
export interface RedisRegistryOptions {
  readonly tables: RedisTables;
  readonly log: Log;
}

const purpose = "registry";
const servers = "registry";
const profiles = "profiles";

const placed = { position: v.number(), addedAt: v.number() };
const serverForm = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ ...placed, sealed: v.string(), disabled: v.boolean() }),
);
const profileForm = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ ...placed, entry: v.custom<JsonObject>(isJsonObject) }),
);

/** A row with its place among the others. */
interface PlacedRow {
  readonly position: number;
  readonly addedAt: number;
}

/** Makes the store of servers. */
export function createRedisRegistry(
  { tables, log, sealer }: RedisRegistryOptions & {
    readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  },
): RegistryStore {
  const toRow = async (
    name: string,
    { sealed, disabled, addedAt }: v.InferOutput<typeof serverForm>,
  ): Promise<RegistryRow> => {
    const entry = await sealer.decrypt(purpose, sealed, name);
    if (entry === undefined) {
      log.error("Cannot open the entry of an added server: it was sealed with another key", {
        server: name,
      });
    }
    return { name, entry: entry ?? "unreadable", disabled, addedAt };
  };
  return {
    async all() {
      const rows = readRows(await tables.all(servers), serverForm, log);
      return await Promise.all(rows.map(([name, row]) => toRow(name, row)));
    },
    async put({ name, entry, disabled, addedAt }) {
      const sealed = await sealer.encrypt(purpose, entry, name);
      await putRow(tables, servers, name, { addedAt, sealed, disabled });
    },
    setDisabled: (name, disabled) =>
      tables.change(async () => {
        const text = await tables.get(servers, name);
        const row = v.safeParse(serverForm, text);
        if (text === undefined || !row.success) return { expect: [], rows: [], value: false };
        const next = JSON.stringify({ ...row.output, disabled });
        return {
          expect: [{ table: servers, id: name, text }],
          rows: [{ table: servers, id: name, text: next }],
          value: true,
        };
      }),
    remove: (name) => removeRow(tables, servers, name),
  };
}

/** Makes the store of profiles, which hold no secrets. */
export function createRedisProfiles({ tables, log }: RedisRegistryOptions): ProfileStore {
  return {
    async all() {
      return readRows(await tables.all(profiles), profileForm, log)
        .map(([name, { entry, addedAt }]): ProfileRow => ({ name, entry, addedAt }));
    },
    put: ({ name, entry, addedAt }) => putRow(tables, profiles, name, { addedAt, entry }),
    remove: (name) => removeRow(tables, profiles, name),
  };
}

/** Puts a row in the place of an older one, which keeps its position and its time, or at the end. */
function putRow(
  tables: RedisTables,
  table: string,
  id: string,
  row: { readonly addedAt: number } & JsonObject,
): Promise<void> {
  return tables.change(async () => {
    const rows = await tables.all(table);
    const older = v.safeParse(placedForm, rows.get(id));
    const positions = [...rows.values()].map((text) => v.safeParse(placedForm, text))
      .map((parsed) => parsed.success ? parsed.output.position : 0);
    const place: PlacedRow = older.success
      ? older.output
      : { position: Math.max(0, ...positions) + 1, addedAt: Math.round(row.addedAt) };
    return {
      expect: [{ table, id, text: rows.get(id) ?? null }],
      rows: [{ table, id, text: JSON.stringify({ ...row, ...place }) }],
      value: undefined,
    };
  });
}

const placedForm = v.pipe(v.string(), v.parseJson(), v.object(placed));

/** The rows of a table in their order; one that another version wrote is named in the log. */
function readRows<Row extends PlacedRow>(
  texts: ReadonlyMap<string, string>,
  form: v.GenericSchema<unknown, Row>,
  log: Log,
): [string, Row][] {
  const rows = [...texts].flatMap(([name, text]): [string, Row][] => {
    const row = v.safeParse(form, text);
    if (row.success) return [[name, row.output]];
    log.error("Cannot read a stored row of the registry: add it again", { name });
    return [];
  });
  return rows.sort(([, one], [, other]) => one.position - other.position);
}
