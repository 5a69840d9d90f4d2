/**
 * What this instance owns among others: its term in the shared table, renewed on the monotonic
 * clock, and the keys that it owns in it. Whether a key is owned here is known without a wait, so
 * the calls of an owned session need no command to the table. When a term has ended unnoticed, each
 * key is claimed again, and what another instance has owned since is lost.
 */
import { putWithin } from "../bounded.ts";
import { type Clock, sleep, steadyNow, withDeadline } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { InstanceFacts, LiveInstance, OwnerRow, OwnerTable } from "./owner_table.ts";

/** Whether this instance owns a key: `silent` if it does, but could not renew for too long. */
export type Holding = "held" | "silent" | "none";

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
}

/** What this instance owns. */
export interface Ownership {
  readonly name: string;
  holds(key: string): Holding;
  /**
   * The living instance that owns a key; undefined if it is this one, or none. Rejects with
   * `store_unavailable` if the table does not answer.
   */
  find(key: string): Promise<LiveInstance | undefined>;
  /** Makes this instance the owner; false if another one is. Rejects as `find`. */
  claim(key: string): Promise<boolean>;
  /**
   * Gives a key up, if it is owned here; never rejects. From now on it is not owned here, though others
   * can own it only when `before` has resolved.
   */
  release(key: string, before?: () => Promise<unknown>): Promise<void>;
  /** Forgets where a key was found, because its owner says that it is not. */
  forget(key: string): void;
  /** A living instance by its name; rejects as `find`. */
  instance(name: string): Promise<LiveInstance | undefined>;
  /** All living instances; rejects as `find`. */
  instances(): Promise<readonly LiveInstance[]>;
  /** Renews the term now, once for all that ask meanwhile; never rejects. */
  renew(): Promise<void>;
  /** Calls back for each key that another instance owns from now on. */
  onLost(listener: (key: string) => void): () => void;
  /** Calls back after each renewal, also if it failed. */
  onRenewed(listener: () => void): () => void;
  /** Takes nothing new from now on, and says so to the others. */
  leaveSoon(): Promise<void>;
  readonly isLeaving: () => boolean;
  /** The number under which a key is owned here. */
  numberOf(key: string): number | undefined;
  owned(): number;
  /** Ends the term, so that others may own at once what this instance did. */
  close(): Promise<void>;
}

/** A key that is owned here. */
interface HeldKey {
  number: number;
  /** In which term it was claimed. */
  term: number;
  /** When the table was told last that it is owned still. */
  keptAt: number;
}

/** The state of an ownership. */
interface Owning extends OwnershipOptions {
  term: number;
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
  /** Where keys were found, as their owners were then. */
  readonly routes: Map<string, LiveInstance>;
  readonly lost: Set<(key: string) => void>;
  readonly renewed: Set<() => void>;
  stopRenewing: () => void;
  /** The renewal under way. */
  renewing: Promise<void> | undefined;
}

/** Begins the first term. Rejects if the table cannot be reached. */
export async function openOwnership(options: OwnershipOptions): Promise<Ownership> {
  const { clock, name } = options;
  const owning: Owning = {
    ...options,
    term: 0,
    renewedAt: clock.monotonic(),
    isLeaving: false,
    isClosed: false,
    isFailing: false,
    hasEarlier: false,
    startedAt: Math.floor(steadyNow(clock)),
    held: new Map(),
    releasing: new Map(),
    routes: new Map(),
    lost: new Set(),
    renewed: new Set(),
    stopRenewing: () => {},
    renewing: undefined,
  };
  owning.term = await ask(owning, (table) => table.join(factsOf(owning), termOf(owning)));
  renewLater(owning, options.limits.ownerRenewMs);
  return {
    name,
    holds: (key) => holds(owning, key),
    find: (key) => find(owning, key),
    claim: (key) => claim(owning, key),
    release: (key, before) => release(owning, key, before),
    forget: (key) => void owning.routes.delete(key),
    instance: (other) => ask(owning, (table) => table.instance(other)),
    instances: () => ask(owning, (table) => table.instances()),
    renew: () => renewOnce(owning),
    onLost: (listener) => hear(owning.lost, listener),
    onRenewed: (listener) => hear(owning.renewed, listener),
    async leaveSoon() {
      owning.isLeaving = true;
      // One that is under way does not say it.
      await owning.renewing;
      await renewOnce(owning);
    },
    isLeaving: () => owning.isLeaving,
    numberOf: (key) => owning.held.get(key)?.number,
    owned: () => owning.held.size,
    async close() {
      owning.isClosed = true;
      owning.stopRenewing();
      owning.held.clear();
      await ask(owning, (table) => table.leave(name, owning.term)).catch(() => {});
    },
  };
}

function hear<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function factsOf({ name, url, isLeaving, startedAt, held, calls }: Owning): InstanceFacts {
  return {
    name,
    url,
    isDraining: isLeaving,
    startedAt,
    owned: held.size,
    calls: calls?.() ?? 0,
  };
}

function termOf({ limits }: Owning): number {
  return limits.ownerTermMs;
}

