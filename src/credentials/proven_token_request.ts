/**
 * Token requests with a proof (DPoP, RFC 9449, section 5), for every kind of grant: the key of a
 * grant, the proof of each request, and one repetition if the authorization server refuses only the
 * nonce of the proof (section 8). Without a key the request is sent as it is.
 */
import type { Clock } from "../clock.ts";
import {
  createProofKey,
  makeProof,
  type Nonces,
  type ProofKey,
  readProofKey,
} from "./dpop_proof.ts";
import type { TokenRequest, TokenResponse } from "./token_request.ts";

/** A failure in words, as the sender of requests returns it. */
interface Failed {
  readonly problem: string;
}

/** How a token request is proven. */
export interface TokenProof {
  /** Absent: bearer tokens are requested. */
  readonly key: ProofKey | undefined;
  /** The nonces of authorization servers. */
  readonly nonces: Nonces;
  readonly clock: Pick<Clock, "wall">;
}

/**
 * Sends a token request. `make` makes it for each attempt, because an assertion in it is for one
 * request only. A failure of `make` or `send` is returned as it is.
 */
export async function sendTokenRequest<Failure extends Failed>(
  proof: TokenProof,
  make: () => Promise<TokenRequest | Failure>,
  send: (request: TokenRequest) => Promise<TokenResponse | Failure>,
): Promise<TokenResponse | Failure> {
  const { key, nonces } = proof;
  const made = await make();
  if ("problem" in made || key === undefined) return "problem" in made ? made : await send(made);
  const first = await sendOnce(proof, key, made, send);
  if ("problem" in first || !isNonceRefusal(first)) return first;
  // Of an unusable nonce nothing was remembered, and a second request would be refused, too.
  if (nonces.get(made.url) !== first.headers.get("dpop-nonce")) return first;
  const again = await make();
  return "problem" in again ? again : await sendOnce(proof, key, again, send);
}

/** The key of the next token: a refresh token may be bound to the key of the one before. */
export async function keyOfGrant(stored: unknown): Promise<ProofKey> {
  return await readProofKey(stored) ?? await createProofKey();
}

async function sendOnce<Failure extends Failed>(
  { nonces, clock }: TokenProof,
  key: ProofKey,
  request: TokenRequest,
  send: (request: TokenRequest) => Promise<TokenResponse | Failure>,
): Promise<TokenResponse | Failure> {
  const { url, method, headers } = request;
  const dpop = await makeProof(key, { method, url, nonce: nonces.get(url) }, clock);
  const answer = await send({ ...request, headers: { ...headers, dpop } });
  if (!("problem" in answer)) nonces.learn(url, answer.headers);
  return answer;
}

function isNonceRefusal({ status, value }: TokenResponse): boolean {
  return status >= 400 && value?.["error"] === "use_dpop_nonce";
}
