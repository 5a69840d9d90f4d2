/**
 * The authorization requests that wait for a person. What is lost of them is not approved yet, and
 * its client asks again. Bounded in number, in all and of one network. An approval stores its code
 * before the browser is sent back. Not here: where they are kept (login_records.ts).
 */
import * as v from "valibot";
import { steadyNow } from "../clock.ts";
import { networkOf } from "../ip_address.ts";
import { isJsonObject } from "../json.ts";
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
  readonly surface?: string | undefined;
  readonly scopes: readonly string[];
  readonly challenge: string;
  readonly state?: string | undefined;
  readonly issuer: string;
  readonly address?: string | undefined;
}

/** The requests that wait, for their maker and for pages. */
export interface WaitingTable extends WaitingAuthorizations {
  /** Adds a request; returns its id. */
  add(checked: CheckedAuthorization): Promise<string>;
}

const text = v.string();
const optional = v.optional(text);
const form = v.object({
  /** The client with its metadata, as it was read when it asked. */
  client: v.custom<OAuthClient>(isJsonObject),
  redirectUri: text,
  surface: optional,
  scopes: v.pipe(v.array(text), v.readonly()),
  challenge: text,
  state: optional,
  issuer: text,
  address: optional,
  expiresAt: v.number(),
});
type Entry = v.InferOutput<typeof form>;

/** Makes the table; the requests of a network are a group. */
export function createWaitingTable(deps: OAuthDeps, clients: OAuthClients): WaitingTable {
  const { records, clock, limits, emit } = deps;
  const entries = records.table({
    name: "authorizations",
    form,
    lifeMs: limits.waitingAuthorizationMs,
    groupMax: limits.waitingPerAddressMax,
    allMax: limits.waitingAuthorizationsMax,
  });
  return {
    async add(checked) {
      const id = makeKey();
      const expiresAt = steadyNow(clock) + limits.waitingAuthorizationMs;
      await entries.put(id, networkOf(checked.address ?? ""), { ...checked, expiresAt });
      return id;
    },
    async find(id) {
      const entry = await entries.find(id);
      return entry && toShown(id, entry);
    },
    async approve(id, person, scopes) {
      // An answer counts once, however often the form is sent.
      const entry = await entries.take(id);
      if (entry === undefined) return undefined;
      try {
        return await issueCode(deps, clients, entry, person, scopes);
      } catch (thrown) {
        // The client was revoked meanwhile, and its request with it.
        if (thrown instanceof OAuthError) return undefined;
        throw thrown;
      }
    },
    async refuse(id) {
      const entry = await entries.take(id);
      if (entry === undefined) return undefined;
      const { redirectUri, state, issuer, client, surface } = entry;
      emit({ type: "oauth_step", step: "denied", client: client.id, surface });
      return addToRedirect(redirectUri, { error: "access_denied", state, iss: issuer });
    },
  };
}

function toShown(
  id: string,
  { client, redirectUri, surface, scopes, expiresAt }: Entry,
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
