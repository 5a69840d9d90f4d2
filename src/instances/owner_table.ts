/**
 * The table of owners, which all instances of one gateway share. An instance is alive in terms: it
 * renews its term, and a term that ended never begins again. A row names the owner of a key (a
 * session, an open stream) by instance and term, so one renewal stands for all that an instance
 * owns. The number of a row only grows: an instance with an older one is no owner any more. It is not
 * below the time, so that a table which lost its rows does not give the numbers of living owners
 * again.
 */

/** What an instance says of itself. */
export interface InstanceFacts {
  /** Its name, which no other instance has. */
  readonly name: string;
  /** The base URL at which other instances reach it. */
  readonly url: string;
  /** It hands over what it owns and takes nothing new. */
  readonly isDraining: boolean;
  /** Wall clock, milliseconds since 1970. */
  readonly startedAt: number;
  /** What it owned when it renewed last. */
  readonly owned: number;
  /** Calls that ran then. */
  readonly calls: number;
}

/** A living instance. */
export interface LiveInstance extends InstanceFacts {
  /** The number of its term. */
  readonly term: number;
}

/** The owner of a key. */
export interface OwnerRow {
  readonly instance: string;
  readonly term: number;
  /** The fencing number: larger than that of every earlier owner of this key. */
  readonly number: number;
}

/** Who wants a key. */
export interface OwnerClaim extends Pick<OwnerRow, "instance" | "term"> {
  /**
   * The number under which it owned the key until now, in an earlier term perhaps: the claim fails if
   * another instance has owned it since.
   */
  readonly held?: number | undefined;
}

/** The shared table. Each function rejects if the table cannot be reached. */
export interface OwnerTable {
  /** Begins a term, which ends by itself after `termMs`, and returns its number. */
  join(facts: InstanceFacts, termMs: number): Promise<number>;
  /** Prolongs a term from now; false if it has ended. */
  renew(facts: InstanceFacts, term: number, termMs: number): Promise<boolean>;
  /** Ends a term, and with it all that the instance owned in it; false if it had ended before. */
  leave(name: string, term: number): Promise<boolean>;
  /** The instances whose terms run. */
  instances(): Promise<readonly LiveInstance[]>;
  instance(name: string): Promise<LiveInstance | undefined>;
  /** The row of a key; whether its owner is alive is not asked. */
  find(key: string): Promise<OwnerRow | undefined>;
  /**
   * Makes an instance the owner if the key has none that is alive, and returns the row as it is then.
   * An instance that owns the key in this term already gets its row again. Undefined: the claim's term
   * has ended, so it owns nothing.
   */
  claim(key: string, claim: OwnerClaim): Promise<OwnerRow | undefined>;
  /** Gives a key up, if it still has this number; later numbers are larger all the same. */
  release(key: string, number: number): Promise<void>;
  /** Keeps the rows of keys that are still owned from being dropped as garbage. */
  keep(keys: readonly string[]): Promise<void>;
}
