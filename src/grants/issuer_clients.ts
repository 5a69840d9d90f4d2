/**
 * As which client the gateway logs in at an authorization server, in the order that MCP prescribes
 * ("Client Registration"): one that was registered by hand, the gateway's own document (Client ID
 * Metadata Document), or one that the gateway registers (RFC 7591). A registration serves one
 * issuer and one redirect URI, and never another.
 */
import * as v from "valibot";
import { addWithin } from "../bounded.ts";
import { isLoopback } from "../config/loopback.ts";
import { createSecretReader, type WantedSecret } from "../credentials/secret.ts";
import { msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import type { ClientAuthMethod, ClientRegistration, Grant } from "./grant.ts";
import type { GrantDeps } from "./grant_deps.ts";
import { GrantProblem, issuerWords, refuseIssuer } from "./grant_problem.ts";
import type { IssuerMetadata } from "./issuer_metadata.ts";
import { createIssuerRequests } from "./issuer_requests.ts";
import { callbackPath, clientMetadataPath } from "./login_place.ts";
import type { ProtectedServer } from "./server_grants.ts";

/** A client as it identifies itself. */
export interface IssuerClient {
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  readonly authMethod: ClientAuthMethod;
  /** How it came to be; only what was registered can be registered again. */
  readonly origin: "by_hand" | "document" | "registered";
}

/** The clients of a gateway. */
export interface IssuerClients {
  /** The client of a new log-in, registered if necessary. Rejects with a GrantProblem. */
  forLogin(
    server: ProtectedServer,
    metadata: IssuerMetadata,
    redirectUri: string,
    signal: AbortSignal,
  ): Promise<IssuerClient>;
  /** The client that a grant was given to; `server`: undefined if it was removed. */
  forGrant(
    server: ProtectedServer | undefined,
    metadata: IssuerMetadata,
    grant: Grant,
    signal: AbortSignal,
  ): Promise<IssuerClient>;
  /** The issuer refuses this registration: the next log-in registers again. */
  forget(issuer: string, redirectUri: string): Promise<void>;
  /** The issuer does not know this client any more: the next log-in registers again. */
  reject(issuer: string, clientId: string): void;
  /** An answer came back from the issuer. */
  answered(issuer: string, redirectUri: string): Promise<void>;
}

/** Makes them. */
export function createIssuerClients(deps: GrantDeps): IssuerClients {
  const { store, limits, clock } = deps;
  const readSecrets = createSecretReader(deps);
  /** Log-ins in a row without an answer: the issuer may have shown an error to the person. */
  const unanswered = deps.records.table({
    name: "unanswered",
    form: v.object({ count: v.number() }),
    lifeMs: limits.unansweredLoginMs,
    groupMax: limits.discoveriesMax,
    allMax: limits.discoveriesMax,
  });
  const rejected = new Set<string>();
  const keyOf = (issuer: string, redirectUri: string) => JSON.stringify([issuer, redirectUri]);

  const byHand = async (
    { oauth: { clientId, clientSecret } }: ProtectedServer,
    methods: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<IssuerClient | undefined> => {
    if (clientId === undefined) return undefined;
    const wanted: WantedSecret[] = [{ secret: clientId, key: "oauth.clientId", place: "body" }];
    if (clientSecret !== undefined) {
      wanted.push({ secret: clientSecret, key: "oauth.clientSecret", place: "body" });
    }
    const read = await readSecrets(wanted, signal);
    if ("problem" in read) throw new GrantProblem("refused", read.problem);
    const [id = "", secret] = read.texts;
    const authMethod = secret === undefined ? "none" : secretMethod(methods);
    return { clientId: id, clientSecret: secret, authMethod, origin: "by_hand" };
  };

  const registered = async (
    server: ProtectedServer,
    metadata: IssuerMetadata,
    redirectUri: string,
    signal: AbortSignal,
  ): Promise<IssuerClient> => {
    const { issuer } = metadata;
    const key = keyOf(issuer, redirectUri);
    const { count = 0 } = await unanswered.find(key) ?? {};
    const kept = await store.findRegistration(issuer, redirectUri);
    const isKept = kept !== undefined && count < limits.unansweredLoginsMax &&
      !rejected.has(keyOf(issuer, kept.clientId)) &&
      clock.wall() < (kept.secretExpiresAt ?? Infinity);
    await unanswered.put(key, issuer, { count: isKept ? count + 1 : 1 });
    if (isKept) return { ...kept, origin: "registered" };
    const registration = await register(server, metadata, redirectUri, deps, signal);
    if (registration.clientSecret !== undefined) deps.addSecrets([registration.clientSecret]);
    await store.saveRegistration(registration);
    deps.emit({ type: "grant_step", step: "registered", server: server.name, issuer });
    return { ...registration, origin: "registered" };
  };

  return {
    async forLogin(server, metadata, redirectUri, signal) {
      const own = await byHand(server, metadata.authMethods, signal);
      if (own !== undefined) {
        await assertSameIssuer(server, metadata.issuer, own.clientId, deps);
        return own;
      }
      const document = documentOf(server, metadata, redirectUri, deps.publicUrl);
      if (document !== undefined) {
        return { clientId: document, authMethod: "none", origin: "document" };
      }
      return await registered(server, metadata, redirectUri, signal);
    },
    async forGrant(server, metadata, { clientId, clientSecret, authMethod }, signal) {
      if (authMethod !== undefined) {
        return { clientId, clientSecret, authMethod, origin: "registered" };
      }
      const own = server && await byHand(server, metadata.authMethods, signal);
      if (own?.clientId === clientId) return own;
      throw refuseIssuer("gave the log-in to another client than the configured one");
    },
    async forget(issuer, redirectUri) {
      await unanswered.take(keyOf(issuer, redirectUri));
      await store.removeRegistration(issuer, redirectUri);
    },
    reject: (issuer, clientId) =>
      addWithin(rejected, keyOf(issuer, clientId), limits.discoveriesMax),
    answered: async (issuer, redirectUri) => void await unanswered.take(keyOf(issuer, redirectUri)),
  };
}

/** A client by hand belongs to the issuer where it was used first ("Authorization Server Binding"). */
async function assertSameIssuer(
  { name }: ProtectedServer,
  issuer: string,
  clientId: string,
  { store }: GrantDeps,
): Promise<void> {
  const grants = await store.list(name);
  const other = grants.find(({ key, grant }) =>
    grant !== "unreadable" && grant.clientId === clientId && key.issuer !== issuer
  );
  if (other === undefined) return;
  throw refuseIssuer(
    `is "${issuer}" now, but the client was used at "${other.key.issuer}"; correct ` +
      "oauth.clientId, or log out of the server first",
  );
}

/** The URL of the gateway's own document, if the issuer takes it. */
function documentOf(
  { oauth: { clientMetadataUrl } }: ProtectedServer,
  { takesDocuments, authMethods }: IssuerMetadata,
  redirectUri: string,
  publicUrl: string | undefined,
): string | undefined {
  if (!takesDocuments || authMethods?.includes("none") === false) return undefined;
  if (clientMetadataUrl !== undefined) return clientMetadataUrl;
  // The document names the callback below the public URL, and no other.
  const base = publicUrl?.replace(/\/$/, "");
  return base?.startsWith("https://") === true && redirectUri === `${base}${callbackPath}`
    ? `${base}${clientMetadataPath}`
    : undefined;
}

async function register(
  server: ProtectedServer,
  { issuer, registrationEndpoint, authMethods }: IssuerMetadata,
  redirectUri: string,
  deps: GrantDeps,
  signal: AbortSignal,
): Promise<ClientRegistration> {
  if (registrationEndpoint === undefined) {
    throw refuseIssuer("does not register clients; register one there, and set oauth.clientId");
  }
  const asked = registeredMethod(authMethods);
  const ask = createIssuerRequests(server, issuerWords, deps);
  const { status, value } = await ask({
    url: registrationEndpoint,
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({
      client_name: deps.identity.name,
      software_id: deps.identity.name,
      software_version: deps.identity.version,
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: asked,
      application_type: isLoopback(new URL(redirectUri).hostname) ? "native" : "web",
    }),
  }, signal);
  const read = (status === 200 || status === 201) && value !== undefined
    ? readRegistration(value, asked, deps.limits.grantTextCharsMax)
    : undefined;
  if (read !== undefined) return { issuer, redirectUri, ...read };
  const code = registrationErrors.has(value?.["error"]) ? String(value?.["error"]) : undefined;
  throw refuseIssuer(
    `does not register the gateway (${code ?? `status ${status}`}); register a client there, ` +
      "and set oauth.clientId",
    code,
  );
}

/** The error words of RFC 7591, section 3.2.2. */
const registrationErrors: ReadonlySet<unknown> = new Set([
  "access_denied",
  "invalid_client_metadata",
  "invalid_redirect_uri",
  "invalid_software_statement",
  "unapproved_software_statement",
]);

function readRegistration(value: JsonObject, asked: ClientAuthMethod, charsMax: number) {
  const { client_id: id, client_secret: secret, client_secret_expires_at: end } = value;
  const isText = (text: unknown): text is string =>
    typeof text === "string" && text !== "" && text.length <= charsMax;
  if (!isText(id)) return undefined;
  const method = methods.find((known) => known === value["token_endpoint_auth_method"]) ?? asked;
  if (!isText(secret)) return { clientId: id, authMethod: "none" as const };
  const expires = typeof end === "number" && end > 0 ? { secretExpiresAt: end * msPerSecond } : {};
  return { clientId: id, clientSecret: secret, authMethod: method, ...expires };
}

const methods: readonly ClientAuthMethod[] = ["none", "client_secret_basic", "client_secret_post"];

/** The method to register with. Without a list, `client_secret_basic` is meant (RFC 8414, 2). */
function registeredMethod(supported: readonly string[] = ["client_secret_basic"]) {
  const method = methods.find((known) => supported.includes(known));
  if (method !== undefined) return method;
  throw refuseIssuer("takes no kind of client that the gateway can register");
}

function secretMethod(supported: readonly string[] | undefined): ClientAuthMethod {
  const isBasic = supported === undefined || supported.includes("client_secret_basic");
  return isBasic ? "client_secret_basic" : "client_secret_post";
}
