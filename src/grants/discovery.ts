/**
 * From a server to its authorization server: the server's metadata, else the conventions of
 * revision 2025-03-26; then the metadata of the first authorization server that can be used. What
 * was found is used for some time, or until the server is forgotten.
 */
import { putWithin } from "../bounded.ts";
import type { CredentialFailure } from "../credentials/provider.ts";
import type { JsonObject } from "../model.ts";
import { readChallenge, type TokenChallenge } from "./challenge.ts";
import type { IssuerDeps } from "./grant_deps.ts";
import {
  GrantProblem,
  issuerWords,
  metadataWords,
  refuseIssuerMetadata,
  toGrantProblem,
} from "./grant_problem.ts";
import {
  assumedMetadata,
  type IssuerMetadata,
  readIssuerMetadata,
  takesLogins,
} from "./issuer_metadata.ts";
import { createIssuerRequests, type RequestedServer } from "./issuer_requests.ts";
import { readResourceMetadata, type ResourceMetadata, toResource } from "./resource_metadata.ts";

/** What was found about a server. */
export interface FoundIssuer extends ResourceMetadata {
  readonly metadata: IssuerMetadata;
  /** The server or its authorization server has metadata; otherwise all is assumed. */
  readonly isDescribed: boolean;
}

/** Finds authorization servers. All functions reject with a GrantProblem. */
export interface IssuerDiscovery {
  /** The authorization server of a server; `challenge` is the server's latest. */
  find(
    server: RequestedServer,
    challenge: TokenChallenge | undefined,
    signal: AbortSignal,
  ): Promise<FoundIssuer>;
  /** The metadata of an issuer that gave a grant at this server. */
  issuerOf(server: RequestedServer, issuer: string, signal: AbortSignal): Promise<IssuerMetadata>;
  /** What a server says may be new. */
  forget(server: string): void;
}

/** Something found, with its end on the monotonic clock. */
interface Remembered<Value> {
  readonly value: Value;
  readonly until: number;
}

/** A search under way, for all who wait for it; without them it ends. */
interface Search {
  readonly result: Promise<FoundIssuer>;
  readonly stop: AbortController;
  waiting: number;
}

