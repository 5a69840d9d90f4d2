/**
 * The clients of the authorization server: those of the settings, those that registered (RFC 7591),
 * and those whose id is the URL of a document. A client that is used is stored before anything is
 * granted to it.
 */
import { msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { makeKey, sha256Hex } from "../seal.ts";
import { createAddressRate } from "./address_rate.ts";
import { createClientDocuments, isDocumentId } from "./client_documents.ts";
import {
  type OAuthClient,
  readMetadata,
  secretDigestKey,
  toAuthentication,
  toClient,
} from "./client_metadata.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import type { ClientRow } from "./oauth_store.ts";
import { parseRedirectUri } from "./redirect_uris.ts";

/** The clients of one gateway. */
export interface OAuthClients {
  /**
   * The client of an id, for an authorization request; otherwise why there is none. `address`: who
   * asks.
   */
  forAuthorization(id: string, address?: string): Promise<OAuthClient | ClientProblem>;
  /** The client of an id at the token endpoint: a document that was used before may be older. */
  forToken(id: string, address?: string): Promise<OAuthClient | undefined>;
  /** The row of a client that is used now; undefined if it is one of the settings. */
  used(client: OAuthClient): Promise<ClientRow | undefined>;
  /** Registers a client and returns its information response (RFC 7591, 3.2.1). */
  register(body: unknown, address: string | undefined): Promise<JsonObject>;
}

/** Why a client is not known, in words for the person who is sent by it. */
export interface ClientProblem {
  readonly problem: string;
}

/** Makes the clients of one gateway. */
export function createOAuthClients(deps: OAuthDeps): OAuthClients {
  const { settings, store, limits, clock } = deps;
  const readDocument = createClientDocuments(deps);
  const rate = createAddressRate({
    usesMax: limits.registrationsPerAddressMax,
    windowMs: limits.registrationsPerAddressMs,
    addressesMax: limits.registrationAddressesMax,
    clock,
  });

  const fromDocument = async (id: string, address: string | undefined) => {
    const document = await readDocument(id, address);
    if ("problem" in document) return document;
    const row = await store.client(id);
    try {
      const client = toClient(id, "document", document.value, row?.usedAt !== undefined);
      return { ...client, document: document.value };
    } catch (thrown) {
      if (thrown instanceof OAuthError) return { problem: thrown.message };
      throw thrown;
    }
  };
  const fromStore = async (id: string): Promise<OAuthClient | undefined> => {
    const row = await store.client(id);
    return row && toClient(id, row.kind, row.body, row.usedAt !== undefined);
  };

  return {
    async forAuthorization(id, address) {
      const own = settings.clients.get(id);
      if (own !== undefined) return own;
      if (isDocumentId(id)) return await fromDocument(id, address);
      return await fromStore(id) ?? { problem: "it is not registered here" };
    },
    async forToken(id, address) {
      const own = settings.clients.get(id);
      if (own !== undefined) return own;
      if (!isDocumentId(id)) return await fromStore(id);
      const found = await fromDocument(id, address);
      return "problem" in found ? await fromStore(id) : found;
    },
    async used(client) {
      if (client.kind === "static") return undefined;
      const now = Math.round(clock.wall());
      const row = await store.client(client.id);
      const body = client.document ?? row?.body;
      if (body === undefined) throw new OAuthError("invalid_client", "The client is unknown");
      return {
        id: client.id,
        kind: client.kind,
        body,
        createdAt: row?.createdAt ?? now,
        usedAt: now,
      };
    },
    async register(body, address) {
      if (settings.registration === "off") {
        throw new OAuthError("access_denied", "Clients cannot register themselves here");
      }
      const waitMs = rate(address);
      if (waitMs !== undefined) {
        throw new OAuthError("too_many_requests", "Too many registrations; retry later", waitMs);
      }
      return await register(deps, body);
    },
  };
}

async function register(
  { store, clock, limits }: OAuthDeps,
  given: unknown,
): Promise<JsonObject> {
  const metadata = readMetadata(given);
  const uris = metadata.redirect_uris;
  if (uris.length === 0 || uris.some((uri) => parseRedirectUri(uri) === undefined)) {
    throw new OAuthError(
      "invalid_redirect_uri",
      "Expected redirect_uris with https, with http on a loopback address, or with a scheme " +
        "of the program's own",
    );
  }
  const { grant_types: grants = ["authorization_code"], response_types: responses = ["code"] } =
    metadata;
  if (!grants.includes("authorization_code") || !responses.includes("code")) {
    throw new OAuthError(
      "invalid_client_metadata",
      "Expected the grant type authorization_code and the response type code",
    );
  }
  const authentication = toAuthentication(metadata, "client_secret_basic");
  const now = Math.round(clock.wall());
  await makeRoom({ store, clock, limits });
  const id = crypto.randomUUID();
  const secret = authentication === "secret" ? makeKey() : undefined;
  const { client_name: name, client_uri: uri, jwks, jwks_uri: jwksUri } = metadata;
  const registered: JsonObject = {
    redirect_uris: uris,
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? "client_secret_basic",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    ...(name !== "" && { client_name: name }),
    ...(uri !== "" && { client_uri: uri }),
    ...(jwks !== undefined && { jwks }),
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
  };
  const stored = secret === undefined
    ? registered
    : { ...registered, [secretDigestKey]: await sha256Hex(secret) };
  await store.commit({ clients: [{ id, kind: "registration", body: stored, createdAt: now }] });
  return {
    client_id: id,
    client_id_issued_at: Math.floor(now / msPerSecond),
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    ...registered,
  };
}

/** Lets a client that was never used give way if there are too many. Throws if there is none. */
async function makeRoom({ store, clock, limits }: Pick<OAuthDeps, "store" | "clock" | "limits">) {
  if (await store.countClients() < limits.oauthClientsMax) return;
  if (await store.removeUnused(clock.wall() - limits.oauthClientFreshMs)) return;
  throw new OAuthError(
    "too_many_requests",
    "Too many clients are registered; retry later",
    limits.oauthClientFreshMs,
  );
}
