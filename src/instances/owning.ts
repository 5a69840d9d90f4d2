/**
 * The state of what one instance owns, and the claims to it: how the table is asked, and what becomes
 * of its answer.
 */
import { type Clock, withDeadline } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { InstanceFacts, LiveInstance, OwnerRow, OwnerTable } from "./owner_table.ts";

/** What ownership is made from. */
export interface OwnershipOptions {
  readonly table: OwnerTable;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  /** The name of this instance, and the base URL at which others reach it. */
  readonly name: string;
  readonly url: string;
  /** How many calls run now, for the other instances' operators. */
  readonly calls?: () => number;
  /** Hears the number of each term that begins. */
  readonly onTerm?: (term: number) => void;
}

/** A key that is owned here. */
interface HeldKey {
  number: number;
  /** In which term it was claimed. */
  term: number;
  /** When the table was told last that it is owned still. */
  keptAt: number;
}

/** What was seen of another instance. */
interface TermLook {
  /** A time of the monotonic clock. */
  readonly at: number;
  readonly lives: Promise<boolean>;
}

/** The state of an ownership. */
export interface Owning extends OwnershipOptions {
  term: number;
  /** When this term began, if it followed one that the table had lost. */
  begunAgainAt: number | undefined;
  /** When the last renewal that succeeded was sent. */
  renewedAt: number;
  isLeaving: boolean;
  isClosed: boolean;
  isFailing: boolean;
  /** Whether some keys were claimed in an earlier term. */
  hasEarlier: boolean;
  readonly startedAt: number;
  readonly held: Map<string, HeldKey>;
  /** Keys that are being given up. */
  readonly releasing: Map<string, Promise<void>>;
  /** The numbers of keys that are being given up: what is written for them until then. */
  readonly givenUp: Map<string, number>;
  /** Where keys were found, as their owners were then. */
  readonly routes: Map<string, LiveInstance>;
  /** Whether instances were in their terms a moment ago, by term and name. */
  readonly looks: Map<string, TermLook>;
  readonly lost: Set<(key: string) => void>;
  readonly renewed: Set<() => void>;
  stopRenewing: () => void;
  /** The renewal under way. */
  renewing: Promise<void> | undefined;
}

/** What this instance says of itself. */
export function factsOf({ name, url, isLeaving, startedAt, held, calls }: Owning): InstanceFacts {
  return {
    name,
    url,
    isDraining: isLeaving,
    startedAt,
    owned: held.size,
    calls: calls?.() ?? 0,
  };
}

/** One command to the table, within its time. Rejects with `store_unavailable`. */
export async function ask<Value>(
  { table, clock, limits }: Owning,
  command: (table: OwnerTable) => Promise<Value>,
): Promise<Value> {
  try {
    return await withDeadline(clock, limits.ownerCommandMs, command(table), () => {
      throw new Error("The table of owners did not answer in time");
    });
  } catch (cause) {
    throw new GatewayError("store_unavailable", unreachable, { cause });
  }
}

const unreachable = "The store that the instances of the gateway share cannot be reached; " +
  "retry later";

/**
 * Makes this instance the owner of a key; false if another one is, undefined if this term has ended,
 * in which nothing can be owned.
 */
export async function claim(owning: Owning, key: string): Promise<boolean | undefined> {
  await owning.releasing.get(key);
  const { name, term, held } = owning;
  const before = held.get(key);
  const row = await ask(
    owning,
    (table) => table.claim(key, { instance: name, term, held: before?.number }),
  );
  return row && take(owning, key, term, row);
}

/** Notes the outcome of a claim in a term; whether the key is owned here. */
function take(owning: Owning, key: string, term: number, row: OwnerRow): boolean {
  const { name, held, routes, clock } = owning;
  if (row.instance !== name || row.term !== term || owning.isClosed) {
    lose(owning, key);
    return false;
  }
  routes.delete(key);
  held.set(key, { number: row.number, term, keptAt: clock.monotonic() });
  return true;
}

/** Another instance owns a key, under a larger number. */
export function lose(owning: Owning, key: string): void {
  if (owning.held.delete(key)) { for (const listener of owning.lost) listener(key); }
}
