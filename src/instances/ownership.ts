/**
 * What this instance owns among others: the keys that it owns in its term of the shared table.
 * Whether a key is owned here is known without a wait, so the calls of an owned session need no
 * command to the table. Not here: how a term is renewed (term_renewal.ts).
 */
import { putWithin } from "../bounded.ts";
import { type Clock, sleep, steadyNow } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { LiveInstance } from "./owner_table.ts";
import { ask, claim, lose, type OwnershipOptions, type Owning } from "./owning.ts";
import { beginTerm, renewLater, renewOnce } from "./term_renewal.ts";

/** Whether this instance owns a key: `silent` if it does, but could not renew for too long. */
export type KeyHolding = "held" | "silent" | "none";

/** What this instance owns. */
export interface Ownership {
  readonly name: string;
  holds(key: string): KeyHolding;
  /**
   * The living instance that owns a key; undefined if it is this one, or none. Rejects with
   * `store_unavailable` if the table does not answer.
   */
  find(key: string): Promise<LiveInstance | undefined>;
  /**
   * Whether living instances may own keys that the table does not know: it has lost the rows of this
   * one, so it has lost theirs. Rejects as `find`.
   */
  mayLack(): Promise<boolean>;
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
  /**
   * Whether an instance is still in a term, as it was at most `takeoverCheckMs` ago: those who ask
   * meanwhile share one command. Rejects as `find`.
   */
  lives(one: Pick<LiveInstance, "name" | "term">): Promise<boolean>;
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
  /** The number under which a key is owned here, or is being given up. */
  numberOf(key: string): number | undefined;
  /** The table has a larger number for a key that was owned here under this one. */
  outrun(key: string, number: number): void;
  owned(): number;
  /** Ends the term, so that others may own at once what this instance did. */
  close(): Promise<void>;
}

/** Begins the first term. Rejects if the table cannot be reached. */
export async function openOwnership(options: OwnershipOptions): Promise<Ownership> {
  const { clock, name } = options;
  const owning: Owning = {
    ...options,
    term: 0,
    begunAgainAt: undefined,
    renewedAt: clock.monotonic(),
    isLeaving: false,
    isClosed: false,
    isFailing: false,
    hasEarlier: false,
    startedAt: Math.floor(steadyNow(clock)),
    held: new Map(),
    releasing: new Map(),
    givenUp: new Map(),
    routes: new Map(),
    looks: new Map(),
    lost: new Set(),
    renewed: new Set(),
    stopRenewing: () => {},
    renewing: undefined,
  };
  await beginTerm(owning);
  renewLater(owning, options.limits.ownerRenewMs);
  return {
    name,
    holds: (key) => holds(owning, key),
    find: (key) => find(owning, key),
    mayLack: () => mayLack(owning),
    claim: (key) => claimNow(owning, key),
    release: (key, before) => release(owning, key, before),
    forget: (key) => void owning.routes.delete(key),
    instance: (other) => ask(owning, (table) => table.instance(other)),
    lives: (one) => lives(owning, one),
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
    numberOf: (key) => owning.held.get(key)?.number ?? owning.givenUp.get(key),
    outrun(key, number) {
      if (owning.held.get(key)?.number === number) lose(owning, key);
    },
    owned: () => owning.held.size,
    async close() {
      owning.isClosed = true;
      owning.stopRenewing();
      // What is written last is still that of the owner.
      for (const [key, { number }] of owning.held) owning.givenUp.set(key, number);
      owning.held.clear();
      await ask(owning, (table) => table.leave(name, owning.term)).catch(() => {});
    },
  };
}

function hear<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function isSilent({ clock, limits, renewedAt }: Owning): boolean {
  return clock.monotonic() - renewedAt > limits.ownerSilentMs;
}

function holds(owning: Owning, key: string): KeyHolding {
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

function lives(
  owning: Owning,
  { name, term }: Pick<LiveInstance, "name" | "term">,
): Promise<boolean> {
  const { clock, limits, looks } = owning;
  const id = `${term} ${name}`;
  const at = clock.monotonic();
  const known = looks.get(id);
  if (known !== undefined && at - known.at < limits.takeoverCheckMs) return known.lives;
  const found = ask(owning, (table) => table.instance(name)).then((one) => one?.term === term);
  putWithin(looks, id, { at, lives: found }, limits.ownerLooksMax);
  return found;
}

async function mayLack(owning: Owning): Promise<boolean> {
  const { clock, limits, name, term } = owning;
  const own = await ask(owning, (table) => table.instance(name));
  if (own?.term !== term) await renewOnce(owning);
  const { begunAgainAt } = owning;
  return begunAgainAt !== undefined && clock.monotonic() - begunAgainAt < limits.ownerReturnMs;
}

/** Claims a key in a term that runs: one that ended unnoticed is followed by another one first. */
async function claimNow(owning: Owning, key: string): Promise<boolean> {
  const isOwned = isSilent(owning) ? undefined : await claim(owning, key);
  if (isOwned !== undefined) return isOwned;
  await renewOnce(owning);
  return await claim(owning, key) === true;
}

async function release(
  owning: Owning,
  key: string,
  before?: () => Promise<unknown>,
): Promise<void> {
  const { held, releasing, givenUp } = owning;
  const own = held.get(key);
  if (own === undefined) return await releasing.get(key);
  held.delete(key);
  givenUp.set(key, own.number);
  const giveUp = async (): Promise<void> => {
    await before?.();
    await ask(owning, (table) => table.release(key, own.number));
  };
  // A row that cannot be given up has no owner when this term ends.
  const released = giveUp().catch(() => {}).finally(() => {
    releasing.delete(key);
    givenUp.delete(key);
  });
  releasing.set(key, released);
  await released;
}

/** How often a key itself is looked at while its owner lives, who may give it away. */
const looksPerKey = 8;

/**
 * Waits until a key has no living owner or another one than before; undefined if it has none.
 * Resolves with the owner as it is at the end, a time of the monotonic clock, or when `signal`
 * aborts. However many keys of a dead owner are waited for, it is looked at once for all of them.
 */
export async function untilMoved(
  ownership: Pick<Ownership, "find" | "forget" | "lives">,
  key: string,
  before: LiveInstance,
  end: number,
  { clock, limits, signal }: {
    readonly clock: Clock;
    readonly limits: Limits;
    readonly signal?: AbortSignal;
  },
): Promise<LiveInstance | undefined> {
  for (let look = 0;; look += 1) {
    if (look % looksPerKey === 0 || !await ownership.lives(before)) {
      ownership.forget(key);
      const owner = await ownership.find(key);
      if (owner === undefined || owner.term !== before.term || owner.name !== before.name) {
        return owner;
      }
    }
    if (signal?.aborted === true || clock.monotonic() >= end) return before;
    await sleep(clock, limits.takeoverCheckMs, signal);
  }
}