/** One command to the table, within its time. */
async function ask<Value>(
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

function isSilent({ clock, limits, renewedAt }: Owning): boolean {
  return clock.monotonic() - renewedAt > limits.ownerSilentMs;
}

function holds(owning: Owning, key: string): Holding {
  const own = owning.held.get(key);
  if (own === undefined) return "none";
  // Another instance may own what was owned in an earlier term, until it is claimed again.
  if (own.term !== owning.term) return "none";
  return isSilent(owning) ? "silent" : "held";
}

async function find(owning: Owning, key: string): Promise<LiveInstance | undefined> {
  const { routes, limits, name } = owning;
  await owning.releasing.get(key);
  const known = routes.get(key);
  if (known !== undefined) return known;
  const row = await ask(owning, (table) => table.find(key));
  if (row === undefined || row.instance === name) return undefined;
  const owner = await ask(owning, (table) => table.instance(row.instance));
  if (owner?.term !== row.term) return undefined;
  putWithin(routes, key, owner, limits.ownerRoutesMax);
  return owner;
}

async function claim(owning: Owning, key: string): Promise<boolean> {
  await owning.releasing.get(key);
  const { name, term, held } = owning;
  const before = held.get(key);
  const row = await ask(
    owning,
    (table) => table.claim(key, { instance: name, term, held: before?.number }),
  );
  return take(owning, key, term, row);
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

function lose(owning: Owning, key: string): void {
  if (owning.held.delete(key)) { for (const listener of owning.lost) listener(key); }
}

async function release(
  owning: Owning,
  key: string,
  before?: () => Promise<unknown>,
): Promise<void> {
  const { held, releasing } = owning;
  const own = held.get(key);
  if (own === undefined) return await releasing.get(key);
  held.delete(key);
  const giveUp = async (): Promise<void> => {
    await before?.();
    await ask(owning, (table) => table.release(key, own.number));
  };
  // A row that cannot be given up has no owner when this term ends.
  const released = giveUp().catch(() => {}).finally(() => releasing.delete(key));
  releasing.set(key, released);
  await released;
}

function renewLater(owning: Owning, ms: number): void {
  owning.stopRenewing();
  owning.stopRenewing = owning.clock.after(ms, () => void renewOnce(owning));
}

function renewOnce(owning: Owning): Promise<void> {
  return owning.renewing ??= renew(owning).finally(() => (owning.renewing = undefined));
}

/** Renews the term, or begins another if it has ended; never rejects. */
async function renew(owning: Owning): Promise<void> {
  const { clock, limits, log } = owning;
  owning.stopRenewing();
  // Counted from before the command: the table counts from when it gets it.
  const sentAt = clock.monotonic();
  try {
    const { term } = owning;
    const goesOn = await ask(owning, (table) => table.renew(factsOf(owning), term, termOf(owning)));
    if (owning.isClosed) return;
    if (goesOn) owning.renewedAt = Math.max(owning.renewedAt, sentAt);
    else await beginAgain(owning);
    if (owning.isFailing) log.info("The table of owners answers again", { instance: owning.name });
    owning.isFailing = false;
    renewLater(owning, limits.ownerRenewMs);
    await claimAgain(owning);
    await keepRows(owning);
  } catch (fault) {
    if (!owning.isFailing) log.warn("Cannot renew what this instance owns", { fault });
    owning.isFailing = true;
    if (!owning.isClosed) renewLater(owning, limits.ownerRetryMs);
  }
  for (const listener of owning.renewed) listener();
}

/** Begins another term: what was owned in the one before is to be claimed again. */
async function beginAgain(owning: Owning): Promise<void> {
  const { held, clock, log, name } = owning;
  const sentAt = clock.monotonic();
  owning.term = await ask(owning, (table) => table.join(factsOf(owning), termOf(owning)));
  owning.renewedAt = sentAt;
  owning.hasEarlier = held.size > 0;
  log.warn("The other instances did not hear of this one for too long", {
    instance: name,
    owned: held.size,
  });
}

/** Claims what was owned in earlier terms; what another instance has owned since is lost. */
async function claimAgain(owning: Owning): Promise<void> {
  if (!owning.hasEarlier) return;
  owning.hasEarlier = false;
  const { held, term, limits } = owning;
  const keys = [...held].flatMap(([key, own]) => own.term === term ? [] : key);
  const claimNext = async (): Promise<void> => {
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
      // It may have been released or claimed meanwhile.
      if (held.has(key) && held.get(key)?.term !== owning.term) await claim(owning, key);
    }
  };
  try {
    await Promise.all(Array.from({ length: limits.ownerClaimsMax }, claimNext));
  } catch (thrown) {
    owning.hasEarlier = true;
    throw thrown;
  }
}

/** Tells the table of some keys that they are owned still, those first that were told longest ago. */
async function keepRows(owning: Owning): Promise<void> {
  const { held, clock, limits } = owning;
  const now = clock.monotonic();
  const due: string[] = [];
  for (const [key, { keptAt }] of held) {
    if (due.length >= limits.ownerRowsRenewedMax) break;
    if (now - keptAt > limits.ownerRowMs / 3) due.push(key);
  }
  if (due.length === 0) return;
  await ask(owning, (table) => table.keep(due));
  for (const key of due) {
    const own = held.get(key);
    if (own !== undefined) own.keptAt = now;
  }
}

/**
 * Waits until a key has no living owner or another one than before; undefined if it has none.
 * Resolves with the owner as it is when the time is over.
 */
export async function untilMoved(
  ownership: Pick<Ownership, "find" | "forget">,
  key: string,
  before: LiveInstance,
  { clock, limits }: { readonly clock: Clock; readonly limits: Limits },
): Promise<LiveInstance | undefined> {
  const end = clock.monotonic() + limits.takeoverWaitMs;
  for (;;) {
    ownership.forget(key);
    const owner = await ownership.find(key);
    if (owner === undefined || owner.term !== before.term || owner.name !== before.name) {
      return owner;
    }
    if (clock.monotonic() >= end) return owner;
    await sleep(clock, limits.takeoverCheckMs);
  }
}
