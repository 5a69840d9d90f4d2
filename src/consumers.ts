/**
 * Consumers: the clients whose shares of bounded things are counted, such as processes, sessions,
 * streams and requests. The rule:
 *
 * - A principal is one consumer, whatever it has open.
 * - While clients do not authenticate, those of a gateway that only its own machine can reach are
 *   told apart by their sessions: each session is a consumer, and all requests without a session
 *   together are one.
 * - Elsewhere such a client is known by its address, or by its network if the address is IPv6:
 *   behind a trusted proxy, the address that the proxy names (http/client_address.ts).
 *
 * A consumer says how much a client may take, never what it may see or use: the principal and the
 * scope decide that. Not here: from which requests each rule is read (http/consumer_rule.ts).
 */
import { anonymousPrincipal, type Caller, type Principal } from "./model.ts";

/** All clients of this machine that neither authenticate nor have a session. */
export const localConsumer = "local";

/** What precedes the id of a principal. */
const ofPrincipal = "principal ";

const named = new WeakMap<Principal, string>();

/** The consumer that a principal is; undefined of clients that do not authenticate. */
export function consumerOfPrincipal(principal: Principal): string | undefined {
  if (principal.id === anonymousPrincipal.id) return undefined;
  const known = named.get(principal);
  if (known !== undefined) return known;
  const consumer = `${ofPrincipal}${principal.id}`;
  named.set(principal, consumer);
  return consumer;
}

/** The consumer at an address; `network` is the address, or the network of an IPv6 address. */
export function consumerAt(network: string): string {
  return `address ${network}`;
}

/** The consumer of a session, by that of its latest request; `key` is the session's own. */
export function consumerOfSession(consumer: string, key: string): string {
  return consumer === localConsumer ? key : consumer;
}

/** The id of the principal that a consumer is, or that of clients that do not authenticate. */
export function principalIdOf(consumer: string): string {
  return consumer.startsWith(ofPrincipal)
    ? consumer.slice(ofPrincipal.length)
    : anonymousPrincipal.id;
}

/** The consumer for which a call is made. */
export function consumerOf(
  { consumer, principal }: Pick<Caller, "consumer" | "principal">,
): string {
  return consumer ?? consumerOfPrincipal(principal) ?? localConsumer;
}

/**
 * Whether a consumer has a share of what all have. A session on loopback has bounds of its own, and
 * the requests without a session there are all of one machine: only the bounds of all limit them.
 */
export function hasShare(consumer: string): boolean {
  return consumer.startsWith(ofPrincipal) || consumer.startsWith("address ");
}
