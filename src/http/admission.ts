/**
 * Admission: runs the authenticator on a request and returns its principal, or the response that
 * refuses it, with its challenge. It runs after the guard and before any surface is looked up. Not
 * here: how a client proves its identity (src/auth/).
 */
import {
  type Authentication,
  type Authenticator,
  type AuthTarget,
  type Challenge,
  isChallenge,
} from "../auth/authenticator.ts";
import { GatewayError } from "../errors.ts";
import { type Principal, reservedPrincipals } from "../model.ts";
import type { FetchContext } from "../runtime/runtime.ts";
import type { BaseUrl } from "./gateway_url.ts";
import { errorResponse } from "./respond.ts";

/** What admission needs. */
export interface AdmissionDeps {
  readonly authenticator: Authenticator;
  readonly baseUrl: BaseUrl;
}

/** Where the metadata of protected resources is (RFC 9728, 3.1); the resource's path follows. */
export const resourceMetadataPath = "/.well-known/oauth-protected-resource";

/** The scopes that a challenge names if the request needs no particular ones. */
export const usualScope = "mcp offline_access";

/**
 * The principal of a request, or the response that refuses it; without a promise if the
 * authenticator returns none. Throws or rejects when the authenticator fails.
 */
export function admit(
  deps: AdmissionDeps,
  request: Request,
  target: AuthTarget,
  fetchContext: FetchContext,
): Principal | Response | Promise<Principal | Response> {
  const outcome = deps.authenticator.authenticate(request, target);
  // An authenticator may return a promise of any library.
  const asked = { request, target, fetchContext };
  return "then" in outcome
    ? Promise.resolve(outcome).then((one) => toAdmission(deps, asked, one))
    : toAdmission(deps, asked, outcome);
}

/** A request that asks to be let in. */
interface AdmissionRequest {
  readonly request: Request;
  readonly target: AuthTarget;
  readonly fetchContext: FetchContext;
}

function toAdmission(
  deps: AdmissionDeps,
  asked: AdmissionRequest,
  outcome: Authentication,
): Principal | Response {
  if (isChallenge(outcome)) {
    const { code, message } = outcome;
    return errorResponse(new GatewayError(code, message), undefined, {
      "www-authenticate": headerOf(deps, asked, outcome),
    });
  }
  // With such an id a client would get what is shared, the gateway's own, or an operator's.
  if (reservedPrincipals.some(({ id }) => id === outcome.id)) {
    throw new Error(`Cannot take a client as principal "${outcome.id}": this id is reserved`);
  }
  return outcome;
}

/** The challenge as a header: RFC 6750, 3, with the metadata of RFC 9728, 5.1. */
function headerOf(
  { authenticator, baseUrl }: AdmissionDeps,
  { request, target: { path, surface }, fetchContext }: AdmissionRequest,
  { wwwAuthenticate, error, scope = usualScope }: Challenge,
): string {
  if (wwwAuthenticate !== undefined) return wwwAuthenticate;
  const { issuers = [], hasOwnIssuer = false } = authenticator;
  const isFindable = (hasOwnIssuer || issuers.length > 0) &&
    (authenticator.isDiscoverable?.(surface) ?? true);
  const params = !isFindable ? { realm: "mcp-wrapper", error } : {
    error,
    resource_metadata: `${baseUrl(request, fetchContext)}${resourceMetadataPath}${path}`,
    scope,
  };
  const pairs = Object.entries(params).filter(([, value]) => value !== undefined);
  return `Bearer ${pairs.map(([name, value]) => `${name}="${value}"`).join(", ")}`;
}
