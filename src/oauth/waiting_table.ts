/**
 * The authorization requests that wait for a person, in memory: a restart loses only requests that
 * are not approved yet, which a client makes again. Bounded in number, in all and of one address.
 * An approval stores its code before the browser is sent back.
 */
import { userPrincipal } from "../principals.ts";
import { makeKey } from "../seal.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthClients } from "./clients.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import type { CodeBody } from "./oauth_rows.ts";
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
  /** Whether the request named it: then the token request must, too. */
  readonly isRedirectGiven: boolean;
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
  const isLive = ({ shown }: Entry): boolean => clock.wall() < shown.expiresAt;
  const find = (id: string): Entry | undefined => {
    const entry = entries.get(id);
    return entry !== undefined && isLive(entry) ? entry : undefined;
  };
  const makeRoom = (address: string | undefined): void => {
    for (const [id, entry] of entries) if (!isLive(entry)) entries.delete(id);
    const same = [...entries].filter(([, { checked }]) => checked.address === address);
    const oldest = same.length >= limits.waitingPerAddressMax
      ? same[0]
      : entries.size >= limits.waitingAuthorizationsMax
      ? [...entries][0]
      : undefined;
    if (oldest !== undefined) entries.delete(oldest[0]);
  };
  return {
    add(checked) {
      makeRoom(checked.address);
      const id = makeKey();
      const expiresAt = clock.wall() + limits.waitingAuthorizationMs;
      entries.set(id, { checked, shown: toShown(id, checked, expiresAt) });
      return id;
    },
    find: (id) => find(id)?.shown,
    async approve(id, person, scopes) {
      const entry = find(id);
      if (entry === undefined) return undefined;
      // An answer counts once, however often the form is sent.
      entries.delete(id);
      return await issueCode(deps, clients, entry.checked, person, scopes);
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
  const { client, redirectUri, isRedirectGiven, surface, challenge, state, issuer } = checked;
  const scopes = checked.scopes.filter((scope) => approved.includes(scope));
  const code = makeToken("code");
  const body: CodeBody = {
    client: client.id,
    redirectUri,
    isRedirectGiven,
    challenge,
    grant: {
      kind: "user",
      name,
      roles: [...roles],
      groups: [...groups],
      scopes,
      surface,
    },
  };
  const row = await clients.used(client);
  await store.commit({
    clients: row === undefined ? [] : [row],
    tokens: [{
      digest: await digestOf(code),
      grantId: crypto.randomUUID(),
      kind: "code",
      body: { ...body },
      expiresAt: Math.round(clock.wall() + limits.oauthCodeMs),
    }],
  });
  const principal = userPrincipal(name);
  emit({ type: "oauth_step", step: "code_issued", client: client.id, principal, surface });
  return addToRedirect(redirectUri, { code, state, iss: issuer });
}
