/**
 * The authorization server that issues tokens to the gateway: the one of the configuration, or, for
 * an MCP server whose configuration names none, the one that the server itself names (RFC 9728). A
 * server decides only once: if it names another one later, the gateway's secrets stay where they
 * were. What a server names is at a public address, or on this machine if the server is, too.
 */
import { isLoopback } from "../config/loopback.ts";
import type { TokenTargetConfig } from "../config/oauth_config.ts";
import { noAuthorization } from "../outgoing/authorization.ts";
import { createIssuer } from "./issuer.ts";
import {
  type CredentialDeps,
  type DiscoveredServer,
  type ProviderOptions,
  refuse,
} from "./provider.ts";
import type { FetchFailure } from "./stored_token.ts";
import { createTokenRequests, type SendTokenRequest } from "./token_request.ts";

/** Where tokens are requested. */
export interface IssuingServer extends Partial<DiscoveredServer> {
  readonly tokenUrl: string;
  /** The server named it itself. */
  readonly isDiscovered: boolean;
  readonly ask: SendTokenRequest;
}

/** Finds the server of one configuration; what was found is used for some time. */
export interface IssuingServers {
  find(signal: AbortSignal): Promise<IssuingServer | FetchFailure>;
  /** The server refused a token, with this challenge: what it says about its issuer may be new. */
  forget(challenge: string | undefined): void;
}

/** The beginning of each sentence about it. */
export const issuerWords = "has no credentials: its authorization server";

/** Makes it; nothing is requested yet. */
export function createIssuingServers(
  { issuer, tokenUrl }: TokenTargetConfig,
  { server, remote }: Pick<ProviderOptions, "server" | "remote">,
  deps: CredentialDeps,
): IssuingServers {
  const requestsOf = (url: string) =>
    createTokenRequests(
      { server, url, words: issuerWords, headers: {}, authorization: noAuthorization },
      deps,
    );
  if (tokenUrl !== undefined) {
    const ask = requestsOf(tokenUrl);
    return fixed(() => Promise.resolve({ tokenUrl, ask, isDiscovered: false }));
  }
  if (issuer !== undefined) {
    const ask = requestsOf(issuer);
    const find = createIssuer(issuer, ask, issuerWords, deps);
    return fixed(async (signal) => {
      const found = await find(signal);
      return "problem" in found ? found : { ...found, ask, isDiscovered: false };
    });
  }
  if (remote !== undefined) return createDiscovery(remote, requestsOf, deps);
  const missing = {
    ...refuse(`${issuerWords} is not known; set credentials.issuer`),
    isRefusal: true,
  };
  return fixed(() => Promise.resolve(missing));
}

function fixed(find: IssuingServers["find"]): IssuingServers {
  return { find, forget() {} };
}

function createDiscovery(
  { url, find }: NonNullable<ProviderOptions["remote"]>,
  requestsOf: (url: string) => SendTokenRequest,
  { clock, limits }: CredentialDeps,
): IssuingServers {
  let known: { readonly server: IssuingServer; readonly until: number } | undefined;
  let latest: string | undefined;
  return {
    async find(signal) {
      if (known !== undefined && clock.monotonic() < known.until) return known.server;
      const found = await find(latest, signal);
      if ("problem" in found) return { ...found, isRefusal: !found.isUnreachable };
      const ask = requestsOf(areBothHere(url, found.tokenUrl) ? found.tokenUrl : url);
      const server = { ...found, ask, isDiscovered: true };
      known = { server, until: clock.monotonic() + limits.issuerMs };
      return server;
    },
    forget(challenge) {
      latest = challenge ?? latest;
      known = undefined;
    },
  };
}

/** A server on this machine may have an authorization server on this machine. */
function areBothHere(...urls: readonly string[]): boolean {
  return urls.every((url) => isLoopback(new URL(url).hostname));
}
