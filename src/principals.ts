/** The ids of principals, and which principals are one client among others. */
import { anonymousPrincipal, type Principal, reservedPrincipals } from "./model.ts";

const reservedIds: ReadonlySet<string> = new Set(reservedPrincipals.map(({ id }) => id));

/** Whether no client can have it: the gateway itself, its operators, and what all share. */
export function isReserved({ id }: Principal): boolean {
  return reservedIds.has(id);
}

/**
 * Whether a principal is one person or program among others, who has a share of the gateway: not
 * all clients that do not authenticate, nor a reserved principal.
 */
export function standsForOne(principal: Principal): boolean {
  return principal.id !== anonymousPrincipal.id && !isReserved(principal);
}

/** The id of the principal of an API key. */
export function keyPrincipal(name: string): string {
  return `key:${name}`;
}

/** The id of the principal of a person who logs in here, or whom a provider vouches for. */
export function userPrincipal(name: string): string {
  return `user:${name}`;
}

/** The id of the principal of a client that acts for itself. */
export function clientPrincipal(id: string): string {
  return `client:${id}`;
}
