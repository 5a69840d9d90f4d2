/**
 * The records of log-ins of one instance. A restart loses them: what is under way begins again, and
 * browsers log in again.
 */
import type { Clock } from "../clock.ts";
import type { LoginRecords, LoginTable, LoginTableRules } from "../login_records.ts";

interface Row {
  readonly group: string;
  readonly body: object;
  readonly endsAt: number;
}

/** Makes them, empty. */
export function createMemoryLogins(
  { clock }: { readonly clock: Pick<Clock, "monotonic"> },
): LoginRecords {
  const tables = new Map<string, LoginTable<object>>();
  return {
    table<Body extends object>(rules: LoginTableRules<Body>) {
      const known = tables.get(rules.name) ?? createTable(rules, clock);
      tables.set(rules.name, known);
      return known as LoginTable<Body>;
    },
  };
}

/** What is done is done before a promise is returned. */
function createTable(
  { lifeMs, groupMax, allMax }: Omit<LoginTableRules<never>, "form">,
  clock: Pick<Clock, "monotonic">,
): LoginTable<object> {
  /** The oldest first, as the ids of each group are. */
  const rows = new Map<string, Row>();
  const groups = new Map<string, Set<string>>();
  const idsOf = (group: string): string[] => [...groups.get(group) ?? []];
  const isLive = ({ endsAt }: Row): boolean => clock.monotonic() < endsAt;
  const remove = (id: string): void => {
    const { group = "" } = rows.get(id) ?? {};
    rows.delete(id);
    const own = groups.get(group);
    own?.delete(id);
    if (own?.size === 0) groups.delete(group);
  };
  const add = (id: string, row: Row): void => {
    rows.set(id, row);
    groups.set(row.group, (groups.get(row.group) ?? new Set()).add(id));
  };
  const removeFirst = (ids: Iterable<string> = []): void => {
    for (const id of ids) return remove(id);
  };
  /** All live equally long, so those that have ended are the oldest. */
  const removeEnded = (): void => {
    for (const [id, row] of rows) {
      if (isLive(row)) return;
      remove(id);
    }
  };
  const makeRoom = (group: string): void => {
    const own = groups.get(group);
    if (own !== undefined && own.size >= groupMax) return removeFirst(own);
    if (rows.size < allMax) return;
    const largest = [...groups.values()].reduce((one, other) =>
      other.size > one.size ? other : one
    );
    removeFirst(largest.size > 1 ? largest : rows.keys());
  };
  const put = (id: string, group: string, body: object): void => {
    remove(id);
    removeEnded();
    makeRoom(group);
    add(id, { group, body, endsAt: clock.monotonic() + lifeMs });
  };
  const read = (id: string): Row | undefined => {
    const row = rows.get(id);
    return row !== undefined && isLive(row) ? row : undefined;
  };
  return {
    put: async (id, group, body) => put(id, group, body),
    async claim(id, group, body) {
      if ((read(id)?.group ?? group) !== group) return false;
      put(id, group, body);
      return true;
    },
    find: async (id) => read(id)?.body,
    async take(id, group) {
      const row = read(id);
      if (row === undefined || (group ?? row.group) !== row.group) return undefined;
      remove(id);
      return row.body;
    },
    newest: async (group) => read(idsOf(group).at(-1) ?? "")?.body,
    async move(from, to) {
      for (const id of idsOf(from)) {
        const row = rows.get(id);
        groups.get(from)?.delete(id);
        if (row !== undefined) add(id, { ...row, group: to });
      }
      if (groups.get(from)?.size === 0) groups.delete(from);
    },
    async removeGroup(group) {
      for (const id of idsOf(group)) remove(id);
    },
  };
}
