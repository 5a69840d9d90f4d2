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
import { matchesAny } from "../gateway/access_decision.ts";
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
  asked: AdmissionRequest,
): Principal | Response | Promise<Principal | Response> {
  const outcome = deps.authenticator.authenticate(asked.request, asked.target);
  // An authenticator may return a promise of any library.
  return "then" in outcome
    ? Promise.resolve(outcome).then((one) => toAdmission(deps, asked, one))
    : toAdmission(deps, asked, outcome);
}

/** A request that asks to be let in. */
export interface AdmissionRequest {
  readonly request: Request;
  readonly target: AuthTarget;
  readonly fetchContext: FetchContext;
}

/**
 * The principal that an authenticator found, or the response with its challenge. Throws if the
 * principal's id is reserved.
 */
export function toAdmission(
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

/** The kinds of authenticators whose clients can ask for further scopes. */
const stepUpKinds: ReadonlySet<string> = new Set(["oauth", "jwt"]);

/** What the name of a server may hold in a scope (RFC 6749, 3.3). */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * The response to a request for a server that the credentials do not cover, whether or not there is
 * such a server: the challenge for further scopes (RFC 6750, 3.1). Undefined if they cover it, or if
 * their kind knows no scopes: such a client gets the answer for an unknown server.
 */
export function refuseServer(
  deps: AdmissionDeps,
  asked: AdmissionRequest,
  { kind = "", servers }: Principal,
  name: string,
): Response | undefined {
  if (servers === undefined || !stepUpKinds.has(kind) || matchesAny(servers, name)) {
    return undefined;
  }
  const scope = `mcp:server:${scopeToken.test(name) ? name : encodeURIComponent(name)}`;
  const challenge: Challenge = { code: "forbidden", error: "insufficient_scope", scope };
  return errorResponse(new GatewayError(challenge.code), undefined, {
    "www-authenticate": headerOf(deps, asked, challenge),
  });
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
