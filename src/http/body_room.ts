/**
 * The memory limit for large bodies that arrive at the same time on all connections: each may be as
 * large as the limit, and a client may open hundreds. Only bytes that have arrived count, so
 * announced lengths alone refuse no request. Small bodies are exempt and pass while large ones fill
 * the limit. The bodies of one principal together have a share of it, so that others find room; its
 * only body may exceed the share.
 */
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";

/** The room of one listener. */
export interface BodyRoom {
  /** A body that takes no room yet; `sender`: whose it is, if it is one principal's. */
  open(sender: BodySender | undefined): BodyPlace;
}

/** One principal that sends bodies. */
export interface BodySender {
  readonly id: string;
  /** The error that it gets if its bodies exceed its share. */
  readonly refusal: () => GatewayError;
}

/** The place of one body. */
export interface BodyPlace {
  /** So many bytes more have arrived; throws `overloaded`, or the sender's refusal. */
  grow(bytes: number): void;
  /** The body is read or refused. */
  leave(): void;
}

/** Makes the room: it is empty. */
export function createBodyRoom(
  { smallBodyBytesMax, largeBodiesBytesMax, principalBodiesBytesMax }: Pick<
    Limits,
    "smallBodyBytesMax" | "largeBodiesBytesMax" | "principalBodiesBytesMax"
  >,
): BodyRoom {
  let total = 0;
  /** What the large bodies of each principal hold now. */
  const shares = new Map<string, number>();
  const addTo = (sender: BodySender | undefined, bytes: number): void => {
    total += bytes;
    if (sender === undefined) return;
    const share = (shares.get(sender.id) ?? 0) + bytes;
    if (share === 0) shares.delete(sender.id);
    else shares.set(sender.id, share);
  };
  return {
    open(sender) {
      let size = 0;
      let held = 0;
      return {
        grow(bytes) {
          size += bytes;
          if (size <= smallBodyBytesMax) return;
          const others = sender === undefined ? 0 : (shares.get(sender.id) ?? 0) - held;
          if (sender !== undefined && others > 0 && others + size > principalBodiesBytesMax) {
            throw sender.refusal();
          }
          if (total + size - held > largeBodiesBytesMax) {
            throw new GatewayError(
              "overloaded",
              "Cannot take the request body: too many large ones arrive at once; retry later",
            );
          }
          addTo(sender, size - held);
          held = size;
        },
        leave() {
          addTo(sender, -held);
          held = 0;
        },
      };
    },
  };
}
