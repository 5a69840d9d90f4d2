/**
 * JWTs that a gateway must refuse, as rows (case H8): forged ones, and ones that the issuer signed for
 * another purpose, another time or another resource.
 */
import { createHmac } from "node:crypto";
import { CompactSign, exportSPKI, importJWK } from "jose";
import { bytesToBase64url } from "../../src/bytes_text.ts";
import type { JsonObject } from "../../src/model.ts";
import type { IssuerKey, JwtTestIssuer } from "./jwt_issuer.ts";

/** What the forger of JWTs has. */
export interface Forge {
  readonly issuer: JwtTestIssuer;
  /** Claims that the gateway would take. */
  readonly claims: JsonObject;
  /** A key that is not the issuer's. */
  readonly stranger: IssuerKey;
  /** An RSA key that the issuer shows. */
  readonly rsa: IssuerKey;
  /** A key that the issuer shows, for an algorithm that the configuration does not allow. */
  readonly disallowed: IssuerKey;
}

/** A JWT that must be refused. */
export interface JwtMutation {
  readonly name: string;
  readonly forge: (forge: Forge) => Promise<string> | string;
}

const toBytes = (text: string) => new TextEncoder().encode(text);
const encode = (value: unknown): string => bytesToBase64url(toBytes(JSON.stringify(value)));

/** A JWT with any header and payload, and an HMAC or nothing as its signature. */
function assemble(header: JsonObject, payload: unknown, secret?: string): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  const signature = secret === undefined
    ? ""
    : createHmac("sha256", secret).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}

/** Signed by the issuer, with other claims. */
const claiming = (
  name: string,
  change: (claims: JsonObject, forge: Forge) => JsonObject,
): JwtMutation => ({
  name,
  forge: (forge) => forge.issuer.sign(change(forge.claims, forge)),
});

/** Signed by the issuer, with another header. */
const headed = (name: string, header: JsonObject): JwtMutation => ({
  name,
  forge: ({ issuer, claims }) => issuer.sign(claims, header),
});

/** Signed by a stranger, with another header. */
const strange = (name: string, header: (forge: Forge) => JsonObject): JwtMutation => ({
  name,
  forge: (forge) => forge.issuer.sign(forge.claims, header(forge), forge.stranger),
});

/** Signed by the issuer, whatever the payload is. */
const carrying = (name: string, payload: (forge: Forge) => string): JwtMutation => ({
  name,
  async forge(forge) {
    const [key] = forge.issuer.keys;
    if (key === undefined) throw new Error("Cannot sign: the issuer has no key");
    return await new CompactSign(toBytes(payload(forge)))
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt" })
      .sign(key.privateKey);
  },
});

const without = (claims: JsonObject, name: string): JsonObject => {
  const { [name]: _gone, ...rest } = claims;
  return rest;
};
const publicPem = async ({ publicJwk, alg }: IssuerKey): Promise<string> =>
  await exportSPKI(await importJWK(publicJwk, alg, { extractable: true }) as CryptoKey);
const ownKid = ({ issuer }: Forge): string | undefined => issuer.keys[0]?.kid;

