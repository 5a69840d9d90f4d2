/**
 * Reads configured credentials that an authorization server issues to the gateway: which client asks
 * for them, at which server, and in exchange for what. Combinations that are meaningless are
 * refused, so that no key is ignored. No file is opened here.
 */
import { appendKey } from "./config_error.ts";
import type { CredentialsEntry } from "./credentials_schema.ts";
import { isLoopback } from "./loopback.ts";
import type {
  EnterpriseConfig,
  IssuerConfig,
  OAuth2Config,
  OAuthClientConfig,
  Secret,
  WorkloadConfig,
} from "./oauth_config.ts";
import { readSecret } from "./secret_entry.ts";
import type { Texts } from "./texts.ts";

type Entry<Type extends CredentialsEntry["type"]> = Extract<
  CredentialsEntry,
  { readonly type: Type }
>;

/** Where an entry stands. */
interface Reading {
  readonly key: string;
  readonly texts: Texts;
  /** The server may name its authorization server itself. */
  readonly discovers: boolean;
}

/** Reads `oauth2`; problems are left in `texts`. */
export function readOAuth2(entry: Entry<"oauth2">, reading: Reading): OAuth2Config {
  const { grant } = entry;
  const { key, texts } = reading;
  const at = (part: string) => appendKey(key, part);
  const isRefreshed = grant === "refresh_token";
  if (isRefreshed && entry.refreshToken === undefined) {
    texts.refuse(at("refreshToken"), 'is needed for the grant "refresh_token"');
  }
  if (!isRefreshed && entry.refreshToken !== undefined) {
    texts.refuse(at("refreshToken"), 'has no meaning without the grant "refresh_token"; remove it');
  }
  const signs = entry.clientAuthentication === "private_key_jwt";
  if (!isRefreshed && !signs && entry.clientSecret === undefined) {
    texts.refuse(at("clientSecret"), 'is needed for the grant "client_credentials"');
  }
  return {
    type: "oauth2",
    grant,
    ...readClient(entry, reading),
    ...readSecrets(entry, ["refreshToken"], reading),
    // A refresh token belongs to the server that issued it.
    ...readIssuer(entry, { ...reading, discovers: reading.discovers && !isRefreshed }),
    ...readPlain(entry, ["scope", "resource"], reading),
    ...readFlag(entry),
  };
}

/** Reads `enterprise`; problems are left in `texts`. */
export function readEnterprise(entry: Entry<"enterprise">, reading: Reading): EnterpriseConfig {
  const { key, texts, discovers } = reading;
  const { identityProvider, subjectTokenType } = entry;
  const inside = { key: appendKey(key, "identityProvider"), texts, discovers: false };
  if (!discovers && entry.issuer === undefined) {
    texts.refuse(appendKey(key, "issuer"), "is needed for a server that is no remote MCP server");
  }
  return {
    type: "enterprise",
    ...readClient(entry, reading),
    ...readUrls(entry, ["issuer"], reading),
    ...readPlain(entry, ["scope", "resource"], reading),
    identityProvider: {
      ...readClient(identityProvider, inside),
      ...readIssuer(identityProvider, inside),
    },
    subjectToken: readSecret(entry.subjectToken, appendKey(key, "subjectToken"), "token", texts),
    subjectTokenType,
    ...readFlag(entry),
  };
}

/** Reads `workload`; problems are left in `texts`. */
export function readWorkload(entry: Entry<"workload">, reading: Reading): WorkloadConfig {
  const { key, texts } = reading;
  return {
    type: "workload",
    assertion: readSecret(entry.assertion, appendKey(key, "assertion"), "token", texts),
    ...readSecrets(entry, ["clientId"], reading),
    ...readIssuer(entry, reading),
    ...readPlain(entry, ["scope", "resource"], reading),
    ...readFlag(entry),
  };
}

type ClientEntry = Pick<
  Entry<"oauth2">,
  "clientId" | "clientSecret" | "clientAuthentication" | "privateKey" | "algorithm" | "keyId"
>;

function readClient(entry: ClientEntry, reading: Reading): OAuthClientConfig {
  const { key, texts } = reading;
  const { clientAuthentication, algorithm } = entry;
  const at = (part: string) => appendKey(key, part);
  const signs = clientAuthentication === "private_key_jwt";
  if (signs && entry.privateKey === undefined) {
    texts.refuse(at("privateKey"), 'is needed for clientAuthentication "private_key_jwt"');
  }
  if (signs && entry.clientSecret !== undefined) {
    texts.refuse(
      at("clientSecret"),
      'has no meaning with clientAuthentication "private_key_jwt"; remove it',
    );
  }
  for (const part of ["privateKey", "algorithm", "keyId"] as const) {
    if (signs || entry[part] === undefined) continue;
    texts.refuse(
      at(part),
      'has no meaning without clientAuthentication "private_key_jwt"; remove it',
    );
  }
  return {
    clientAuthentication,
    clientId: readSecret(entry.clientId, at("clientId"), "body", texts),
    ...readSecrets(entry, ["clientSecret", "privateKey"], reading),
    ...readPlain(entry, ["keyId"], reading),
    ...(algorithm === undefined ? {} : { algorithm }),
  };
}

function readIssuer(entry: IssuerConfig, reading: Reading): IssuerConfig {
  const { issuer, tokenUrl } = entry;
  const given = [issuer, tokenUrl].filter((url) => url !== undefined).length;
  if (given === 2 || (given === 0 && !reading.discovers)) {
    reading.texts.refuse(reading.key, "expected either issuer or tokenUrl");
  }
  return readUrls(entry, ["issuer", "tokenUrl"], reading);
}

function readUrls<Part extends keyof IssuerConfig>(
  entry: { readonly [Name in Part]?: string | undefined },
  parts: readonly Part[],
  { key, texts }: Reading,
): { [Name in Part]?: string } {
  return readEach(
    entry,
    parts,
    (value: string, part) => readUrl(value, appendKey(key, part), texts),
  );
}

function readSecrets<Part extends string>(
  entry: { readonly [Name in Part]?: Secret | undefined },
  parts: readonly Part[],
  { key, texts }: Reading,
): { [Name in Part]?: Secret } {
  return readEach(
    entry,
    parts,
    (value: Secret, part) => readSecret(value, appendKey(key, part), "body", texts),
  );
}

function readPlain<Part extends string>(
  entry: { readonly [Name in Part]?: string | undefined },
  parts: readonly Part[],
  { key, texts }: Reading,
): { [Name in Part]?: string } {
  return readEach(entry, parts, (value: string, part) => texts.plain(appendKey(key, part), value));
}

/** The parts that are given, each as `read` makes it. */
function readEach<Part extends string, Value>(
  entry: { readonly [Name in Part]?: Value | undefined },
  parts: readonly Part[],
  read: (value: Value, part: Part) => Value,
): { [Name in Part]?: Value } {
  const found: { [Name in Part]?: Value } = {};
  for (const part of parts) {
    const value = entry[part];
    if (value !== undefined) found[part] = read(value, part);
  }
  return found;
}

function readFlag({ dpop }: { readonly dpop?: boolean | undefined }): { readonly dpop?: true } {
  return dpop === true ? { dpop } : {};
}

/** Keeps the URL as it is: issuers are compared character by character. */
function readUrl(text: string, key: string, texts: Texts): string {
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
