/** Puts the authorization server together, and sweeps its store while it is open. */
import { steadyNow } from "../clock.ts";
import { createAddressRate } from "./address_rate.ts";
import { checkAuthorization } from "./authorization_request.ts";
import { authenticateClient } from "./client_authentication.ts";
import { createKeySets } from "./client_documents.ts";
import { createOAuthClients } from "./clients.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import { toMetadata } from "./oauth_metadata.ts";
import { readParams } from "./oauth_request.ts";
import type { OAuthSettings } from "./oauth_settings.ts";
import type { OAuthServer } from "./oauth_server.ts";
import { createOAuthSteering } from "./oauth_steering.ts";
import { revokeToken } from "./revocation.ts";
import { checkAccessToken } from "./token_check.ts";
import { answerTokenRequest } from "./token_endpoint.ts";
import { createWaitingTable } from "./waiting_table.ts";

/** Makes the server. */
export function createOAuthServer(given: Omit<OAuthDeps, "readKeys" | "refreshRate">): OAuthServer {
  const { settings, emit, limits, clock } = given;
  const deps: OAuthDeps = {
    ...given,
    readKeys: createKeySets(given, ownUrlsOf(settings)),
    refreshRate: createAddressRate({
      usesMax: limits.refreshesPerGrantMax,
      windowMs: limits.refreshesPerGrantMs,
      addressesMax: limits.refreshGrantsMax,
      clock,
    }),
  };
  const clients = createOAuthClients(deps);
  const waiting = createWaitingTable(deps, clients);
  return {
    settings,
    waiting,
    ...createOAuthSteering(deps),
    authorize: (request) => checkAuthorization(deps, clients, waiting, request),
    token: (request, authorization) => answerTokenRequest(deps, clients, request, authorization),
    async revoke(request, authorization) {
      const params = readParams(request.params, deps.limits);
      const client = await authenticateClient(deps, clients, params, request, authorization);
      await revokeToken(deps, client, params);
    },
    async register(body, address) {
      try {
        const answer = await clients.register(body, address);
        emit({ type: "oauth_step", step: "registered", client: String(answer["client_id"]) });
        return answer;
      } catch (thrown) {
        if (thrown instanceof OAuthError) {
          emit({ type: "oauth_step", step: "registration_refused", reason: thrown.reason });
        }
        throw thrown;
      }
    },
    metadata: (issuer, baseUrl) => toMetadata(settings, issuer, baseUrl),
    check: (token) => checkAccessToken(deps, token),
    close: keepSwept(deps),
  };
}

/** The URLs of key sets that the operator wrote down. */
function ownUrlsOf({ clients, assertionIssuers }: OAuthSettings): string[] {
  const ofClients = [...clients.values()].flatMap(({ jwksUri }) => jwksUri ?? []);
  return [...ofClients, ...assertionIssuers.map(({ jwksUri }) => jwksUri)];
}

/** Sweeps the store now and then until the returned function is called. */
function keepSwept({ store, clock, limits, settings, log }: OAuthDeps): () => void {
  let cancel = (): void => {};
  let isClosed = false;
  const sweep = async (): Promise<void> => {
    // A jump forward ends no log-in that is under way.
    const now = Math.min(clock.wall(), steadyNow(clock));
    await store.sweep({
      now,
      unusedBefore: now - limits.oauthClientUnusedMs,
      idleBefore: now - settings.refreshTokenMs,
    }).catch((fault) => log.warn("Cannot remove expired tokens", { fault }));
    if (!isClosed) plan();
  };
  const plan = (): void => {
    cancel = clock.after(limits.oauthSweepMs, () => void sweep());
  };
  plan();
  return () => {
    isClosed = true;
    cancel();
  };
}
