/**
 * The memory limit for large bodies that arrive at the same time on all connections: each may be as
 * large as the limit, and a client may open hundreds. Only bytes that have arrived count, so
 * announced lengths alone refuse no request. Small bodies are exempt and pass while large ones fill
 * the limit.
 */
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";

/** The room of one listener. */
export interface BodyRoom {
  /** A body that takes no room yet. */
  open(): BodyPlace;
}

/** The place of one body. */
export interface BodyPlace {
  /** So many bytes more have arrived; throws `overloaded` where there is no room for them. */
  grow(bytes: number): void;
  /** The body is read or refused. */
  leave(): void;
}

/** Makes the room: it is empty. */
export function createBodyRoom(
  { smallBodyBytesMax, largeBodiesBytesMax }: Pick<
    Limits,
    "smallBodyBytesMax" | "largeBodiesBytesMax"
  >,
): BodyRoom {
  let total = 0;
  return {
    open() {
      let size = 0;
      let held = 0;
      return {
        grow(bytes) {
          size += bytes;
          if (size <= smallBodyBytesMax) return;
          if (total + size - held > largeBodiesBytesMax) {
            throw new GatewayError(
              "overloaded",
              "Cannot take the request body: too many large ones arrive at once; retry later",
            );
          }
          total += size - held;
          held = size;
        },
        leave() {
          total -= held;
          held = 0;
        },
      };
    },
  };
}
