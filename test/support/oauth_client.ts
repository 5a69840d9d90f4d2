/**
 * Plays a client of client_profiles.ts by hand: it finds the authorization server, identifies itself,
 * sends a person to log in, redeems the code, refreshes and revokes. It insists on what the strictest
 * of the known clients insists on, and throws where one of them would give up.
 */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { JsonObject } from "../../src/model.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { chatgptKeysUrl, type ClientProfile, type ResourceRequest } from "./client_profiles.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { initialize, jsonHeaders } from "./http_harness.ts";
import { challenge, verifier } from "./oauth_gateway.ts";
import { followAuthorization } from "./oauth_person.ts";

/** How a client reaches the gateway. */
export interface ClientSurroundings {
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** The endpoint that the person typed. */
  readonly url: string;
  readonly person: { readonly name: string; readonly password: string };
  /** The seconds of the gateway's clock, for what is signed. */
  readonly seconds: () => number;
}

/** The tokens of a client. */
export interface ClientTokens {
  readonly access: string;
  readonly refresh: string;
}

/** An answer of the token endpoint. */
export interface TokenReply {
  readonly status: number;
  readonly body: JsonObject;
}

/** A client that found its authorization server. */
export interface FoundServer {
  /** Logs in from nothing. Throws where a client would give up. */
  logIn(): Promise<ClientTokens>;
  refresh(token: string): Promise<TokenReply>;
  /** Revokes a token; the status of the answer. */
  revoke(token: string): Promise<number>;
}

/** The key pair that a client signs with. */
const keys = await generateKeyPair("ES256");

/** The platform, with the documents of these clients at their URLs and nothing else outside. */
export async function withDocuments(profiles: readonly ClientProfile[]): Promise<Runtime> {
  const published = new Map<string, { status: number; body: JsonObject }>();
  for (const { document } of profiles) {
    if (document === undefined) continue;
    published.set(document.url, { status: document.status ?? 200, body: document.body });
  }
  const key = { ...await exportJWK(keys.publicKey), alg: "ES256", kid: "one" } as JsonObject;
  published.set(chatgptKeysUrl, { status: 200, body: { keys: [key] } });
  return {
    ...await createTestRuntime(),
    request({ url }) {
      const { status, body } = published.get(url) ?? { status: 404, body: {} };
      const headers = new Headers({ "content-type": "application/json" });
      const content = new Response(JSON.stringify(body)).body as ReadableStream<Uint8Array>;
      return Promise.resolve({ status, headers, body: content });
    },
  };
}

/** Throws what a client reports when it gives up. */
function insist(condition: boolean, why: string, seen?: unknown): asserts condition {
  if (!condition) throw new Error(`The client gives up: ${why} (${JSON.stringify(seen)})`);
}

/** Asks without a token and follows the answer to the metadata of the authorization server. */
export async function findServer(
  profile: ClientProfile,
  surroundings: ClientSurroundings,
): Promise<FoundServer> {
  const { fetch, url } = surroundings;
  const response = await fetch(url, {
    method: "POST",
    headers: jsonHeaders,
    body: JSON.stringify(initialize("2025-11-25")),
  });
  await response.text();
  insist(response.status === 401, "the first answer is no 401", response.status);
  const header = response.headers.get("www-authenticate") ?? "";
  insist(/^Bearer /.test(header), "the challenge is not Bearer", header);
  const shown = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(header)?.[1];
  const resource = profile.ignoresChallenge
    ? await firstDocument(fetch, resourcePaths(url))
    : await firstDocument(fetch, [shown("resource_metadata") ?? "about:blank"]);
  insist(resource["resource"] === url, "the resource is not what the person typed", resource);
  const [issuer] = resource["authorization_servers"] as string[];
  insist(issuer !== undefined, "there is no authorization server", resource);
  const server = await firstDocument(fetch, serverPaths(issuer));
  insist(server["issuer"] === issuer, "the issuer differs", server);
  const methods = server["code_challenge_methods_supported"] as string[];
  insist(methods.includes("S256"), "there is no proof key", server);
  const scope = profile.scopesOf === "challenge"
    ? shown("scope")
    : (resource["scopes_supported"] as string[]).join(" ");
  return talkTo(profile, surroundings, server, scope);
}

/** Where clients look for the metadata of a resource, in their order. */
const resourcePaths = (url: string) => {
  const { origin, pathname } = new URL(url);
  const path = "/.well-known/oauth-protected-resource";
  return [`${origin}${path}${pathname}`, `${origin}${path}`];
};

/** Where they look for the authorization server's. */
const serverPaths = (issuer: string) => {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return ["oauth-authorization-server", "openid-configuration"].map((name) =>
    `${origin}/.well-known/${name}${path}`
  );
};

