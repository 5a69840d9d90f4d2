/**
 * The key `oauth` of a remote server: how the gateway logs in there. Without the key a server that
 * answers with a challenge leads to a log-in all the same; `false` switches that off. The names of
 * other programs for the same settings are read, too.
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import type { Secret, ServerOAuthConfig } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { readSecret } from "./credentials_entry.ts";
import { secretSchema } from "./credentials_schema.ts";
import { filledText, flag, texts as textList } from "./key_schemas.ts";
import { isLoopback } from "./loopback.ts";
import { isOwnUrl } from "./own_address.ts";
import type { FileContext, Texts } from "./texts.ts";
import { readWebUrl } from "./web_url.ts";

const scopeTexts = v.union([textList, filledText], "a list of strings, or one string with spaces");

const entries = {
  grant: v.optional(v.picklist(["each", "shared"], '"each" or "shared"')),
  clientId: v.optional(secretSchema),
  clientSecret: v.optional(secretSchema),
  scopes: v.optional(scopeTexts),
  redirectUri: v.optional(filledText),
  clientMetadataUrl: v.optional(filledText),
  connectTool: v.optional(flag),
  // Other programs' names: of Cursor, of OpenCode, and of Gemini CLI, where it is a switch.
  CLIENT_ID: v.optional(secretSchema),
  CLIENT_SECRET: v.optional(secretSchema),
  scope: v.optional(scopeTexts),
  enabled: v.optional(flag),
};

const expected = "true, false, or an object with clientId, clientSecret, scopes, redirectUri, " +
  "clientMetadataUrl, grant and connectTool, each of them optional";
const settings = v.pipe(
  v.custom<Record<string, unknown>>(isJsonObject, expected),
  v.object(entries, expected),
);

/** The value of the key. */
export const serverOAuth = v.optional(
  v.lazy((given) => isJsonObject(given) ? settings : v.union([flag, v.literal("oauth")], expected)),
);

/** Keys inside `oauth`. */
export const serverOAuthKeys: readonly string[] = Object.keys(entries);

const found = "the gateway finds the authorization server by the server's own metadata";
const ownCallback = "log-ins end at the gateway's own callback; register its URL at the server, " +
  "which ends in /oauth/callback";

/** Keys inside it that other programs write, and why they are ignored. */
export const foreignOAuthKeys: ReadonlyMap<string, string> = new Map([
  ["callbackPort", ownCallback],
  ["authServerMetadataUrl", found],
  ["authorizationUrl", found],
  ["tokenUrl", found],
  ["registrationUrl", found],
  ["issuer", found],
  ["audiences", "tokens are requested for the server's own URL alone"],
  ["tokenParamName", "a token goes in the header Authorization, and never in a URL"],
]);

type Settings = v.InferOutput<typeof settings>;
type Entry = v.InferOutput<typeof serverOAuth>;

/**
 * Reads the key; undefined: the gateway never logs in at this server. `isAuthenticated`: the entry
 * has credentials of its own.
 */
export function readServerOAuth(
  key: string,
  entry: Entry,
  isAuthenticated: boolean,
  texts: Texts,
  context: FileContext,
): ServerOAuthConfig | undefined {
  const given: Settings = typeof entry === "object" ? entry : {};
  const isOff = entry === false || given.enabled === false;
  if (isOff || (entry === undefined && isAuthenticated)) return undefined;
  if (isAuthenticated) {
    texts.refuse(
      key,
      "cannot be combined with credentials or a header that carries them; remove one",
    );
    return undefined;
  }
  const at = (part: string) => appendKey(key, part);
  const grant = given.grant ?? (context.authenticates ? "each" : "shared");
  if (grant === "each" && !context.authenticates) {
    texts.refuse(
      at("grant"),
      '"each" needs clients that authenticate; set MCP_AUTH, or use "shared"',
    );
  }
  const scopes = readScopes(given.scopes === undefined ? "scope" : "scopes", given, at, texts);
  const { redirectUri, clientMetadataUrl } = given;
  return {
    grant,
    ...(context.isOpen ? { problem: openProblem } : {}),
    ...readClient(key, given, texts),
    ...(scopes.length === 0 ? {} : { scopes }),
    ...(redirectUri === undefined
      ? {}
      : { redirectUri: readRedirectUri(at("redirectUri"), redirectUri, texts, context) }),
    ...(clientMetadataUrl === undefined
      ? {}
      : { clientMetadataUrl: readDocumentUrl(at("clientMetadataUrl"), clientMetadataUrl, texts) }),
    connectTool: given.connectTool ?? true,
  };
}

