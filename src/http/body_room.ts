/**
 * The memory limit for large bodies that arrive at the same time on all connections: each may be as
 * large as the limit, and a client may open hundreds. Only bytes that have arrived count, so
 * announced lengths alone refuse no request. Small bodies are exempt and pass while large ones fill
 * the limit. The bodies of one client together have a share of it, and what is beyond a share is kept
 * for clients that have no other body there; such a body may exceed the share.
 */
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";

/** The room of one listener. */
export interface BodyRoom {
  /** A body that takes no room yet. Without a sender, only the limit of all applies. */
  open(sender: BodySender | undefined): BodyPlace;
}

/** The client that sends a body. */
export interface BodySender {
  /** Its consumer, or its session on loopback. */
  readonly taker: string;
  /** The error that it gets if its bodies exceed its share. */
  refuseBody(): GatewayError;
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
  const kept = Math.max(0, largeBodiesBytesMax - principalBodiesBytesMax);
  let total = 0;
  /** What the large bodies of each client hold now. */
  const shares = new Map<string, number>();
  const addTo = (taker: string | undefined, bytes: number): void => {
    total += bytes;
    if (taker === undefined) return;
    const share = (shares.get(taker) ?? 0) + bytes;
    if (share === 0) shares.delete(taker);
    else shares.set(taker, share);
  };
  return {
    open(sender) {
      const taker = sender?.taker;
      let size = 0;
      let held = 0;
      return {
        grow(bytes) {
          size += bytes;
          if (size <= smallBodyBytesMax) return;
          const others = taker === undefined ? 0 : (shares.get(taker) ?? 0) - held;
          if (sender !== undefined && others > 0 && others + size > principalBodiesBytesMax) {
            throw sender.refuseBody();
          }
          const most = others > 0 ? largeBodiesBytesMax - kept : largeBodiesBytesMax;
          if (total + size - held > most) {
            throw new GatewayError(
              "overloaded",
              "Cannot take the request body: too many large ones arrive at once; retry later",
            );
          }
          addTo(taker, size - held);
          held = size;
        },
        leave() {
          if (held > 0) addTo(taker, -held);
          held = 0;
        },
      };
    },
  };
}
