/** Fingerprints of tools in memory: they end with the process. */
import type { Limits } from "../limits.ts";
import type { PinnedList, PinStore, StoredChange } from "../upstream/pins.ts";
import { keepNewest, putNewest } from "./newest.ts";

/** What is kept of one server. */
interface KeptPins {
  readonly lists: Map<string, PinnedList>;
  readonly changes: Map<string, StoredChange>;
  readonly definitions: Map<string, string>;
}

/** Makes an empty store. */
export function createMemoryPins(
  { pinnedServersMax }: Pick<Limits, "pinnedServersMax">,
): PinStore {
  const servers = new Map<string, KeptPins>();
  return {
    async changes() {
      const all = [...servers].map(([name, { changes }]) =>
        [name, [...changes.values()].sort((one, other) => one.at - other.at)] as const
      );
      return new Map(all.filter(([, changes]) => changes.length > 0));
    },
    lists: async (server) => [...servers.get(server)?.lists.values() ?? []],
    definition: async (server, fingerprint) => servers.get(server)?.definitions.get(fingerprint),
    async update(server, update) {
      const kept = servers.get(server) ??
        { lists: new Map(), changes: new Map(), definitions: new Map() };
      const { lists, changes, definitions } = kept;
      const { keptDefinitions, droppedDefinitions = [] } = update;
      for (const list of update.droppedLists ?? []) lists.delete(listId(list));
      for (const change of update.droppedChanges ?? []) changes.delete(idOf(change));
      for (const print of droppedDefinitions) definitions.delete(print);
      for (const print of [...definitions.keys()]) {
        if (keptDefinitions?.has(print) === false) definitions.delete(print);
      }
      for (const list of update.lists ?? []) putNewest(lists, listId(list), list);
      for (const change of update.changes ?? []) putNewest(changes, idOf(change), change);
      for (const [print, body] of update.definitions ?? []) definitions.set(print, body);
      putNewest(servers, server, kept);
      keepNewest(servers, pinnedServersMax);
    },
    async remove(names) {
      for (const name of names) servers.delete(name);
    },
    servers: async () => [...servers.keys()],
  };
}

const listId = ({ principal, variant }: Pick<PinnedList, "principal" | "variant">): string =>
  JSON.stringify([principal, variant]);

const idOf = ({ tool, fingerprint }: Pick<StoredChange, "tool" | "fingerprint">): string =>
  JSON.stringify([tool, fingerprint]);
