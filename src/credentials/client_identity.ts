/**
 * How the gateway authenticates to an authorization server: its secret in a header or in the body
 * (RFC 6749, 2.3.1), or an assertion that is signed with its key (`private_key_jwt`: RFC 7523, 2.2
 * and 3). An assertion is for one request and is never stored. A client without a secret and
 * without a key sends only its id.
 */
import { importJWK, importPKCS8, type JWK, SignJWT } from "jose";
import type { OAuthClientConfig } from "../config/oauth_config.ts";
import { isJsonObject } from "../json.ts";
import { msPerSecond } from "../limits.ts";
import { toClientBasic } from "../outgoing/client_secret_basic.ts";
import type { IssuingServer } from "./issuing_server.ts";
import type { CredentialDeps } from "./provider.ts";

/** The settings of a client whose id may be missing. */
export type ClientRules = Pick<
  OAuthClientConfig,
  "clientAuthentication" | "algorithm" | "keyId"
>;

/** The texts of a client's secrets. */
export interface ClientTexts {
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly privateKey?: string | undefined;
}

/** A token request that is being made. */
export interface TokenForm {
  readonly form: URLSearchParams;
  readonly headers: Record<string, string>;
}

/** The key of assertions is not usable; the message continues a sentence, without the key. */
export class UnusableKey extends Error {
  override name = "UnusableKey";
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Adds the client's identity to a request. Rejects with `UnusableKey`. */
export async function identify(
  rules: ClientRules,
  { clientId, clientSecret, privateKey }: ClientTexts,
  server: Pick<IssuingServer, "issuer" | "tokenUrl">,
  { form, headers }: TokenForm,
  deps: Pick<CredentialDeps, "clock" | "limits" | "addSecrets">,
): Promise<void> {
  if (clientId === undefined) return;
  if (rules.clientAuthentication === "private_key_jwt") {
    // The issuer's name is the audience that every server knows; its token URL is the older one.
    const audience = server.issuer ?? server.tokenUrl;
    const assertion = await signAssertion(rules, clientId, privateKey ?? "", audience, deps);
    deps.addSecrets([assertion]);
    form.set("client_id", clientId);
    form.set("client_assertion_type", assertionType);
    form.set("client_assertion", assertion);
    return;
  }
  if (rules.clientAuthentication === "basic" && clientSecret !== undefined) {
    headers["authorization"] = toClientBasic(clientId, clientSecret);
    return;
  }
  form.set("client_id", clientId);
  if (clientSecret !== undefined) form.set("client_secret", clientSecret);
}

async function signAssertion(
  rules: ClientRules,
  clientId: string,
  keyText: string,
  audience: string,
  { clock, limits }: Pick<CredentialDeps, "clock" | "limits">,
): Promise<string> {
  const { key, algorithm, keyId } = await readKey(rules, keyText);
  const now = Math.floor(clock.wall() / msPerSecond);
  return await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: algorithm, ...(keyId === undefined ? {} : { kid: keyId }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + limits.clientAssertionMs / msPerSecond)
    .sign(key)
    .catch(() => {
      throw new UnusableKey(`does not fit ${algorithm}; set its algorithm`);
    });
}

async function readKey({ algorithm, keyId }: ClientRules, text: string) {
  const jwk = toJwk(text);
  const used = algorithm ?? (typeof jwk?.["alg"] === "string" ? jwk["alg"] : "ES256");
  const kid = keyId ?? (typeof jwk?.["kid"] === "string" ? jwk["kid"] : undefined);
  try {
    const key = jwk === undefined
      // A variable of the environment often has "\n" in the place of line breaks.
      ? await importPKCS8(text.replaceAll("\\n", "\n").trim(), used)
      : await importJWK(toPrivate(jwk), used);
    return { key, algorithm: used, keyId: kid };
  } catch {
    throw new UnusableKey(
      `is not a private key for ${used}, as PEM (PKCS #8: "BEGIN PRIVATE KEY") or as JWK; ` +
        "convert it, or set its algorithm",
    );
  }
}

function toJwk(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A symmetric key or a public one signs nothing that the other side may trust. */
function toPrivate(jwk: Readonly<Record<string, unknown>>): JWK {
  if (jwk["kty"] === "oct" || typeof jwk["d"] !== "string") throw new Error("no private key");
  return jwk as JWK;
}
