/**
 * The table of owners for instances of one process, which share the object: tests of several
 * instances, and the reference for other kinds.
 */
import { type Clock, steadyNow } from "../../src/clock.ts";
import type { Limits } from "../../src/limits.ts";
import {
  type InstanceFacts,
  type LiveInstance,
  type OwnerClaim,
  type OwnerRow,
  type OwnerTable,
} from "../../src/instances/owner_table.ts";

/** An instance, and until when its term runs. */
interface Member {
  readonly facts: LiveInstance;
  readonly until: number;
}

/** A row, and until when it is kept. */
interface KeptRow {
  readonly row: OwnerRow;
  readonly until: number;
}

/** Makes an empty table. */
export function createMemoryOwners(
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "ownerRowMs"> },
): OwnerTable {
  const members = new Map<string, Member>();
  const rows = new Map<string, KeptRow>();
  let lastTerm = 0;
  const alive = (name: string): LiveInstance | undefined => {
    const member = members.get(name);
    if (member !== undefined && member.until > clock.monotonic()) return member.facts;
    members.delete(name);
    return undefined;
  };
  const rowOf = (key: string): OwnerRow | undefined => {
    const kept = rows.get(key);
    if (kept !== undefined && kept.until > clock.monotonic()) return kept.row;
    rows.delete(key);
    return undefined;
  };
  const put = (key: string, row: OwnerRow): OwnerRow => {
    rows.set(key, { row, until: clock.monotonic() + limits.ownerRowMs });
    return row;
  };
  const begin = (facts: InstanceFacts, term: number, termMs: number): void =>
    void members.set(facts.name, {
      facts: { ...facts, term },
      until: clock.monotonic() + termMs,
    });
  return {
    async join(facts, termMs) {
      lastTerm = nextNumber(lastTerm, steadyNow(clock));
      begin(facts, lastTerm, termMs);
      return lastTerm;
    },
    async renew(facts, term, termMs) {
      if (alive(facts.name)?.term !== term) return false;
      begin(facts, term, termMs);
      return true;
    },
    async leave(name, term) {
      return alive(name)?.term === term && members.delete(name);
    },
    instances: async () => [...members.keys()].flatMap((name) => alive(name) ?? []),
    instance: async (name) => alive(name),
    find: async (key) => rowOf(key),
    async claim(key, claim) {
      const row = rowOf(key);
      const { instance, term, held } = claim;
      const owner = row && alive(row.instance);
      const isOwned = row !== undefined && owner?.term === row.term;
      if (isOwned || isOutrun(row, claim)) return row as OwnerRow;
      if (alive(instance)?.term !== term) return undefined;
      const previous = Math.max(row?.number ?? 0, held ?? 0);
      return put(key, { instance, term, number: nextNumber(previous, steadyNow(clock)) });
    },
    async release(key, number) {
      const row = rowOf(key);
      // No term has this number, so the row has no owner; its number stays.
      if (row?.number === number) put(key, { ...row, term: 0 });
    },
    async keep(keys) {
      for (const key of keys) {
        const row = rowOf(key);
        if (row !== undefined) put(key, row);
      }
    },
  };
}

/**
 * The number after another. It is not below the time, so that a table which lost its rows does not
 * give the numbers of living owners again.
 */
function nextNumber(previous: number | undefined, wallMs: number): number {
  return Math.max((previous ?? 0) + 1, Math.floor(wallMs));
}

/** Whether a row is that of an owner whose claim names an older one: another was owner since. */
function isOutrun(row: OwnerRow | undefined, { held }: OwnerClaim): boolean {
  return held !== undefined && row !== undefined && row.number > held;
}
