/**
 * Copies what outlives a gateway from one kind of storage to another: sessions, the registry, keys,
 * users, clients and grants, and what was accepted of tools. Each row is opened with the key of its
 * place and sealed with that of the other. Not copied: event streams, which end within minutes, and
 * catalogs, which servers tell again. Both places are in use by this process alone.
 */
import type { Stores } from "./stores.ts";

/** How many rows of each kind were copied, and how many could not be. */
export interface CopiedRows {
  readonly copied: Readonly<Record<string, number>>;
  /** Sealed with a key that is not there, or damaged. */
  readonly unreadable: number;
  /** Keys and users of a name that the other place has already. */
  readonly kept: number;
}

/** What happens to one row. */
type RowOutcome = "copied" | "unreadable" | "kept" | "absent";

/** Rows of a kind, and how one of them is copied. */
interface CopiedKind {
  readonly name: string;
  copy(from: Stores, to: Stores, note: (outcome: RowOutcome) => void): Promise<void>;
}

/** Rows in one change of the authorization server's tables. */
const rowsAtOnce = 100;

const kinds: readonly CopiedKind[] = [
  {
    name: "sessions",
    async copy(from, to, note) {
      for (const key of await from.names?.sessions() ?? []) {
        const record = await from.sessions.find(key);
        if (record === undefined) {
          note("absent");
          continue;
        }
        await to.sessions.remove(key);
        await to.sessions.create(record);
        note("copied");
      }
    },
  },
  {
    name: "servers",
    async copy(from, to, note) {
      for (const { entry, ...row } of await from.registry.all()) {
        if (entry === "unreadable") {
          note("unreadable");
          continue;
        }
        await to.registry.put({ ...row, entry });
        note("copied");
      }
    },
  },
  {
    name: "profiles",
    async copy(from, to, note) {
      for (const row of await from.profiles.all()) {
        await to.profiles.put(row);
        note("copied");
      }
    },
  },
  {
    name: "keys",
    async copy(from, to, note) {
      for (const key of await from.keys.all()) note(await to.keys.add(key) ? "copied" : "kept");
    },
  },
  {
    name: "users",
    async copy(from, to, note) {
      for (const user of await from.users.all()) {
        note(await to.users.add(user) ? "copied" : "kept");
      }
    },
  },
  { name: "clients and their grants", copy: copyOAuth },
  { name: "grants at servers", copy: copyGrants },
  {
    name: "tokens of servers",
    async copy(from, to, note) {
      for (const key of await from.names?.credentials() ?? []) {
        const value = await from.credentials.load(key);
        if (value === undefined || value === "unreadable") {
          note(value ?? "absent");
          continue;
        }
        if (!await to.credentials.save(key, value)) throw new Error("a token could not be stored");
        note("copied");
      }
    },
  },
  { name: "servers with accepted tools", copy: copyPins },
];

/** Copies all of it. Rejects at the first row that cannot be written; then it can be repeated. */
export async function copyStores(from: Stores, to: Stores): Promise<CopiedRows> {
  const copied: Record<string, number> = {};
  let unreadable = 0;
  let kept = 0;
  for (const { name, copy } of kinds) {
    copied[name] = 0;
    await copy(from, to, (outcome) => {
      if (outcome === "copied") copied[name] = (copied[name] ?? 0) + 1;
      if (outcome === "unreadable") unreadable += 1;
      if (outcome === "kept") kept += 1;
    });
  }
  return { copied, unreadable, kept };
}

/** Whether something was sealed with another key than the one that is used. */
export async function hasUnreadable(
  { registry, grants, credentials, names }: Stores,
): Promise<boolean> {
  if ((await registry.all()).some(({ entry }) => entry === "unreadable")) return true;
  if ((await grants.list()).some(({ grant }) => grant === "unreadable")) return true;
  for (const key of await names?.credentials() ?? []) {
    if (await credentials.load(key) === "unreadable") return true;
  }
  return false;
}

async function copyOAuth(
  { oauth, names }: Stores,
  to: Stores,
  note: (outcome: RowOutcome) => void,
): Promise<void> {
  const clients = await oauth.clients();
  const grants = await oauth.grants();
  const put = async <Row>(
    rows: readonly Row[],
    commit: (some: readonly Row[]) => Promise<unknown>,
  ) => {
    for (let at = 0; at < rows.length; at += rowsAtOnce) {
      const some = rows.slice(at, at + rowsAtOnce);
      await commit(some);
      for (const _ of some) note("copied");
    }
  };
  await put(clients, (some) => to.oauth.commit({ clients: some }));
  await put(grants, (some) => to.oauth.commit({ grants: some }));
  const digests = await names?.tokens() ?? [];
  const tokens = await Promise.all(digests.map((digest) => oauth.token(digest)));
  await put(
    tokens.filter((token) => token !== undefined),
    (some) => to.oauth.commit({ tokens: some }),
  );
}

async function copyGrants(
  { grants, names }: Stores,
  to: Stores,
  note: (outcome: RowOutcome) => void,
): Promise<void> {
  // The newest come first, and the last that is saved is the newest.
  for (const { key, grant } of [...await grants.list()].reverse()) {
    if (grant === "unreadable") {
      note("unreadable");
      continue;
    }
    if (!await to.grants.save(key, grant)) throw new Error("a grant could not be stored");
    note("copied");
  }
  for (const { issuer, redirectUri } of await names?.registrations() ?? []) {
    const registration = await grants.findRegistration(issuer, redirectUri);
    if (registration !== undefined) await to.grants.saveRegistration(registration);
    note(registration === undefined ? "unreadable" : "copied");
  }
}

async function copyPins(
  { pins }: Stores,
  to: Stores,
  note: (outcome: RowOutcome) => void,
): Promise<void> {
  const changes = await pins.changes();
  for (const server of await pins.servers()) {
    const lists = await pins.lists(server);
    const own = changes.get(server) ?? [];
    const prints = new Set([
      ...lists.flatMap(({ tools }) => [...tools.values()].flat()),
      ...own.flatMap(({ fingerprint, before }) => [fingerprint, before]),
    ]);
    const definitions = new Map<string, string>();
    for (const print of prints) {
      const definition = await pins.definition(server, print);
      if (definition !== undefined) definitions.set(print, definition);
    }
    await to.pins.update(server, { lists, changes: own, definitions });
    note("copied");
  }
}
