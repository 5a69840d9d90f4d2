/**
 * What a client says about itself: in a registration (RFC 7591, 2) and in the document at its id.
 * Checked member by member; unknown members are ignored. Not here: where clients come from
 * (clients.ts), and static ones (oauth_settings.ts).
 */
import * as v from "valibot";
import { defaultLimits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { OAuthError } from "./oauth_error.ts";
import { parseRedirectUri } from "./redirect_uris.ts";
import type { OAuthClientKind } from "./waiting_authorizations.ts";

/** How a client proves at the token endpoint who it is; `secret`: either way to send one. */
export type ClientAuthentication = "none" | "secret" | "key";

/** A client, whatever it comes from. */
export interface OAuthClient {
  readonly id: string;
  readonly kind: OAuthClientKind;
  readonly name?: string | undefined;
  readonly uri?: string | undefined;
  readonly redirectUris: readonly string[];
  readonly authentication: ClientAuthentication;
  /** SHA-256 of its secret. */
  readonly secretDigest?: string | undefined;
  readonly jwks?: JsonObject | undefined;
  readonly jwksUri?: string | undefined;
  /** Grant types beyond those of a log-in, which only the settings give. */
  readonly machine?: MachineClient | undefined;
  /** Whether it may send people to log in. */
  readonly mayLogIn: boolean;
  /** Whether a person approved it once, so that errors may be sent to its redirect URI. */
  readonly isTrusted: boolean;
  /** The document at its id, as it was read; absent: it has none. */
  readonly document?: JsonObject | undefined;
}

/** What a client gets for itself, without a person. */
export interface MachineClient {
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly groups: readonly string[];
}

/** The methods on the wire and what they are here. */
export const authenticationMethods: Readonly<Record<string, ClientAuthentication>> = {
  none: "none",
  client_secret_basic: "secret",
  client_secret_post: "secret",
  private_key_jwt: "key",
};

const { redirectUrisMax, redirectUriCharsMax, clientTextCharsMax, clientMetadataCharsMax } =
  defaultLimits;

const text = v.optional(v.fallback(v.pipe(v.string(), v.maxLength(clientTextCharsMax)), ""), "");
const texts = v.optional(v.array(v.string()));

const metadataSchema = v.object({
  redirect_uris: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.maxLength(redirectUriCharsMax))),
      v.maxLength(redirectUrisMax),
    ),
    [],
  ),
  token_endpoint_auth_method: v.optional(v.string()),
  grant_types: texts,
  response_types: texts,
  client_name: text,
  client_uri: text,
  jwks: v.optional(v.looseObject({ keys: v.array(v.looseObject({})) })),
  jwks_uri: v.optional(v.pipe(v.string(), v.maxLength(redirectUriCharsMax))),
});

/** The members that are understood. */
export type ClientMetadata = v.InferOutput<typeof metadataSchema>;

/** Reads metadata. Throws `invalid_client_metadata` with the member that is wrong. */
export function readMetadata(value: unknown): ClientMetadata {
  const parsed = v.safeParse(metadataSchema, value);
  if (parsed.success && JSON.stringify(parsed.output).length <= clientMetadataCharsMax) {
    return parsed.output;
  }
  if (parsed.success) throw new OAuthError("invalid_client_metadata", "There is too much of it");
  const where = v.getDotPath(parsed.issues[0]) ?? "the body";
  throw new OAuthError("invalid_client_metadata", `Cannot use ${where}: it has the wrong form`);
}

/** The method of authentication; absent: `fallback`. Throws `invalid_client_metadata`. */
export function toAuthentication(
  { token_endpoint_auth_method: method, jwks, jwks_uri: jwksUri }: ClientMetadata,
  fallback: string,
): ClientAuthentication {
  const name = method ?? fallback;
  const found = Object.hasOwn(authenticationMethods, name)
    ? authenticationMethods[name]
    : undefined;
  if (found === undefined) {
    throw new OAuthError(
      "invalid_client_metadata",
      `Cannot use this token_endpoint_auth_method: expected one of ${
        Object.keys(authenticationMethods).join(", ")
      }`,
    );
  }
  if (found === "key" && jwks === undefined && jwksUri === undefined) {
    throw new OAuthError("invalid_client_metadata", "private_key_jwt needs jwks or jwks_uri");
  }
  return found;
}

/** The web page of a client, if it is one; other schemes never become a link. */
function toWebUri(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, href } = new URL(text);
  return protocol === "https:" || protocol === "http:" ? href : undefined;
}

/** What clients of a registration and of a document have in common. */
export function toClient(
  id: string,
  kind: Exclude<OAuthClientKind, "static">,
  body: JsonObject,
  isTrusted: boolean,
): OAuthClient {
  const metadata = readMetadata(body);
  const secretDigest = body[secretDigestKey];
  return {
    id,
    kind,
    name: metadata.client_name === "" ? undefined : metadata.client_name,
    uri: toWebUri(metadata.client_uri),
    redirectUris: metadata.redirect_uris.filter((uri) => parseRedirectUri(uri) !== undefined),
    authentication: toAuthentication(metadata, "none"),
    secretDigest: typeof secretDigest === "string" ? secretDigest : undefined,
    jwks: metadata.jwks,
    jwksUri: metadata.jwks_uri,
    mayLogIn: true,
    isTrusted,
  };
}

/** Where a stored registration has the digest of its secret. */
export const secretDigestKey = "client_secret_sha256";
