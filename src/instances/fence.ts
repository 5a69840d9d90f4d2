/**
 * What keeps the late writes of an earlier owner out of the shared store: a write names the number
 * under which its instance owns the session, and the store refuses it in the same step if the table
 * of owners has a larger one. Not here: how a store does that (store/redis_fence.ts).
 */
import { GatewayError } from "../errors.ts";
import type { Ownership } from "./ownership.ts";

/** The numbers that the writes of this instance name. */
export interface Fence {
  /**
   * The number under which this instance owns a session: 0 if it does not, undefined if nothing is
   * owned, since this instance has not joined others.
   */
  numberOf(key: string): number | undefined;
  /** The store refused a write with this number: another instance owns the session since. */
  outrun(key: string, number: number): void;
  /** From now on the numbers are those of an instance among others. */
  join(ownership: Pick<Ownership, "numberOf" | "outrun">): void;
}

/** Makes a fence that refuses nothing until this instance has joined others. */
export function createFence(): Fence {
  let joined: Pick<Ownership, "numberOf" | "outrun"> | undefined;
  return {
    numberOf: (key) => joined === undefined ? undefined : joined.numberOf(key) ?? 0,
    outrun: (key, number) => joined?.outrun(key, number),
    join: (ownership) => void (joined = ownership),
  };
}

/** What a write of an earlier owner comes to: it was refused, and its client can come again. */
export function outrunError(): GatewayError {
  return new GatewayError(
    "store_unavailable",
    "Another instance of the gateway owns this session now; retry later",
  );
}
