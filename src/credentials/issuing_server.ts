/**
 * The authorization server that issues tokens to the gateway: the one of the configuration, or, for
 * an MCP server whose configuration names none, the one that the server itself names (RFC 9728). A
 * server decides only once: if it names another one later, the gateway's secrets stay where they
 * were. What a server names is at a public address, or on this machine if the server is, too.
 */
import { isLoopback } from "../config/loopback.ts";
import type { TokenTargetConfig } from "../config/oauth_config.ts";
import { noAuthorization } from "../outgoing/authorization.ts";
import { createPlainCaller } from "../outgoing/plain_caller.ts";
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
  if (remote !== undefined) {
    return createDiscovery(remote, createProbe(server, remote.url, deps), requestsOf, deps);
  }
  const missing = {
    ...refuse(`${issuerWords} is not known; set credentials.issuer`),
    isRefusal: true,
  };
  return fixed(() => Promise.resolve(missing));
}

function fixed(find: IssuingServers["find"]): IssuingServers {
  return { find, forget() {} };
}

/** The challenge of a server to a request without credentials; undefined if it sends none. */
type Probe = (signal: AbortSignal) => Promise<string | undefined>;

/** Makes a request that changes nothing: only its refusal is of interest. */
function createProbe(server: string, url: string, deps: CredentialDeps): Probe {
  const { limits } = deps;
  const answerBytesMax = limits.credentialBytesMax;
  const caller = createPlainCaller({ ...deps, server, url, answerBytesMax });
  const headers = { accept: "text/event-stream" };
  return async (signal) => {
    try {
      const request = { url, method: "GET", headers, timeoutMs: limits.issuerReadMs };
      const answer = await caller.call(request, signal);
      void answer.body.cancel().catch(() => {});
      return answer.status === 401
        ? answer.headers.get("www-authenticate") ?? undefined
        : undefined;
    } catch (thrown) {
      // The metadata may be there all the same.
      deps.log.debug(`Cannot ask server "${server}" for its challenge`, { error: thrown });
      return undefined;
    }
  };
}

function createDiscovery(
  { url, find }: NonNullable<ProviderOptions["remote"]>,
  probe: Probe,
  requestsOf: (url: string) => SendTokenRequest,
  { clock, limits }: CredentialDeps,
): IssuingServers {
  let known: { readonly server: IssuingServer; readonly until: number } | undefined;
  let latest: string | undefined;
  return {
    async find(signal) {
      if (known !== undefined && clock.monotonic() < known.until) return known.server;
      latest ??= await probe(signal);
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
