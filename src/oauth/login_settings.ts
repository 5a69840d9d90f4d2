/**
 * `auth.oauth.login` of `mcp.json`: how people log in, beyond the gateway's own users. An OpenID
 * provider vouches for everybody who has an account there, so who may log in must be said.
 */
import * as v from "valibot";
import { only, onlyObject } from "../config/credentials_schema.ts";
import { isIssuerName } from "../config/issuer_url.ts";
import { filledText } from "../config/key_schemas.ts";

/** Who of the provider's people may log in: one of these lists names them. */
export interface AllowedPeople {
  /** By the claim that names them. */
  readonly ids: readonly string[];
  /** By an address that the provider has verified. */
  readonly emails: readonly string[];
  /** By the domain of such an address. */
  readonly domains: readonly string[];
  readonly groups: readonly string[];
}

/** The checked settings of the provider. */
export interface OpenIdSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: the gateway is a public client there. */
  readonly clientSecret?: string | undefined;
  readonly scopes: readonly string[];
  /** The names of claims. */
  readonly claims: {
    readonly id: string;
    readonly roles?: string | undefined;
    readonly groups?: string | undefined;
  };
  /** `*`: everybody whom the provider knows. */
  readonly allow: "*" | AllowedPeople;
}

/** The checked settings. */
export interface LoginSettings {
  readonly openid?: OpenIdSettings | undefined;
}

const issuerExpected = "an https URL without a query, or an http URL of a loopback address";

const allowExpected = '"*", or an object with ids, emails, domains or groups';
const listed = v.optional(v.array(filledText, "a list of texts"), []);
const allowed = v.pipe(
  only({ ids: listed, emails: listed, domains: listed, groups: listed }),
  v.check((lists) => Object.values(lists).some((list) => list.length > 0), allowExpected),
);

const openidSchema = only({
  issuer: v.pipe(v.string(issuerExpected), v.check(isIssuerName, issuerExpected)),
  clientId: filledText,
  clientSecret: v.optional(filledText),
  scopes: v.optional(v.array(filledText, "a list of scopes"), ["openid", "profile", "email"]),
  claims: v.optional(
    onlyObject({
      id: v.optional(filledText, "sub"),
      roles: v.optional(filledText),
      groups: v.optional(filledText),
    }, "an object with names of claims"),
    { id: "sub" },
  ),
  allow: v.union([v.literal("*"), allowed], allowExpected),
});

/** The form of `auth.oauth.login`. */
export const loginSchema = v.optional(
  onlyObject({ openid: v.optional(openidSchema) }, "an object with openid"),
  {},
);
