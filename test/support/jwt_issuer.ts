/**
 * An issuer of tokens for tests: its metadata and keys over HTTP on this machine, and tokens that it
 * signs, right or wrong. It counts what is read, and can be slow, broken or gone.
 */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import type { JsonObject } from "../../src/model.ts";
import { serveTokens, type TokenReply, type TokenRequest } from "./token_server.ts";

/** One key with its public part as the issuer shows it. */
export interface IssuerKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** A running issuer. */
export interface JwtTestIssuer {
  /** Its name, which is also the URL that it answers on. */
  readonly issuer: string;
  readonly jwksUrl: string;
  /** The keys that it shows, which a test may change. */
  keys: readonly IssuerKey[];
  /** What it answers instead of what a right issuer would, by path; undefined: the right answer. */
  instead: (request: TokenRequest) => TokenReply | undefined;
  /** How often a path was read; absent: all of them. */
  count(path?: string): number;
  /** Signs claims as they are with its first key, or another. */
  sign(claims: JsonObject, header?: JsonObject, key?: IssuerKey): Promise<string>;
  close(): Promise<void>;
}

/** Where the keys are. */
export const keysPath = "/keys";
/** Where the metadata is that is looked for first. */
export const metadataPath = "/.well-known/oauth-authorization-server";

/** Makes a key. */
export async function createIssuerKey(kid: string, alg = "ES256"): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...await exportJWK(publicKey), kid, alg } };
}

/** Starts an issuer with some keys. */
export async function startJwtIssuer(keys: readonly IssuerKey[]): Promise<JwtTestIssuer> {
  const answer = (request: TokenRequest): TokenReply => {
    const instead = issuer.instead(request);
    if (instead !== undefined) return instead;
    if (request.path === metadataPath) {
      return { body: { issuer: issuer.issuer, jwks_uri: issuer.jwksUrl } };
    }
    return request.path === keysPath
      ? { body: { keys: issuer.keys.map(({ publicJwk }) => publicJwk) } }
      : { status: 404 };
  };
  const server = await serveTokens(answer);
  const issuer: JwtTestIssuer = {
    issuer: server.origin,
    jwksUrl: `${server.origin}${keysPath}`,
    keys,
    instead: () => undefined,
    count: (path) =>
      server.requests.filter((request) => path === undefined || request.path === path).length,
    sign(claims, header = {}, key = issuer.keys[0]) {
      if (key === undefined) throw new Error("Cannot sign: the issuer has no key");
      const { kid, alg, privateKey } = key;
      return new SignJWT(claims)
        .setProtectedHeader({ alg, kid, typ: "at+jwt", ...header })
        .sign(privateKey);
    },
    close: server.close,
  };
  return issuer;
}
