/**
 * The tokens that an authenticator has verified, by their SHA-256 digests, so that the next request
 * with the same token costs no signature check, no store access and no promise. A token is
 * remembered until it expires, is forgotten, or gives way to newer ones. The token itself is never
 * here. Not here: how a token is verified.
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Principal } from "../model.ts";

/** What the tokens are remembered with. */
export interface VerifiedTokensDeps {
  readonly clock: Pick<Clock, "wall">;
  readonly limits: Pick<Limits, "verifiedTokensMax">;
}

/** Verified tokens with their principals. */
export interface VerifiedTokens {
  /** The principal of a token; undefined if it is not remembered, or has expired. */
  get(digest: string): Principal | undefined;
  /**
   * Remembers a token that was valid when its verification began. `expiresAt` is in milliseconds
   * since 1970; undefined: never. `began` is the `generation` at that moment: if anything was
   * forgotten since, the token may have been revoked meanwhile, and is not remembered.
   */
  put(
    digest: string,
    principal: Principal,
    expiresAt: number | undefined,
    began?: number,
  ): void;
  /** Forgets the tokens of the principals for which `matches` returns true. */
  forget(matches: (principal: Principal, digest: string) => boolean): void;
  /** Changes with each `forget`; see `put`. */
  readonly generation: number;
}

interface VerifiedToken {
  readonly principal: Principal;
  readonly expiresAt: number;
}

/** Makes an empty memory. */
export function createVerifiedTokens({ clock, limits }: VerifiedTokensDeps): VerifiedTokens {
  const known = new Map<string, VerifiedToken>();
  let generation = 0;
  return {
    get(digest) {
      const found = known.get(digest);
      if (found === undefined) return undefined;
      if (clock.wall() < found.expiresAt) return found.principal;
      known.delete(digest);
      return undefined;
    },
    put(digest, principal, expiresAt = Infinity, began = generation) {
      if (began !== generation || expiresAt <= clock.wall()) return;
      putWithin(known, digest, { principal, expiresAt }, limits.verifiedTokensMax);
    },
    forget(matches) {
      generation += 1;
      for (const [digest, { principal }] of known) {
        if (matches(principal, digest)) known.delete(digest);
      }
    },
    get generation() {
      return generation;
    },
  };
}
