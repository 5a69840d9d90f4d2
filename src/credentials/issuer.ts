/**
 * Where an authorization server issues tokens, by its own metadata (RFC 8414, and OpenID Connect
 * Discovery, whose document has the same content). The metadata must name exactly this issuer (case
 * F12). Secrets go only to TLS, or to the operator's own machine if the issuer runs there. The HTTP
 * caller decides which addresses it may connect to.
 */
import type { JsonObject } from "../model.ts";
import { toPublishedUrl, wellKnownUrls } from "../outgoing/issuer_documents.ts";
import type { SendTokenRequest } from "./token_request.ts";
import type { FetchFailure } from "./stored_token.ts";
import { type CredentialDeps, refuse } from "./provider.ts";

/** What an issuer says about itself. */
export interface DescribedIssuer {
  readonly issuer: string;
  readonly tokenUrl: string;
  readonly metadata: JsonObject;
}

/** Finds it. */
export type FindIssuer = (signal: AbortSignal) => Promise<DescribedIssuer | FetchFailure>;

/**
 * Makes the finder of one issuer; its result is used for some time. `key`: the place of its keys in
 * the configuration.
 */
export function createIssuer(
  issuer: string,
  ask: SendTokenRequest,
  words: string,
  { clock, limits }: CredentialDeps,
  key = "credentials",
): FindIssuer {
  let found: (DescribedIssuer & { readonly until: number }) | undefined;
  const refuseIt = (why: string): FetchFailure => ({
    ...refuse(`${words} ${why}`),
    isRefusal: true,
  });

  const find: FindIssuer = async (signal) => {
    for (const url of wellKnownUrls(issuer)) {
      const answer = await ask(
        { url, method: "GET", headers: { accept: "application/json" } },
        signal,
      );
      if ("problem" in answer) return answer;
      const { status, value } = answer;
      if (status !== 200 || value === undefined) continue;
      if (value["issuer"] !== issuer) {
        return refuseIt(`names another issuer; correct ${key}.issuer`);
      }
      const tokenUrl = toPublishedUrl(value["token_endpoint"], issuer);
      if (tokenUrl === undefined) return refuseIt("names no https: URL for tokens");
      return { issuer, tokenUrl, metadata: value };
    }
    return refuseIt(
      `has no metadata; correct ${key}.issuer, or set ${key}.tokenUrl`,
    );
  };
  return async (signal) => {
    if (found !== undefined && clock.monotonic() < found.until) return found;
    const outcome = await find(signal);
    if ("tokenUrl" in outcome) found = { ...outcome, until: clock.monotonic() + limits.issuerMs };
    return outcome;
  };
}
