/**
 * Where an authorization server issues tokens, by its own metadata (RFC 8414, and OpenID Connect
 * Discovery, whose document has the same content). The metadata must name exactly this issuer (case
 * F12). Secrets go only to TLS, or to the operator's own machine if the issuer runs there. The HTTP
 * caller decides which addresses it may connect to.
 */
import { toPublishedUrl, wellKnownUrls } from "../outgoing/issuer_documents.ts";
import type { SendTokenRequest } from "./token_request.ts";
import type { FetchFailure } from "./stored_token.ts";
import { type CredentialDeps, refuse } from "./provider.ts";

/** Where to request tokens. */
export type FindTokenUrl = (
  signal: AbortSignal,
) => Promise<{ readonly tokenUrl: string } | FetchFailure>;

/** Makes the finder of one issuer; its result is used for some time. */
export function createIssuer(
  issuer: string,
  ask: SendTokenRequest,
  words: string,
  { clock, limits }: CredentialDeps,
): FindTokenUrl {
  let found: { readonly tokenUrl: string; readonly until: number } | undefined;
  const refuseIt = (why: string): FetchFailure => ({
    ...refuse(`${words} ${why}`),
    isRefusal: true,
  });

  const find = async (signal: AbortSignal): Promise<{ tokenUrl: string } | FetchFailure> => {
    for (const url of wellKnownUrls(issuer)) {
      const answer = await ask(
        { url, method: "GET", headers: { accept: "application/json" } },
        signal,
      );
      if ("problem" in answer) return answer;
      const { status, value } = answer;
      if (status !== 200 || value === undefined) continue;
      if (value["issuer"] !== issuer) {
        return refuseIt("names another issuer; correct credentials.issuer");
      }
      const tokenUrl = toPublishedUrl(value["token_endpoint"], issuer);
      return tokenUrl === undefined ? refuseIt("names no https: URL for tokens") : { tokenUrl };
    }
    return refuseIt(
      "has no metadata; correct credentials.issuer, or set credentials.tokenUrl",
    );
  };
  return async (signal) => {
    if (found !== undefined && clock.monotonic() < found.until) return found;
    const outcome = await find(signal);
    if ("tokenUrl" in outcome) found = { ...outcome, until: clock.monotonic() + limits.issuerMs };
    return outcome;
  };
}
