/**
 * A server that is reached by its URL: the URL, the headers of each request, and how the gateway
 * authenticates to it. Error texts show none of the values, since any part may be a secret.
 */
import * as v from "valibot";
import type { CredentialsConfig, HttpServerConfig, ServerOAuthConfig } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { headerProblem, valueProblem } from "./credential_values.ts";
import {
  headersSent,
  readCredentials,
  readFallback,
  warnOfFiles,
  warnOfSecretFiles,
} from "./credentials_entry.ts";
import { credentials, filledText, headers, type HeadersEntry } from "./key_schemas.ts";
import {
  connectionEntries,
  type ConnectionEntry,
  readConnection,
  refuseOtherTypes,
  transports,
  typeKeys,
} from "./mcp_server.ts";
import { isOwnUrl, leadsBack } from "./own_address.ts";
import { defineForm, type EntryReading, type FormEntry, type OwnPart } from "./server_kind.ts";
import { clientSecretsOf, readServerOAuth, serverOAuth } from "./server_oauth.ts";
import { type FileContext, type Texts, withoutPrototype } from "./texts.ts";
import { readWebUrl } from "./web_url.ts";

/** The key for the URL of a server, by the names that programs use. */
export const urlKeys = ["url", "serverUrl", "httpUrl"] as const;

const remoteEntries = {
  url: v.optional(filledText),
  serverUrl: v.optional(filledText),
  httpUrl: v.optional(filledText),
  ...connectionEntries,
  headers,
  credentials,
  oauth: serverOAuth,
  // Cursor's and FastMCP's name for it.
  auth: serverOAuth,
};
type RemoteEntry = FormEntry<typeof remoteEntries>;

/** An entry with a URL. */
export const urlForm = defineForm({
  by: "url",
  markers: urlKeys,
  named: "a url",
  entries: remoteEntries,
  read: readRemote,
});

/** Reads the keys of such a server. */
async function readRemote(
  entry: RemoteEntry,
  { texts, context }: EntryReading,
): Promise<OwnPart<HttpServerConfig>> {
  refuseOtherTypes(entry, true, texts);
  const connection = readConnection(entry, true, texts, context);
  const headers = readHeaders(entry.headers, texts);
  const credentials = readCredentials(entry.credentials, "credentials", texts);
  readFallback(entry.credentials, "credentials", texts, context, "http");
  for (const name of headersSent(credentials)) {
    if (!(name in headers)) continue;
    texts.refuse(appendKey("headers", name), "is set by credentials, too; remove one of them");
  }
  const oauth = readOAuth(entry, headers, credentials, texts, context);
  if (texts.problems.length === 0) {
    await warnOfFiles(credentials, "credentials", texts, context);
    await warnOfSecretFiles(clientSecretsOf(oauth), keyOf(entry), texts, context);
  }
  return {
    ...connection,
    kind: "http",
    url: readUrl(entry, texts, context),
    headers,
    credentials,
    ...(oauth === undefined ? {} : { oauth }),
    transport: readTransport(entry, texts),
  };
}

/** Headers that authenticate: with one of them, a server's challenge says that it is wrong. */
const authenticating = /^(?:authorization|cookie)$/;

function readOAuth(
  entry: RemoteEntry,
  headers: Readonly<Record<string, string>>,
  { type }: CredentialsConfig,
  texts: Texts,
  context: FileContext,
): ServerOAuthConfig | undefined {
  if (entry.oauth !== undefined && entry.auth !== undefined) {
    texts.refuse("auth", "cannot be combined with oauth; remove one of them");
  }
  const isAuthenticated = type !== "none" ||
    Object.keys(headers).some((name) => authenticating.test(name));
  const key = keyOf(entry);
  return readServerOAuth(key, entry[key], isAuthenticated, texts, context);
}

/** By which name the entry says how the gateway logs in. */
function keyOf({ auth }: RemoteEntry): "auth" | "oauth" {
  return auth === undefined ? "oauth" : "auth";
}

function readUrl(entry: RemoteEntry, texts: Texts, { own }: FileContext): string {
  const [key, second] = urlKeys.filter((key) => entry[key] !== undefined);
  if (key === undefined) return "";
  if (second !== undefined) {
    texts.refuse(second, `cannot be combined with ${key}; remove one of them`);
  }
  const url = readWebUrl(key, entry[key] ?? "", texts, "https://example.com/mcp") ?? "";
  if (isOwnUrl(url, own)) texts.refuse(key, leadsBack);
  return url;
}

/** The headers to send, by name in lower case: header names ignore case. */
export function readHeaders(headers: HeadersEntry, texts: Texts): Record<string, string> {
  const read = new Map<string, string>();
  for (const [given, text] of headers ?? []) {
    const key = appendKey("headers", given);
    const name = given.toLowerCase();
    const value = texts.header(given, String(text));
    const problem = read.has(name) ? "appears twice; remove one of them" : headerProblem(given);
    // An empty value is valid, and is sent as it is.
    const wrong = problem ?? (value === "" ? undefined : valueProblem("header", value));
    if (wrong !== undefined) texts.refuse(key, wrong);
    read.set(name, value);
  }
  return withoutPrototype(read);
}

function readTransport(entry: ConnectionEntry, texts: Texts): HttpServerConfig["transport"] {
  const named = typeKeys.flatMap((key) => {
    const type = entry[key];
    const transport = type === undefined ? undefined : transports[type];
    return transport === undefined || transport === "auto" ? [] : [{ key, transport }];
  });
  const other = named.find(({ transport }) => transport !== named[0]?.transport);
  if (other !== undefined) texts.refuse(other.key, `contradicts ${named[0]?.key}; remove one`);
  return named[0]?.transport ?? "auto";
}