/** Makes it; nothing is requested yet. */
export function createDiscovery(deps: IssuerDeps): IssuerDiscovery {
  const { limits, clock } = deps;
  const found = new Map<string, Remembered<FoundIssuer> & { readonly from: string }>();
  const issuers = new Map<string, Remembered<IssuerMetadata>>();
  /** By server and what it says, so that many calls ask once. */
  const searches = new Map<string, Search>();
  const until = () => clock.monotonic() + limits.issuerMs;

  const readIssuer = async (
    server: RequestedServer,
    issuer: string,
    signal: AbortSignal,
  ): Promise<IssuerMetadata | undefined> => {
    const key = JSON.stringify([server.name, server.url, issuer]);
    const known = issuers.get(key);
    if (known !== undefined && clock.monotonic() < known.until) return known.value;
    const ask = createIssuerRequests(server, issuerWords, deps);
    const value = await readIssuerMetadata(issuer, server.url, ask, limits, signal);
    if (value !== undefined) {
      putWithin(issuers, key, { value, until: until() }, limits.discoveriesMax);
    }
    return value;
  };

  const search = async (
    server: RequestedServer,
    challenge: TokenChallenge | undefined,
    signal: AbortSignal,
  ): Promise<FoundIssuer> => {
    const ask = createIssuerRequests(server, metadataWords, deps);
    const resource = await readResourceMetadata(server, challenge, ask, limits, signal);
    if (resource === undefined) {
      const { origin } = new URL(server.url);
      const metadata = await readIssuer(server, origin, signal);
      return {
        resource: toResource(server.url),
        issuers: [origin],
        scopes: undefined,
        metadata: metadata ?? assumedMetadata(origin),
        isDescribed: metadata !== undefined,
      };
    }
    let failed: unknown;
    let forMachines: FoundIssuer | undefined;
    for (const issuer of resource.issuers) {
      try {
        const metadata = await readIssuer(server, issuer, signal);
        if (metadata === undefined) {
          failed ??= refuseIssuerMetadata("has no metadata");
          continue;
        }
        const usable = { ...resource, metadata, isDescribed: true };
        if (takesLogins(metadata)) return usable;
        forMachines ??= usable;
      } catch (thrown) {
        failed ??= thrown;
      }
    }
    if (forMachines !== undefined) return forMachines;
    throw failed;
  };

  const begin = (server: RequestedServer, challenge: TokenChallenge | undefined): Search => {
    const stop = new AbortController();
    return { result: search(server, challenge, stop.signal), stop, waiting: 0 };
  };

  return {
    async find(server, challenge, signal) {
      const from = JSON.stringify([server.url, challenge?.resourceMetadata]);
      const known = found.get(server.name);
      if (known?.from === from && clock.monotonic() < known.until) return known.value;
      const key = JSON.stringify([server.name, from]);
      const running = searches.get(key) ?? begin(server, challenge);
      searches.set(key, running);
      running.waiting += 1;
      try {
        const value = await unlessAborted(running.result, signal);
        // Not if the server was forgotten meanwhile.
        if (searches.get(key) === running) {
          putWithin(found, server.name, { value, from, until: until() }, limits.discoveriesMax);
        }
        return value;
      } finally {
        running.waiting -= 1;
        if (running.waiting === 0) {
          running.stop.abort();
          if (searches.get(key) === running) searches.delete(key);
        }
      }
    },
    async issuerOf(server, issuer, signal) {
      const metadata = await readIssuer(server, issuer, signal);
      if (metadata !== undefined) return metadata;
      if (issuer === new URL(server.url).origin) return assumedMetadata(issuer);
      throw refuseIssuerMetadata("has no metadata any more");
    },
    forget(server) {
      found.delete(server);
      for (const key of searches.keys()) {
        if ((JSON.parse(key) as readonly unknown[])[0] === server) searches.delete(key);
      }
      for (const key of issuers.keys()) {
        if ((JSON.parse(key) as readonly unknown[])[0] === server) issuers.delete(key);
      }
    },
  };
}

/** The same result, unless the one who waits gives up first. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new GrantProblem("unreachable", `${metadataWords} is too slow`));
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** What a server says about its authorization server, for credentials that no person gives. */
export interface NamedIssuer {
  readonly issuer: string;
  readonly tokenUrl: string;
  /** The metadata of the authorization server (RFC 8414). */
  readonly metadata: JsonObject;
  /** The canonical URI of the server (RFC 8707). */
  readonly resource: string;
  /** What the challenge asks for, else all that the server knows. */
  readonly scopes: readonly string[];
}

/**
 * Makes the finder of one server, which is the `find` of credentials/provider.ts; `challenge`: its
 * header `WWW-Authenticate`, if there was one. Never rejects.
 */
export function createIssuerFinder(
  server: RequestedServer,
  deps: IssuerDeps,
): (
  challenge: string | undefined,
  signal: AbortSignal,
) => Promise<NamedIssuer | CredentialFailure> {
  const { limits, log } = deps;
  const discovery = createDiscovery(deps);
  return async (header, signal) => {
    const challenge = readChallenge(header, limits);
    try {
      if (header !== undefined) discovery.forget(server.name);
      const { metadata, resource, scopes } = await discovery.find(server, challenge, signal);
      return {
        issuer: metadata.issuer,
        tokenUrl: metadata.tokenEndpoint,
        metadata: metadata.document,
        resource,
        scopes: challenge?.scopes ?? scopes ?? [],
      };
    } catch (thrown) {
      log.info("Cannot find the authorization server", { server: server.name, reason: thrown });
      const { message, kind, retryAfterMs } = toGrantProblem(thrown);
      return {
        state: "failed",
        problem: message,
        isUnreachable: kind === "unreachable",
        retryAfterMs,
      };
    }
  };
}
