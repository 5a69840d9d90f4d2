/**
 * How the token of a grant is sent: as a bearer token (RFC 6750), or with proofs of the key that it
 * is bound to (RFC 9449).
 */
import { createNonces, createRequestProof, readProofKey } from "../credentials/dpop_proof.ts";
import { type Credential, emptyContext } from "../outgoing/authorization.ts";
import type { Grant } from "./grant.ts";
import type { IssuerDeps } from "./grant_deps.ts";

/** Makes what is sent with a grant. */
export type ToCredential = (grant: Grant) => Promise<Credential>;

/** Makes it; a key is imported once, and nonces are remembered as long as its token is used. */
export function createGrantContexts(
  { limits, clock }: Pick<IssuerDeps, "limits" | "clock">,
): ToCredential {
  const known = new WeakMap<Grant, Promise<Credential>>();
  const make = async ({ token, proofKey }: Grant): Promise<Credential> => {
    const key = await readProofKey(proofKey);
    if (key === undefined) {
      return { state: "needs_person", problem: "needs a log-in: the key of its grant is lost" };
    }
    const proof = createRequestProof(key, token, createNonces(limits), clock);
    const headers = { authorization: `DPoP ${token}` };
    return { state: "ready", context: { ...emptyContext, headers, proof }, isDegraded: false };
  };
  return (grant) => {
    if (grant.proofKey === undefined) return Promise.resolve(toBearerCredential(grant.token));
    const made = known.get(grant) ?? make(grant);
    known.set(grant, made);
    return made;
  };
}

function toBearerCredential(token: string): Credential {
  const headers = { authorization: `Bearer ${token}` };
  return { state: "ready", context: { ...emptyContext, headers }, isDegraded: false };
}
