/**
 * The authenticator that requires no credentials: every request has the principal `anonymous`. Use
 * it for a gateway that only its own machine can reach. Clients share everything that belongs to a
 * principal, but never a session.
 */
import { anonymousPrincipal, type Principal } from "../model.ts";
import type { Authenticator } from "./authenticator.ts";

/** The principal of every request while clients do not authenticate. */
export const anonymous: Principal = anonymousPrincipal;

/** Makes the authenticator. */
export function createNoAuthenticator(): Authenticator {
  return { authenticate: () => anonymous, letsAllIn: true };
}