/** With one grant for everybody, everybody who reaches the gateway would act as its owner. */
const openProblem = "needs a log-in, and other machines can reach the gateway without " +
  "authentication: anyone would use that log-in; choose kinds of authentication in MCP_AUTH";

function readClient(key: string, given: Settings, texts: Texts) {
  const read = (part: "clientId" | "clientSecret", alias: "CLIENT_ID" | "CLIENT_SECRET") => {
    const name = given[part] === undefined ? alias : part;
    const value: Secret | undefined = given[name];
    return value === undefined
      ? {}
      : { [part]: readSecret(value, appendKey(key, name), "body", texts) };
  };
  const client = { ...read("clientId", "CLIENT_ID"), ...read("clientSecret", "CLIENT_SECRET") };
  if ("clientSecret" in client && !("clientId" in client)) {
    texts.refuse(appendKey(key, "clientId"), "is needed together with clientSecret");
  }
  return client;
}

/** The parts of the client that may be in files, by their names. */
export function clientSecretsOf(
  oauth: ServerOAuthConfig | undefined,
): readonly (readonly [name: string, secret: Secret])[] {
  const { clientId, clientSecret } = oauth ?? {};
  return [
    ...(clientId === undefined ? [] : [["clientId", clientId] as const]),
    ...(clientSecret === undefined ? [] : [["clientSecret", clientSecret] as const]),
  ];
}

/** The characters of RFC 6749, section 3.3. */
const scopeForm = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

function readScopes(
  part: "scope" | "scopes",
  given: Settings,
  at: (part: string) => string,
  texts: Texts,
): readonly string[] {
  const value = given[part] ?? [];
  const scopes = typeof value === "string"
    ? texts.plain(at(part), value).split(/\s+/).filter((word) => word !== "")
    : value.map((scope) => texts.plain(at(part), scope));
  const isWrong = scopes.some((scope) => !scopeForm.test(scope));
  if (isWrong) texts.refuse(at(part), "expected scopes without spaces, each in a string");
  return scopes;
}

/** The path of the gateway's callback, which a proxy may have below another one. */
const callback = "/oauth/callback";

function readRedirectUri(key: string, given: string, texts: Texts, { own, warnings }: FileContext) {
  const url = readWebUrl(key, given, texts, `https://example.com${callback}`) ?? "";
  if (url === "") return url;
  const { origin, pathname } = new URL(url);
  const isPublic = own.publicUrl !== undefined && new URL(own.publicUrl).origin === origin;
  const isOwn = isPublic || isOwnUrl(origin, own);
  if (!isOwn || !pathname.endsWith(callback)) {
    warnings.push(
      `${texts.where(key)} is not the callback of this gateway (its URL, then ${callback}): ` +
        "log-ins end only if requests to it are passed on there",
    );
  }
  return url;
}

function readDocumentUrl(key: string, text: string, texts: Texts): string {
  const url = readWebUrl(key, text, texts, "https://example.com/client.json") ?? "";
  if (url === "") return url;
  const { protocol, pathname, hostname } = new URL(url);
  if ((protocol !== "https:" && !isLoopback(hostname)) || pathname === "/") {
    texts.refuse(key, "expected a URL with https: and a path");
  }
  return url;
}
