/**
 * Reads configured credentials: it replaces references, makes paths absolute, checks values, and
 * refuses combinations that are meaningless or ambiguous. No file is opened here; the provider
 * opens it whenever it needs it. Problems never show a value.
 */
import { namesSecret } from "./child_environment.ts";
import type { CredentialsConfig, OAuth2Config, Secret } from "./config.ts";
import { appendKey } from "./config_error.ts";
import {
  cookieProblem,
  headerProblem,
  isIdentifier,
  type ValuePlace,
  valueProblem,
} from "./credential_values.ts";
import type { CredentialsEntry, ServerCredentialsEntry } from "./credentials_schema.ts";
import { isLoopback } from "./loopback.ts";
import type { FileContext, Texts } from "./texts.ts";
import { variables } from "./variables.ts";

type Entry<Type extends CredentialsEntry["type"]> = Extract<
  CredentialsEntry,
  { readonly type: Type }
>;

/** Reads the credentials at `key`; problems are left in `texts`. */
export function readCredentials(
  entry: CredentialsEntry | undefined,
  key: string,
  texts: Texts,
): CredentialsConfig {
  if (entry === undefined) return { type: "none" };
  const secretOf = (part: string, secret: Secret, place: ValuePlace) =>
    readSecret(secret, appendKey(key, part), place, texts);
  switch (entry.type) {
    case "none":
      return { type: "none" };
    case "api_key":
      return readApiKey(entry, key, texts);
    case "bearer":
      return { type: "bearer", token: secretOf("token", entry.token, "token") };
    case "basic":
      return {
        type: "basic",
        username: secretOf("username", entry.username, "username"),
        password: secretOf("password", entry.password, "password"),
      };
    case "headers":
      return readHeaders(entry, appendKey(key, "headers"), texts);
    case "oauth2":
      return readOAuth2(entry, key, texts);
  }
}

/** A text, checked for its place, or the absolute path of a file. */
export function readSecret(secret: Secret, key: string, place: ValuePlace, texts: Texts): Secret {
  if (typeof secret !== "string") return { file: texts.place(appendKey(key, "file"), secret.file) };
  const before = texts.problems.length;
  const value = isIdentifier(key) ? texts.shown(key, secret) : texts.secret(key, secret);
  // A reference that cannot be resolved was already reported.
  const problem = texts.problems.length === before ? valueProblem(place, value) : undefined;
  if (problem !== undefined) texts.refuse(key, problem);
  return value;
}

/** The headers, in lower case, that carry credentials. */
export function headersSent(credentials: CredentialsConfig): readonly string[] {
  switch (credentials.type) {
    case "none":
    case "unset":
      return [];
    case "api_key":
      return credentials.in === "header" ? [credentials.name.toLowerCase()] : [];
    case "headers":
      return Object.keys(credentials.headers);
    case "login":
      return [credentials.header];
    default:
      return ["authorization"];
  }
}

/** Warns of missing files; calls fail until they exist. */
export async function warnOfFiles(
  credentials: CredentialsConfig,
  key: string,
  texts: Texts,
  context: FileContext,
): Promise<void> {
  await warnOfSecretFiles(secretsOf(credentials), key, texts, context);
}

/** The same for secrets by their names below `key`. */
export async function warnOfSecretFiles(
  secrets: readonly (readonly [name: string, secret: Secret])[],
  key: string,
  texts: Texts,
  context: FileContext,
): Promise<void> {
  for (const [name, value] of secrets) {
    if (typeof value === "string") continue;
    const text = await context.readText(value.file).catch(() => undefined);
    if (text !== undefined && text.trim() !== "") continue;
    context.warnings.push(
      `Cannot read the file of ${texts.where(`${key}.${name}`)}, or it is empty: ` +
        "calls fail until it can be read",
    );
  }
}

/**
 * The tools that may run without credentials while these are unavailable; undefined: none. Only web
 * APIs have them: a connection to an MCP server is authenticated or it is not opened.
 */
export function readFallback(
  entry: ServerCredentialsEntry | undefined,
  key: string,
  texts: Texts,
  context: FileContext,
  kind: "stdio" | "http" | "rest",
): readonly string[] | undefined {
  if (entry === undefined || entry.type === "none") return undefined;
  const { onFailure = "reject", public: isPublic = false, anonymousTools = [] } = entry;
  const refuse = (part: string, problem: string) => texts.refuse(appendKey(key, part), problem);
  if (kind !== "stdio" && entry.env !== undefined) {
    refuse("env", "has no meaning for a server that is not a program; remove it");
  }
  if (onFailure === "reject") {
    if (isPublic) refuse("public", 'has no meaning without onFailure "anonymous"; remove it');
    if (anonymousTools.length > 0) {
      refuse("anonymousTools", 'has no meaning without onFailure "anonymous"; remove it');
    }
    return undefined;
  }
  if (kind !== "rest") {
    refuse(
      "onFailure",
      '"anonymous" is for web APIs only: a connection to an MCP server is authenticated ' +
        "or it is not opened; remove it",
    );
  } else if (!isPublic) {
    refuse("onFailure", '"anonymous" also needs public: true');
  } else if (anonymousTools.length === 0) {
    refuse(
      "onFailure",
      '"anonymous" also needs anonymousTools, the list of tools that it applies to',
    );
  } else if (isOpen(context) && !isAllowed(context)) {
    refuse(
      "onFailure",
      '"anonymous" on a gateway that other machines can reach needs MCP_ALLOW_ANONYMOUS_FALLBACK=true',
    );
  }
  return anonymousTools;
}

