/**
 * `auth.oauth` of `mcp.json`: lives of tokens, registration, discovery, static clients and the
 * grants beyond a log-in. Not here: the settings of log-in pages.
 */
import * as v from "valibot";
import { appendKey, ConfigError } from "../config/config_error.ts";
import { only } from "../config/credentials_schema.ts";
import { filledText, flag, texts } from "../config/key_schemas.ts";
import { readKindSettings } from "../config/kind_settings.ts";
import { isJsonObject } from "../json.ts";
import { defaultLimits, msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { sha256Hex } from "../seal.ts";
import type { OAuthClient } from "./client_metadata.ts";
import { loginSchema, type LoginSettings } from "./login_settings.ts";
import { parseRedirectUri } from "./redirect_uris.ts";
import { usualScopes } from "./scopes.ts";

/** The checked settings. */
export interface OAuthSettings {
  readonly accessTokenMs: number;
  readonly refreshTokenMs: number;
  /** Whether clients may register themselves. */
  readonly registration: "open" | "off";
  readonly clients: ReadonlyMap<string, OAuthClient>;
  /** Whether clients of this surface can find the authorization server. */
  readonly isDiscoverable: (surface: string) => boolean;
  /** Whether there is a surface whose clients cannot. */
  readonly hidesSurfaces: boolean;
  /** The issuers whose identity assertions are exchanged for tokens. */
  readonly assertionIssuers: readonly AssertionIssuer[];
  /** How people log in, beyond the gateway's own users. */
  readonly login: LoginSettings;
}

/** An identity provider whose assertions (ID-JAG) stand for its users. */
export interface AssertionIssuer {
  readonly issuer: string;
  readonly jwksUri: string;
  /** The claim that names the user. */
  readonly nameClaim: string;
}

const secondsMax = Math.floor(defaultLimits.refreshTokenMs * 4 / msPerSecond);
const secondsExpected = `whole seconds from 60 to ${secondsMax}`;
const seconds = v.pipe(
  v.number(secondsExpected),
  v.integer(secondsExpected),
  v.minValue(60, secondsExpected),
  v.maxValue(secondsMax, secondsExpected),
);
const daysExpected = "whole days from 1 to 366";
const days = v.pipe(
  v.number(daysExpected),
  v.integer(daysExpected),
  v.minValue(1, daysExpected),
  v.maxValue(366, daysExpected),
);
const redirectExpected = "an https URL, an http URL of a loopback address, or a program's own URL";
const redirect = v.pipe(
  v.string(redirectExpected),
  v.check((text) => parseRedirectUri(text) !== undefined, redirectExpected),
);
const httpsExpected = "an https URL";
const httpsUrl = v.pipe(
  v.string(httpsExpected),
  v.check((text) => URL.canParse(text) && new URL(text).protocol === "https:", httpsExpected),
);
const grantsExpected = 'a list of "authorization_code" and "client_credentials"';
const surfacesExpected = "true, false, or an object with true or false for surfaces";
const surfaces = v.custom<Record<string, unknown>>(isJsonObject, surfacesExpected);
const jwksExpected = "a JSON Web Key Set: an object with keys";

const clientSchema = only({
  id: filledText,
  name: v.optional(filledText),
  uri: v.optional(filledText),
  secret: v.optional(filledText),
  redirectUris: v.optional(v.array(redirect, "a list of redirect URIs"), []),
  jwks: v.optional(
    v.custom<JsonObject>(
      (value) => isJsonObject(value) && Array.isArray(value["keys"]),
      jwksExpected,
    ),
  ),
  jwksUri: v.optional(httpsUrl),
  grants: v.optional(
    v.array(v.picklist(["authorization_code", "client_credentials"], grantsExpected)),
    ["authorization_code"],
  ),
  scopes: v.optional(texts),
  roles: v.optional(texts, []),
  groups: v.optional(texts, []),
});

const settingsSchema = only({
  accessTokenSeconds: v.optional(seconds),
  refreshTokenDays: v.optional(days),
  registration: v.optional(v.picklist(["open", "off"], '"open" or "off"'), "open"),
  discovery: v.optional(
    v.union([flag, v.pipe(surfaces, v.record(v.string(), flag))], surfacesExpected),
    true,
  ),
  clients: v.optional(v.array(clientSchema, "a list of clients"), []),
  assertionIssuers: v.optional(
    v.array(
      only({ issuer: httpsUrl, jwksUri: httpsUrl, nameClaim: v.optional(filledText, "sub") }),
      "a list of issuers",
    ),
    [],
  ),
  login: loginSchema,
});

/** Checks the settings. Throws a ConfigError with a sentence for each key that is wrong. */
export async function readOAuthSettings(given: JsonObject): Promise<OAuthSettings> {
  const output = readKindSettings("oauth", settingsSchema, given);
  const clients = await Promise.all(output.clients.map(toStaticClient));
  return {
    accessTokenMs: output.accessTokenSeconds === undefined
      ? defaultLimits.accessTokenMs
      : output.accessTokenSeconds * msPerSecond,
    refreshTokenMs: output.refreshTokenDays === undefined
      ? defaultLimits.refreshTokenMs
      : output.refreshTokenDays * msPerDay,
    registration: output.registration,
    clients: new Map(clients.map((client) => [client.id, client])),
    ...toDiscovery(output.discovery),
    assertionIssuers: output.assertionIssuers,
    login: output.login,
  };
}

const msPerDay = 24 * 60 * 60 * msPerSecond;

function toDiscovery(
  discovery: boolean | Readonly<Record<string, boolean>>,
): Pick<OAuthSettings, "isDiscoverable" | "hidesSurfaces"> {
  if (typeof discovery === "boolean") {
    return { isDiscoverable: () => discovery, hidesSurfaces: !discovery };
  }
  const surfaces = new Map(Object.entries(discovery));
  return {
    isDiscoverable: (surface) => surfaces.get(surface) ?? true,
    hidesSurfaces: [...surfaces.values()].includes(false),
  };
}

async function toStaticClient(
  entry: v.InferOutput<typeof clientSchema>,
  index: number,
): Promise<OAuthClient> {
  const { id, name, uri, secret, redirectUris, jwks, jwksUri, grants, roles, groups } = entry;
  const where = appendKey("auth.oauth.clients", index);
  const refuse = (why: string): never => {
    throw new ConfigError([`Cannot use ${where} in mcp.json: ${why}`]);
  };
  const hasKey = jwks !== undefined || jwksUri !== undefined;
  const mayLogIn = grants.includes("authorization_code");
  const isMachine = grants.includes("client_credentials");
  if (id.startsWith("https://")) refuse("an id that is a URL belongs to a client's document");
  if (secret !== undefined && hasKey) refuse("expected secret or jwks, not both");
  if (isMachine && secret === undefined && !hasKey) {
    refuse('"client_credentials" needs secret, jwks or jwksUri');
  }
  if (mayLogIn && redirectUris.length === 0) refuse('"authorization_code" needs redirectUris');
  return {
    id,
    kind: "static",
    name,
    uri,
    redirectUris,
    authentication: secret !== undefined ? "secret" : hasKey ? "key" : "none",
    secretDigest: secret === undefined ? undefined : await sha256Hex(secret),
    jwks,
    jwksUri,
    machine: isMachine ? { scopes: entry.scopes ?? [...usualScopes], roles, groups } : undefined,
    mayLogIn,
    isTrusted: true,
  };
}
