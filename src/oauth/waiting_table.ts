/**
 * The authorization requests that wait for a person, in memory: a restart loses only requests that
 * are not approved yet, which a client makes again. Bounded in number, in all and of one network.
 * An approval stores its code before the browser is sent back.
 */
import { steadyNow } from "../clock.ts";
import { networkOf } from "../ip_address.ts";
import { userPrincipal } from "../principals.ts";
import { makeKey } from "../seal.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthClients } from "./clients.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import type { CodeBody, GrantBody } from "./oauth_rows.ts";
import { addToRedirect } from "./redirect_uris.ts";
import { digestOf, makeToken } from "./tokens.ts";
import type {
  Person,
  WaitingAuthorization,
  WaitingAuthorizations,
} from "./waiting_authorizations.ts";

/** A request that passed all checks. */
export interface CheckedAuthorization {
  readonly client: OAuthClient;
  readonly redirectUri: string;
  readonly surface: string | undefined;
  readonly scopes: readonly string[];
  readonly challenge: string;
  readonly state: string | undefined;
  readonly issuer: string;
  readonly address: string | undefined;
}

/** The requests that wait, for their maker and for pages. */
export interface WaitingTable extends WaitingAuthorizations {
  /** Adds a request; returns its id. */
  add(checked: CheckedAuthorization): string;
}

interface Entry {
  readonly checked: CheckedAuthorization;
  readonly shown: WaitingAuthorization;
}

/** Makes an empty table. */
export function createWaitingTable(deps: OAuthDeps, clients: OAuthClients): WaitingTable {
  const { clock, limits, emit } = deps;
  const entries = new Map<string, Entry>();
  const isLive = ({ shown }: Entry): boolean => steadyNow(clock) < shown.expiresAt;
  const find = (id: string): Entry | undefined => {
    const entry = entries.get(id);
    return entry !== undefined && isLive(entry) ? entry : undefined;
  };
  const senderOf = ({ address = "" }: CheckedAuthorization): string => networkOf(address);
  const makeRoom = (checked: CheckedAuthorization): void => {
    for (const [id, entry] of entries) if (!isLive(entry)) entries.delete(id);
    const byNetwork = Map.groupBy(entries, ([, entry]) => senderOf(entry.checked));
    const same = byNetwork.get(senderOf(checked)) ?? [];
    if (same.length >= limits.waitingPerAddressMax) {
      entries.delete(same[0]?.[0] ?? "");
    } else if (entries.size >= limits.waitingAuthorizationsMax) {
      // Those who have few requests keep theirs, however many a flood brings.
      const [most] = [...byNetwork.values()].toSorted((one, other) => other.length - one.length);
      entries.delete(most?.[0]?.[0] ?? "");
    }
  };
  return {
    add(checked) {
      makeRoom(checked);
      const id = makeKey();
      const expiresAt = steadyNow(clock) + limits.waitingAuthorizationMs;
      entries.set(id, { checked, shown: toShown(id, checked, expiresAt) });
      return id;
    },
    find: (id) => find(id)?.shown,
    async approve(id, person, scopes) {
      const entry = find(id);
      if (entry === undefined) return undefined;
      // An answer counts once, however often the form is sent.
      entries.delete(id);
      try {
        return await issueCode(deps, clients, entry.checked, person, scopes);
      } catch (thrown) {
        // The client was revoked meanwhile, and its request with it.
        if (thrown instanceof OAuthError) return undefined;
        throw thrown;
      }
    },
    refuse(id) {
      const entry = find(id);
      if (entry === undefined) return undefined;
      entries.delete(id);
      const { redirectUri, state, issuer, client, surface } = entry.checked;
      emit({ type: "oauth_step", step: "denied", client: client.id, surface });
      return addToRedirect(redirectUri, { error: "access_denied", state, iss: issuer });
    },
  };
}

function toShown(
  id: string,
  { client, redirectUri, surface, scopes }: CheckedAuthorization,
  expiresAt: number,
): WaitingAuthorization {
  return {
    id,
    client: {
      id: client.id,
      kind: client.kind,
      name: client.name,
      uri: client.uri,
      host: client.kind === "document" ? new URL(client.id).host : undefined,
    },
    redirectUri,
    surface,
    scopes,
    expiresAt,
  };
}

async function issueCode(
  { store, clock, limits, emit }: OAuthDeps,
  clients: OAuthClients,
  checked: CheckedAuthorization,
  { name, roles, groups }: Person,
  approved: readonly string[],
): Promise<string> {
  const { client, redirectUri, surface, challenge, state, issuer } = checked;
  const scopes = checked.scopes.filter((scope) => approved.includes(scope));
  const code = makeToken("code");
  const grant: GrantBody = {
    kind: "user",
    name,
    roles: [...roles],
    groups: [...groups],
    scopes,
    surface,
  };
  const body: CodeBody = { client: client.id, redirectUri, challenge, grant };
  const grantId = crypto.randomUUID();
  const principal = userPrincipal(name);
  const createdAt = Math.round(clock.wall());
  const row = await clients.used(client);
  // With its grant, a code goes when the person, the client or the grant is taken away.
  await store.commit({
    clients: row === undefined ? [] : [row],
    grants: [{ id: grantId, client: client.id, principal, body: { ...grant }, createdAt }],
    tokens: [{
      digest: await digestOf(code),
      grantId,
      kind: "code",
      body: { ...body },
      expiresAt: Math.round(steadyNow(clock) + limits.oauthCodeMs),
    }],
  });
  emit({ type: "oauth_step", step: "code_issued", client: client.id, principal, surface });
  return addToRedirect(redirectUri, { code, state, iss: issuer });
}
