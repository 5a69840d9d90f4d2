/**
 * Requests that prove possession of a key (RFC 9449): each request gets a proof of its own, so a
 * repeated or redirected request gets a new one. A server may demand that proofs contain a nonce of
 * its choice; a request that was refused only for its nonce is repeated once. Not here: how a proof
 * is made (credentials/dpop_proof.ts).
 */
import type { OutgoingResponse } from "../runtime/runtime.ts";

/** What an answer says about a proof. */
export type ProofAnswer = Pick<OutgoingResponse, "status" | "headers">;

/** Makes proofs for the requests of one token. */
export interface RequestProof {
  /** The headers that prove one request; they are valid for this request only. */
  headers(method: string, url: string): Promise<Readonly<Record<string, string>>>;
  /**
   * Remembers the nonce of an answer. True: the answer refuses only the nonce of the proof, and
   * gave another one, so that a new proof may be accepted.
   */
  learn(url: string, answer: ProofAnswer): boolean;
}

/** Whether a server refuses only the nonce of a proof, and not the token (RFC 9449, section 9). */
export function isNonceChallenge({ status, headers }: ProofAnswer): boolean {
  return status === 401 &&
    /(?:^|[\s,])error\s*=\s*"?use_dpop_nonce(?![\w-])/i.test(headers.get("www-authenticate") ?? "");
}

/**
 * Sends one request with a proof, and once more if the server refused only its nonce. `send` gets
 * the headers of the proof; `discard` releases an answer that is not used.
 */
export async function sendProven<Answer extends ProofAnswer>(
  proof: RequestProof | undefined,
  { method, url }: { readonly method: string; readonly url: string },
  send: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
  discard: (answer: Answer) => void,
): Promise<Answer> {
  if (proof === undefined) return await send({});
  const first = await send(await proof.headers(method, url));
  if (!proof.learn(url, first)) return first;
  discard(first);
  const second = await send(await proof.headers(method, url));
  proof.learn(url, second);
  return second;
}