/** The rows for JWTs. */
export const jwtMutations: readonly JwtMutation[] = [
  ...["none", "None", "NONE", "nOnE"].map((alg): JwtMutation => ({
    name: `algorithm ${alg}, without a signature`,
    forge: (forge) => assemble({ alg, typ: "at+jwt", kid: ownKid(forge) }, forge.claims),
  })),
  {
    name: "algorithm none, with the signature of a valid token",
    async forge(forge) {
      const [, , signature] = (await forge.issuer.sign(forge.claims)).split(".");
      return `${assemble({ alg: "none", typ: "at+jwt" }, forge.claims)}${signature}`;
    },
  },
  {
    name: "HS256 with the text of the public RSA key as its secret",
    forge: async ({ claims, rsa }) =>
      assemble({ alg: "HS256", typ: "at+jwt", kid: rsa.kid }, claims, await publicPem(rsa)),
  },
  {
    name: "HS256 with the public key of the key set as its secret",
    forge: ({ claims, rsa }) =>
      assemble(
        { alg: "HS256", typ: "at+jwt", kid: rsa.kid },
        claims,
        JSON.stringify(rsa.publicJwk),
      ),
  },
  {
    name: "HS256 with an empty secret",
    forge: (forge) =>
      assemble({ alg: "HS256", typ: "at+jwt", kid: ownKid(forge) }, forge.claims, ""),
  },
  {
    name: "without an algorithm",
    forge: (forge) => assemble({ typ: "at+jwt", kid: ownKid(forge) }, forge.claims, "x"),
  },
  {
    name: "signed for an algorithm that is not allowed",
    forge: ({ issuer, claims, disallowed }) => issuer.sign(claims, {}, disallowed),
  },
  {
    name: "the algorithm of another key",
    async forge({ issuer, claims, rsa }) {
      const [, payload, signature] = (await issuer.sign(claims)).split(".");
      return `${encode({ alg: "RS256", kid: rsa.kid, typ: "at+jwt" })}.${payload}.${signature}`;
    },
  },
  strange("signed by a stranger under the issuer's key id", (forge) => ({ kid: ownKid(forge) })),
  strange("signed by a stranger without a key id", () => ({ kid: undefined })),
  strange("signed by a stranger under an unknown key id", () => ({ kid: "unknown" })),
  strange("key id that is a path", () => ({ kid: "../../../../dev/null" })),
  strange("key id that is a URL", () => ({ kid: "http://127.0.0.1:9/keys" })),
  strange("key id that is a statement", () => ({ kid: "x' UNION SELECT 'key" })),
  strange("key id that is the name of a member", () => ({ kid: "__proto__" })),
  strange("stranger's key in the header", ({ stranger }) => ({ jwk: stranger.publicJwk })),
  strange("stranger's key and the issuer's key id in the header", (forge) => ({
    kid: ownKid(forge),
    jwk: forge.stranger.publicJwk,
  })),
  strange("URL of a stranger's keys in the header", ({ issuer }) => ({ jku: issuer.jwksUrl })),
  strange("URL of a stranger's certificate", ({ issuer }) => ({ x5u: issuer.jwksUrl })),
  strange("stranger's certificate in the header", () => ({ x5c: ["MIIB"] })),
  headed("valid, with the URL of keys in the header", { jku: "http://127.0.0.1:9/keys" }),
  {
    name: "a critical extension that is not known",
    forge: (forge) =>
      assemble({ alg: "ES256", kid: ownKid(forge), crit: ["x"], x: 1 }, forge.claims, "x"),
  },
  {
    name: "a payload that is not encoded",
    forge: (forge) =>
      assemble({ alg: "ES256", kid: ownKid(forge), crit: ["b64"], b64: false }, forge.claims, "x"),
  },
  headed("type of an assertion for another server", { typ: "oauth-id-jag+jwt" }),
  headed("type of an assertion, in full", { typ: "application/OAuth-ID-JAG+JWT" }),
  headed("type of a log-out token", { typ: "logout+jwt" }),
  headed("type of a proof of possession", { typ: "dpop+jwt" }),
  headed("type that is unknown", { typ: "x" }),
  headed("type that is no text", { typ: 7 as unknown as string }),
  claiming("another audience", (claims) => ({ ...claims, aud: "https://other.example.com/mcp" })),
  claiming("without an audience", (claims) => without(claims, "aud")),
  claiming("no audience in the list", (claims) => ({ ...claims, aud: [] })),
  claiming("other audiences in the list", (claims) => ({ ...claims, aud: ["a", "b"] })),
  claiming("an audience that goes on", (claims) => ({ ...claims, aud: `${claims["aud"]}/x` })),
  claiming("an audience with a slash", (claims) => ({ ...claims, aud: `${claims["aud"]}/` })),
  claiming("an audience that is shorter", (claims) => ({
    ...claims,
    aud: new URL(String(claims["aud"])).origin,
  })),
  claiming("an audience that is an object", (claims) => ({
    ...claims,
    aud: { [String(claims["aud"])]: true },
  })),
  claiming("a list with more than texts", (claims) => ({ ...claims, aud: [claims["aud"], 1] })),
  claiming("another issuer", (claims) => ({ ...claims, iss: "https://other.example.com" })),
  claiming("without an issuer", (claims) => without(claims, "iss")),
  claiming("an issuer with a slash", (claims) => ({ ...claims, iss: `${claims["iss"]}/` })),
  claiming("an issuer in upper case", (claims) => ({
    ...claims,
    iss: String(claims["iss"]).toUpperCase(),
  })),
  claiming("a list of issuers", (claims) => ({ ...claims, iss: [claims["iss"]] })),
  claiming("expired", (claims) => ({ ...claims, exp: Number(claims["iat"]) - 61 })),
  claiming("without an end", (claims) => without(claims, "exp")),
  claiming("an end that is a text", (claims) => ({ ...claims, exp: String(claims["exp"]) })),
  claiming("an end before all time", (claims) => ({ ...claims, exp: -1 })),
  claiming("not valid yet", (claims) => ({ ...claims, nbf: Number(claims["iat"]) + 61 })),
  claiming("a beginning that is a text", (claims) => ({ ...claims, nbf: String(claims["iat"]) })),
  claiming("issued in the future", (claims) => ({ ...claims, iat: Number(claims["iat"]) + 61 })),
  claiming("a time of issue that is a text", (claims) => ({ ...claims, iat: "now" })),
  claiming("without a subject", (claims) => without(claims, "sub")),
  claiming("an empty subject", (claims) => ({ ...claims, sub: "" })),
  claiming("a subject that is a number", (claims) => ({ ...claims, sub: 7 })),
  claiming("a subject that is an object", (claims) => ({ ...claims, sub: { name: "ada" } })),
  claiming("a subject with a line break", (claims) => ({ ...claims, sub: "ada\nadmin" })),
  claiming("bound to a key of its sender", (claims) => ({ ...claims, cnf: { jkt: "x" } })),
  {
    name: "other claims under the signature of a valid token",
    async forge({ issuer, claims }) {
      const [header, , signature] = (await issuer.sign(claims)).split(".");
      return `${header}.${encode({ ...claims, sub: "admin" })}.${signature}`;
    },
  },
  {
    name: "another header over the signature of a valid token",
    async forge({ issuer, claims }) {
      const [, payload, signature] = (await issuer.sign(claims)).split(".");
      const [key] = issuer.keys;
      return `${encode({ alg: key?.alg, kid: key?.kid })}.${payload}.${signature}`;
    },
  },
  {
    name: "without its signature",
    forge: async ({ issuer, claims }) => (await issuer.sign(claims)).replace(/[^.]*$/, ""),
  },
  {
    name: "two parts",
    forge: async ({ issuer, claims }) => (await issuer.sign(claims)).replace(/\.[^.]*$/, ""),
  },
  {
    name: "five parts, as encrypted tokens have",
    forge: async ({ issuer, claims }) => `${await issuer.sign(claims)}.AAAA.AAAA`,
  },
  {
    name: "too long",
    forge: ({ issuer, claims }) => issuer.sign({ ...claims, much: "x".repeat(16_384) }),
  },
  carrying("a payload that is no JSON", () => "hello"),
  carrying("a payload that is a list", ({ claims }) => JSON.stringify([claims])),
  carrying("a payload that is a text", ({ claims }) => JSON.stringify(JSON.stringify(claims))),
];
