/**
 * Admission: runs the authenticator on a request and returns its principal, or the response that
 * refuses it, with its challenge. It runs after the guard and before any surface is looked up. Not
 * here: how a client proves its identity (src/auth/).
 */
import { type Authenticator, type Challenge, isChallenge } from "../auth/authenticator.ts";
import { GatewayError } from "../errors.ts";
import { type Principal, reservedPrincipals } from "../model.ts";
import { errorResponse } from "./respond.ts";

/**
 * The principal of a request, or the response that refuses it; without a promise if the
 * authenticator returns none. Throws or rejects when the authenticator fails.
 */
export function admit(
  authenticator: Authenticator,
  request: Request,
): Principal | Response | Promise<Principal | Response> {
  const outcome = authenticator.authenticate(request);
  // An authenticator may return a promise of any library.
  return "then" in outcome ? Promise.resolve(outcome).then(toAdmission) : toAdmission(outcome);
}

function toAdmission(outcome: Principal | Challenge): Principal | Response {
  if (isChallenge(outcome)) {
    const { code, message, wwwAuthenticate } = outcome;
    return errorResponse(new GatewayError(code, message), undefined, {
      "www-authenticate": wwwAuthenticate,
    });
  }
  // With such an id a client would get what is shared, the gateway's own, or an operator's.
  if (reservedPrincipals.some(({ id }) => id === outcome.id)) {
    throw new Error(`Cannot take a client as principal "${outcome.id}": this id is reserved`);
  }
  return outcome;
}