/** Refuses headers that carry secrets, because calls without credentials would send them, too. */
export function refuseTelling(
  headers: Readonly<Record<string, string>>,
  anonymousTools: readonly string[] | undefined,
  texts: Texts,
): void {
  if (anonymousTools === undefined) return;
  for (const [name, value] of Object.entries(headers)) {
    if (!namesSecret(name, value)) continue;
    texts.refuse(
      appendKey("headers", name),
      'would also be sent in calls without credentials, since onFailure is "anonymous"; ' +
        "put it under credentials",
    );
  }
}

function readApiKey(entry: Entry<"api_key">, key: string, texts: Texts): CredentialsConfig {
  const { in: place } = entry;
  const name = texts.plain(appendKey(key, "name"), entry.name);
  const problem = place === "header"
    ? headerProblem(name)
    : place === "cookie"
    ? cookieProblem(name)
    : undefined;
  if (problem !== undefined) texts.refuse(appendKey(key, "name"), problem);
  const prefix = entry.prefix;
  const prefixProblem = prefix === undefined ? undefined : valueProblem(place, prefix);
  if (prefixProblem !== undefined) texts.refuse(appendKey(key, "prefix"), prefixProblem);
  return {
    type: "api_key",
    in: place,
    name,
    ...(prefix === undefined ? {} : { prefix }),
    key: readSecret(entry.key, appendKey(key, "key"), place, texts),
  };
}

function readHeaders(entry: Entry<"headers">, key: string, texts: Texts): CredentialsConfig {
  const headers: Record<string, Secret> = Object.create(null);
  for (const [given, secret] of entry.headers) {
    const name = String(given);
    const at = appendKey(key, name);
    const lower = name.toLowerCase();
    const problem = lower in headers ? "appears twice; remove one of them" : headerProblem(name);
    if (problem !== undefined) texts.refuse(at, problem);
    headers[lower] = readSecret(secret, at, "header", texts);
  }
  if (entry.headers.size === 0) texts.refuse(key, "expected at least one header");
  return { type: "headers", headers };
}

function readOAuth2(entry: Entry<"oauth2">, key: string, texts: Texts): OAuth2Config {
  const { grant, clientAuthentication } = entry;
  const at = (part: string) => appendKey(key, part);
  if ((entry.issuer === undefined) === (entry.tokenUrl === undefined)) {
    texts.refuse(key, "expected either issuer or tokenUrl");
  }
  if (grant === "refresh_token" && entry.refreshToken === undefined) {
    texts.refuse(at("refreshToken"), 'is needed for the grant "refresh_token"');
  }
  if (grant === "client_credentials" && entry.clientSecret === undefined) {
    texts.refuse(at("clientSecret"), 'is needed for the grant "client_credentials"');
  }
  if (grant === "client_credentials" && entry.refreshToken !== undefined) {
    texts.refuse(at("refreshToken"), 'has no meaning without the grant "refresh_token"; remove it');
  }
  const secret = (part: "clientId" | "clientSecret" | "refreshToken") => {
    const value = entry[part];
    return value === undefined ? {} : { [part]: readSecret(value, at(part), "body", texts) };
  };
  const url = (part: "issuer" | "tokenUrl") => {
    const value = entry[part];
    return value === undefined ? {} : { [part]: readIssuerUrl(value, at(part), texts) };
  };
  const plain = (part: "scope" | "resource") => {
    const value = entry[part];
    return value === undefined ? {} : { [part]: texts.plain(at(part), value) };
  };
  return {
    type: "oauth2",
    grant,
    clientAuthentication,
    clientId: readSecret(entry.clientId, at("clientId"), "body", texts),
    ...secret("clientSecret"),
    ...secret("refreshToken"),
    ...url("issuer"),
    ...url("tokenUrl"),
    ...plain("scope"),
    ...plain("resource"),
  };
}

/** Keeps the URL as it is: issuers are compared character by character. */
function readIssuerUrl(text: string, key: string, texts: Texts): string {
  const before = texts.problems.length;
  const value = texts.plain(key, text).trim();
  if (texts.problems.length > before) return value;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isSafe = url?.protocol === "https:" ||
    (url?.protocol === "http:" && isLoopback(url.hostname));
  if (url === undefined || !isSafe) {
    texts.refuse(key, "expected an absolute URL with https:, or with http: on this machine");
  } else if (url.username + url.password + url.hash !== "") {
    texts.refuse(key, "expected a URL without a login or a fragment");
  }
  return value;
}

/** The secrets that are files, each with its key. */
function secretsOf(credentials: CredentialsConfig): [string, Secret][] {
  const isSecret = (value: unknown): value is Secret =>
    typeof value === "object" && value !== null && "file" in value;
  const nested = credentials.type === "headers"
    ? Object.entries(credentials.headers)
    : credentials.type === "login"
    ? Object.entries(credentials.body)
    : Object.entries(credentials);
  const inside = credentials.type === "headers"
    ? "headers"
    : credentials.type === "login"
    ? "body"
    : "";
  return nested.flatMap(([key, value]): [string, Secret][] =>
    isSecret(value) ? [[inside === "" ? key : appendKey(inside, key), value]] : []
  );
}

/** Whether other machines can reach the gateway. */
function isOpen({ env, remoteBind }: FileContext): boolean {
  return remoteBind || (env["MCP_PUBLIC_URL"] ?? "").trim() !== "";
}

function isAllowed({ env }: FileContext): boolean {
  return variables.MCP_ALLOW_ANONYMOUS_FALLBACK.parse(
    (env["MCP_ALLOW_ANONYMOUS_FALLBACK"] ?? "").trim(),
  ) === true;
}