async function firstDocument(
  fetch: ClientSurroundings["fetch"],
  urls: readonly string[],
): Promise<JsonObject> {
  for (const url of urls) {
    const response = await fetch(url, { headers: { accept: "application/json" } });
    const text = await response.text();
    if (response.status === 200) return JSON.parse(text) as JsonObject;
  }
  throw new Error(`The client gives up: there is no metadata at ${urls.join(", ")}`);
}

function talkTo(
  profile: ClientProfile,
  surroundings: ClientSurroundings,
  server: JsonObject,
  scope: string | undefined,
): FoundServer {
  const { fetch, url } = surroundings;
  const endpoint = (name: string) => String(server[`${name}_endpoint`]);
  const resourceFor = (request: ResourceRequest): Record<string, string> =>
    profile.resourceIn.includes(request) ? { resource: url } : {};
  let clientId = "";
  const post = async (target: string, form: Record<string, string>): Promise<TokenReply> => {
    const proof = profile.signs ? await sign(clientId, String(server["issuer"]), surroundings) : {};
    const response = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: new URLSearchParams({ ...form, client_id: clientId, ...proof }).toString(),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  };
  return {
    async logIn() {
      clientId = await identify(profile, surroundings, server);
      const redirectUri = profile.redirectUri(
        server["authorization_response_iss_parameter_supported"] === true,
      );
      const code = await authorize(surroundings, endpoint("authorization"), {
        response_type: "code",
        client_id: clientId,
        redirect_uri: redirectUri,
        code_challenge: challenge,
        code_challenge_method: "S256",
        state: "kept-by-the-client",
        ...(scope !== undefined && { scope }),
        ...resourceFor("authorize"),
      }, String(server["issuer"]));
      const { status, body } = await post(endpoint("token"), {
        grant_type: "authorization_code",
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        ...resourceFor("code"),
      });
      insist(status === 200, "the code is refused", body);
      insist(/^bearer$/i.test(String(body["token_type"])), "it is no bearer token", body);
      return { access: String(body["access_token"]), refresh: String(body["refresh_token"]) };
    },
    refresh: (token) =>
      post(endpoint("token"), {
        grant_type: "refresh_token",
        refresh_token: token,
        ...resourceFor("refresh"),
      }),
    revoke: async (token) => (await post(endpoint("revocation"), { token })).status,
  };
}

/** The client's id: the URL of its document, or what its registration gives. */
async function identify(
  { document, registration }: ClientProfile,
  { fetch }: ClientSurroundings,
  server: JsonObject,
): Promise<string> {
  if (document !== undefined) {
    const methods = server["token_endpoint_auth_methods_supported"] as string[];
    insist(server["client_id_metadata_document_supported"] === true, "no documents", server);
    insist(methods.includes("none"), "public clients are not supported", methods);
    return document.url;
  }
  const response = await fetch(String(server["registration_endpoint"]), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(registration),
  });
  const body = await response.json() as JsonObject;
  insist(response.status === 201, "the registration is refused", body);
  const given = JSON.stringify(body["redirect_uris"]);
  insist(given === JSON.stringify(registration?.["redirect_uris"]), "redirects are missing", body);
  insist(body["token_endpoint_auth_method"] === "none", "it must have a secret", body);
  return String(body["client_id"]);
}

/** Sends the person to log in and to agree; the code in what comes back. */
async function authorize(
  { fetch, person }: ClientSurroundings,
  endpoint: string,
  params: Readonly<Record<string, string>>,
  issuer: string,
): Promise<string> {
  const redirect = await followAuthorization(`${endpoint}?${new URLSearchParams(params)}`, {
    ...person,
    send: async (request) =>
      await fetch(request.url, {
        method: request.method,
        headers: request.headers,
        ...(request.method === "POST" && { body: await request.text() }),
      }),
  });
  const query = new URL(redirect).searchParams;
  insist(redirect.startsWith(params["redirect_uri"] ?? "-"), "it came back elsewhere", redirect);
  insist(query.get("state") === params["state"], "the state differs", redirect);
  insist(query.get("iss") === issuer, "the answer is of another issuer", redirect);
  const code = query.get("code");
  insist(code !== null, "there is no code", redirect);
  return code;
}

async function sign(
  clientId: string,
  issuer: string,
  { seconds }: ClientSurroundings,
): Promise<Record<string, string>> {
  const assertion = await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .setIssuer(clientId).setSubject(clientId).setAudience(issuer)
    .setIssuedAt(seconds()).setExpirationTime(seconds() + 60)
    .sign(keys.privateKey);
  return {
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
  };
}
