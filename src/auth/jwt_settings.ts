/**
 * The settings of the kind `jwt` in `mcp.json`: the issuers whose tokens the gateway takes, and what
 * it expects of these tokens. They have no secrets: the keys of an issuer are public.
 */
import * as v from "valibot";
import { ConfigError } from "../config/config_error.ts";
import { only } from "../config/credentials_schema.ts";
import { isIssuerName, isIssuerUrl } from "../config/issuer_url.ts";
import { filledText } from "../config/key_schemas.ts";
import { readKindSettings } from "../config/kind_settings.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";

/** One issuer of tokens. */
export interface JwtIssuer {
  /** Compared with `iss` byte for byte. */
  readonly issuer: string;
  /** Where its keys are; absent: its metadata says so. */
  readonly jwksUrl?: string | undefined;
  /** What `aud` may hold instead of the URL of a surface. */
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  /** How far its clock may be off. */
  readonly clockSkewSeconds: number;
  readonly claims: JwtClaimNames;
  /** Scopes that every token needs. */
  readonly requiredScope: readonly string[];
  /** The types of tokens, in lower case and without `application/`. */
  readonly types: readonly string[];
}

/** In which claims the members of a principal are: the first that a token has counts. */
export interface JwtClaimNames {
  readonly id: readonly string[];
  readonly client: readonly string[];
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly scope: readonly string[];
}

/**
 * Signatures that a public key verifies (RFC 7518, RFC 8037, RFC 9864). With an HMAC, a public key
 * could be taken for the secret (RFC 8725, 2.1).
 */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** Access tokens of RFC 9068, and tokens without a type of their own. */
const usualTypes = ["at+jwt", "jwt"];

/** What an issuer signs for other purposes than access (RFC 8725, 3.11). */
const foreignTypes: ReadonlySet<string> = new Set([
  "client-authentication+jwt",
  "dpop+jwt",
  "logout+jwt",
  "oauth-id-jag+jwt",
  "secevent+jwt",
]);

const usualClaims: JwtClaimNames = {
  id: ["sub"],
  client: ["client_id", "azp"],
  roles: ["roles"],
  groups: ["groups"],
  scope: ["scope", "scp"],
};

const usualSkewSeconds = 60;
const skewSecondsMax = 300;

const textsExpected = "a string or a list of strings";
const texts = v.union([
  v.pipe(filledText, v.transform((one) => [one])),
  v.pipe(v.array(filledText), v.nonEmpty()),
], textsExpected);

const issuerExpected = "an https: URL without query and fragment (http: only on this machine)";
const issuerUrl = v.pipe(
  v.string(issuerExpected),
  v.check(isIssuerName, issuerExpected),
);
const keysExpected = "an https: URL (http: only on this machine)";
const keysUrl = v.pipe(v.string(keysExpected), v.check(isIssuerUrl, keysExpected));

const algorithmsExpected = `a list of ${algorithms.join(", ")}`;
const skewExpected = `a whole number of seconds from 0 to ${skewSecondsMax}`;
const scopeExpected = "scopes separated by spaces";
const typesExpected =
  'a list of token types such as "at+jwt", without those that are not for access: ' +
  [...foreignTypes].join(", ");

const issuerSchema = only({
  issuer: issuerUrl,
  jwksUrl: v.optional(keysUrl),
  audience: v.optional(texts),
  algorithms: v.optional(
    v.pipe(
      v.array(v.picklist(algorithms, algorithmsExpected), algorithmsExpected),
      v.nonEmpty(algorithmsExpected),
    ),
  ),
  clockSkewSeconds: v.optional(
    v.pipe(
      v.number(skewExpected),
      v.integer(skewExpected),
      v.minValue(0, skewExpected),
      v.maxValue(skewSecondsMax, skewExpected),
    ),
  ),
  claims: v.optional(
    v.pipe(
      // A list would be an object without keys.
      v.custom<Record<string, unknown>>(isJsonObject, "an object with names of claims"),
      only({
        id: v.optional(texts),
        client: v.optional(texts),
        roles: v.optional(texts),
        groups: v.optional(texts),
        scope: v.optional(texts),
      }),
    ),
  ),
  // RFC 6749, 3.3: the header of a challenge quotes it.
  requiredScope: v.optional(
    v.pipe(
      v.string(scopeExpected),
      v.regex(/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/, scopeExpected),
    ),
  ),
  types: v.optional(
    v.pipe(
      v.array(v.pipe(filledText, v.transform(toType)), typesExpected),
      v.check((all) => all.length > 0 && !all.some((one) => foreignTypes.has(one)), typesExpected),
    ),
  ),
});

const issuersExpected = "a list of at least one issuer";
const settingsSchema = only({
  issuers: v.pipe(v.array(issuerSchema, issuersExpected), v.nonEmpty(issuersExpected)),
});

/** A token's type as it is compared (RFC 7515, 4.1.9). */
export function toType(type: string): string {
  return type.toLowerCase().replace(/^application\//, "");
}

/** The issuers. Throws a ConfigError. */
export function readJwtSettings(settings: JsonObject): readonly JwtIssuer[] {
  const { issuers } = readKindSettings("jwt", settingsSchema, settings);
  const names = issuers.map(({ issuer }) => issuer);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice >= 0) {
    throw new ConfigError([
      `Cannot use auth.jwt.issuers[${twice}].issuer in mcp.json: expected an issuer that is not ` +
      "in the list already",
    ]);
  }
  return issuers.map((one) => ({
    issuer: one.issuer,
    jwksUrl: one.jwksUrl,
    audience: one.audience ?? [],
    algorithms: one.algorithms ?? algorithms,
    clockSkewSeconds: one.clockSkewSeconds ?? usualSkewSeconds,
    claims: {
      id: one.claims?.id ?? usualClaims.id,
      client: one.claims?.client ?? usualClaims.client,
      roles: one.claims?.roles ?? usualClaims.roles,
      groups: one.claims?.groups ?? usualClaims.groups,
      scope: one.claims?.scope ?? usualClaims.scope,
    },
    requiredScope: one.requiredScope?.split(" ") ?? [],
    types: one.types ?? usualTypes,
  }));
}
