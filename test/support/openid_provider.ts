/**
 * An OpenID provider on this machine, without its own log-in page: it redirects back at once, as for
 * a person who is logged in there. A test can make each of its answers wrong.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bytesToBase64url } from "../../src/bytes_text.ts";

/** What a test decides. */
export interface ProviderChoices {
  /** Members of the metadata, in the place of its own. */
  metadata?: Readonly<Record<string, unknown>>;
  /** Claims of the ID token, in the place of its own; undefined leaves one out. */
  claims?: Readonly<Record<string, unknown>>;
  /** Whether the token is signed with another key than the published one. */
  isForged?: boolean;
  /** Parameters of the redirect back, in the place of its own. */
  response?: Readonly<Record<string, string>>;
  /** Where the token endpoint redirects to. */
  tokenRedirect?: string;
}

/** The provider. */
export interface TestProvider {
  readonly issuer: string;
  readonly choices: ProviderChoices;
  /** Where the provider sends the browser that opens this URL of it. */
  answer(authorizationUrl: string): string;
  /** The paths that were requested. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export const clientId = "gateway";
export const clientSecret = "secret-of-the-gateway";

const encode = (value: unknown) =>
  bytesToBase64url(new TextEncoder().encode(JSON.stringify(value)));

/** Starts it; `now` is in milliseconds since 1970. */
export async function startProvider(now: () => number): Promise<TestProvider> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
  const [keys, others] = await Promise.all([
    crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]),
    crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]),
  ]);
  const jwk = { ...await crypto.subtle.exportKey("jwk", keys.publicKey), kid: "k", alg: "ES256" };
  const choices: ProviderChoices = {};
  const requests: string[] = [];
  const nonces = new Map<string, string>();
  let issuer = "";
  const sign = async (claims: object): Promise<string> => {
    const text = `${encode({ alg: "ES256", kid: "k", typ: "JWT" })}.${encode(claims)}`;
    const key = choices.isForged ? others.privateKey : keys.privateKey;
    const how = { name: "ECDSA", hash: "SHA-256" };
    const signature = await crypto.subtle.sign(how, key, new TextEncoder().encode(text));
    return `${text}.${bytesToBase64url(new Uint8Array(signature))}`;
  };
  const metadata = () => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
    authorization_response_iss_parameter_supported: true,
    ...choices.metadata,
  });
  const token = async (body: string) => {
    const seconds = Math.floor(now() / 1_000);
    const nonce = nonces.get(new URLSearchParams(body).get("code") ?? "");
    const claims = {
      iss: issuer,
      aud: clientId,
      sub: "42",
      iat: seconds,
      exp: seconds + 300,
      nonce,
    };
    return {
      access_token: "at",
      token_type: "Bearer",
      id_token: await sign({ ...claims, ...choices.claims }),
    };
  };
  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    requests.push(path);
    let body = "";
    for await (const chunk of request) body += chunk;
    const answers: Record<string, () => unknown> = {
      "/.well-known/openid-configuration": metadata,
      "/jwks": () => ({ keys: [jwk] }),
      "/token": () => token(body),
    };
    if (path === "/token" && choices.tokenRedirect !== undefined) {
      response.writeHead(307, { location: choices.tokenRedirect }).end();
      return;
    }
    const value = await answers[path]?.();
    response.writeHead(value === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(value ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    choices,
    requests,
    answer(authorizationUrl) {
      const { searchParams } = new URL(authorizationUrl);
      const code = crypto.randomUUID();
      nonces.set(code, searchParams.get("nonce") ?? "");
      const back = new URL(searchParams.get("redirect_uri") ?? "");
      const state = searchParams.get("state") ?? "";
      const params = { code, state, iss: issuer, ...choices.response };
      for (const [name, value] of Object.entries(params)) back.searchParams.set(name, value);
      return back.href;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
