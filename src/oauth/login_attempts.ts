/**
 * Attempts of people to log in, within rates by name and by address. A password of an unknown name
 * takes the same steps as one of a known name: the same rates, the same hash, the same answer.
 */
import type { Clock } from "../clock.ts";
import { networkOf } from "../ip_address.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { createAttemptRate } from "./attempt_rate.ts";
import { PasswordsBusy } from "./passwords.ts";
import type { Users } from "./users.ts";
import type { Person } from "./waiting_authorizations.ts";

/** What came of an attempt: a person, a wrong name or proof, or a wait until the next attempt. */
export type LoginOutcome =
  | { readonly state: "person"; readonly person: Person }
  | { readonly state: "wrong" }
  | { readonly state: "wait"; readonly waitMs: number };

/** Where an attempt comes from: the address of the connection, if it is known. */
export interface LoginSource {
  readonly remoteAddress?: string | undefined;
}

/** The log-ins with what the gateway itself keeps. */
export interface LoginAttempts {
  withPassword(name: string, password: string, source: LoginSource): Promise<LoginOutcome>;
  withLink(name: string, token: string, source: LoginSource): Promise<LoginOutcome>;
  /** Whether a log-in elsewhere may begin: 0, or the milliseconds to wait. */
  takeAddress(source: LoginSource): number;
}

/** What log-ins need. */
export interface LoginAttemptDeps {
  readonly users: Pick<Users, "byPassword" | "byLink">;
  readonly clock: Clock;
  readonly limits: Limits;
  /** SHA-256 of a text in hex. */
  readonly sha256: (text: string) => string;
  readonly log: Log;
}

/** Makes the log-ins of one gateway. */
export function createLoginAttempts(
  { users, clock, limits, sha256, log }: LoginAttemptDeps,
): LoginAttempts {
  const keysMax = limits.loginKeysMax;
  const names = createAttemptRate({
    clock,
    attemptsMax: limits.loginsPerNameMax,
    refillMs: limits.loginNameRefillMs,
    keysMax,
  });
  const addresses = createAttemptRate({
    clock,
    attemptsMax: limits.loginsPerAddressMax,
    refillMs: limits.loginAddressRefillMs,
    keysMax,
  });
  const takeAddress = ({ remoteAddress = "unknown" }: LoginSource): number =>
    addresses.take(networkOf(remoteAddress));
  const attempt = async (
    given: string,
    source: LoginSource,
    prove: (name: string) => Promise<Person | undefined>,
  ): Promise<LoginOutcome> => {
    const name = given.trim().normalize("NFC");
    const key = sha256(name);
    const waitMs = takeAddress(source) || names.take(key);
    if (waitMs > 0) {
      log.warn("Refused a log-in: too many attempts", {
        waitMs: Math.ceil(waitMs),
        from: source.remoteAddress,
      });
      return { state: "wait", waitMs };
    }
    try {
      const person = await prove(name);
      if (person === undefined) {
        log.warn("Refused a log-in: wrong name, password or link", { from: source.remoteAddress });
        return { state: "wrong" };
      }
      names.forgive(key);
      log.info("Logged in a user", { user: name, from: source.remoteAddress });
      return { state: "person", person };
    } catch (thrown) {
      if (!(thrown instanceof PasswordsBusy)) throw thrown;
      return { state: "wait", waitMs: limits.passwordBusyMs };
    }
  };
  return {
    takeAddress,
    withPassword: (name, password, source) =>
      attempt(name, source, (exact) => users.byPassword(exact, password)),
    withLink: (name, token, source) => attempt(name, source, (exact) => users.byLink(exact, token)),
  };
}
