/**
 * Hashes and checks passwords with argon2id (RFC 9106). One hash blocks the event loop for about
 * 60 ms, so they run one at a time, with as much time for other work after each as it took, and only
 * a few may wait: a flood of log-ins takes half of the event loop's time at most. A password for
 * an unknown user is checked against a hash, too: the time does not show which users exist.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";

/** Hashes and checks passwords. Both reject with `PasswordsBusy` if too many wait. */
export interface Passwords {
  /** The hash of a password in PHC form, with a new salt. */
  hash(password: string): Promise<string>;
  /** Whether a password fits a hash; without a hash it takes as long, and does not fit. */
  check(hash: string | undefined, password: string): Promise<boolean>;
}

/** Too many passwords wait to be hashed. */
export class PasswordsBusy extends Error {}

/** What hashing needs. */
export interface PasswordDeps {
  readonly limits: Pick<Limits, "passwordMemoryKib" | "passwordsWaitingMax" | "passwordCharsMax">;
  readonly clock: Pick<Clock, "monotonic" | "after">;
  /** Runs once after all that the event loop has at hand. */
  readonly nextTurn: (run: () => void) => void;
}

const passes = 2;
const lanes = 1;
const saltBytes = 16;
const hashBytes = 32;

/** Makes the hasher of one gateway. */
export function createPasswords({ limits, clock, nextTurn }: PasswordDeps): Passwords {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  /** The hash that no password fits. */
  let decoy: Promise<string> | undefined;
  /** Runs work after all earlier work, in a turn of its own. */
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    if (waiting >= limits.passwordsWaitingMax) {
      return Promise.reject(new PasswordsBusy("Too many passwords are being checked; retry later"));
    }
    waiting += 1;
    let beganAt = 0;
    const turn = last.then(() => new Promise<void>((resolve) => nextTurn(resolve))).then(() => {
      beganAt = clock.monotonic();
      return work();
    });
    last = turn.catch(() => {}).then(async () => {
      waiting -= 1;
      const tookMs = clock.monotonic() - beganAt;
      if (tookMs > 0) await new Promise<void>((resolve) => void clock.after(tookMs, resolve));
    });
    return turn;
  };
  const make = async (password: string): Promise<string> => {
    const { argon2id } = await import("hash-wasm");
    return await argon2id({
      password: normal(password),
      salt: crypto.getRandomValues(new Uint8Array(saltBytes)),
      iterations: passes,
      parallelism: lanes,
      memorySize: limits.passwordMemoryKib,
      hashLength: hashBytes,
      outputType: "encoded",
    });
  };
  return {
    hash: (password) => inTurn(() => make(password)),
    check: (hash, password) =>
      inTurn(async () => {
        const { argon2Verify } = await import("hash-wasm");
        const known = hash ?? await (decoy ??= make(crypto.randomUUID()));
        // A longer text is no password, and would only cost time.
        const shown = password.length <= limits.passwordCharsMax ? normal(password) : "-";
        const isRight = await argon2Verify({ password: shown, hash: known });
        return isRight && hash !== undefined && password.length <= limits.passwordCharsMax;
      }),
  };
}

/** The same password whatever keyboard it was typed on (RFC 8265, 4.2); never empty. */
function normal(password: string): string {
  return password.normalize("NFC") || "\0";
}
