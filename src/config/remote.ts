/**
 * A server that is reached by its URL: where it is, what is sent along with each request, and how it
 * is shown who calls. A token may stand in a file, which is read here, once. Nothing of it is shown
 * in a problem: any part may be a secret.
 */
import type { CredentialsConfig, HttpServerConfig } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { type ServerEntry, transports, typeKeys, urlKeys } from "./server_keys.ts";
import { type FileContext, keepSecrets, type Texts, withoutPrototype } from "./texts.ts";

/** What only such a server has. */
export type RemotePart = Pick<
  HttpServerConfig,
  "kind" | "url" | "headers" | "credentials" | "transport"
>;

/** Reads the keys of such a server; problems are left in `texts`. */
export async function readRemote(
  entry: ServerEntry,
  texts: Texts,
  context: FileContext,
): Promise<RemotePart> {
  const headers = readHeaders(entry.headers, texts);
  const credentials = await readCredentials(entry.credentials, texts, context);
  if (credentials.type !== "none" && "authorization" in headers) {
    texts.refuse(
      appendKey("headers", "authorization"),
      "stands beside credentials; remove one of them",
    );
  }
  return {
    kind: "http",
    url: readUrl(entry, texts),
    headers,
    credentials,
    transport: readTransport(entry, texts),
  };
}

function readUrl(entry: ServerEntry, texts: Texts): string {
  const [key, second] = urlKeys.filter((key) => entry[key] !== undefined);
  if (key === undefined) return "";
  if (second !== undefined) texts.refuse(second, `stands beside ${key}; remove one of them`);
  const text = texts.plain(key, entry[key] ?? "").trim();
  if (!URL.canParse(text)) {
    // A reference that cannot be had was told already.
    if (texts.problems.length === 0) {
      texts.refuse(key, "expected a whole URL such as https://example.com/mcp");
    }
    return "";
  }
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    texts.refuse(key, `expected a URL with https: or http:, got ${JSON.stringify(url.protocol)}`);
  }
  if (url.username + url.password !== "") {
    texts.refuse(key, "expected a URL without a login in it; use credentials or headers");
  }
  url.hash = "";
  return url.href;
}

/** What HTTP itself and the protocol above it write; another value would break them. */
const reserved =
  /^(?:accept|accept-encoding|connection|content-.*|expect|host|keep-alive|last-.*|mcp-.*|proxy-.*|te|trailer|transfer-encoding|upgrade)$/;
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** In lower case, since names that differ in case alone are one. */
function readHeaders(headers: ServerEntry["headers"], texts: Texts): Record<string, string> {
  const read = new Map<string, string>();
  for (const [given, text] of headers ?? []) {
    const key = appendKey("headers", given);
    const name = given.toLowerCase();
    const value = texts.header(given, String(text));
    if (!headerName.test(given)) texts.refuse(key, "no name of a header");
    else if (reserved.test(name)) texts.refuse(key, "is written by the gateway itself; remove it");
    else if (read.has(name)) texts.refuse(key, "stands twice; remove one of them");
    else if (!headerValue.test(value)) {
      texts.refuse(key, "expected a value on one line, without characters beyond Latin-1");
    }
    read.set(name, value);
  }
  return withoutPrototype(read);
}

async function readCredentials(
  credentials: ServerEntry["credentials"],
  texts: Texts,
  context: FileContext,
): Promise<CredentialsConfig> {
  if (credentials === undefined || credentials.type === "none") return { type: "none" };
  const key = "credentials.token";
  const token = typeof credentials.token === "string"
    ? texts.secret(key, credentials.token)
    : await readTokenFile(credentials.token.file, texts, context);
  const isKnown = texts.problems.length === 0;
  if (isKnown && token === "") texts.refuse(key, "expected a token, got an empty text");
  else if (!/^[\x21-\x7e]*$/.test(token)) {
    texts.refuse(key, "expected a token without spaces, line breaks and characters beyond ASCII");
  }
  return { type: "bearer", token };
}

async function readTokenFile(
  file: string,
  texts: Texts,
  context: FileContext,
): Promise<string> {
  const key = "credentials.token.file";
  const path = texts.place(key, file);
  if (texts.problems.length > 0) return "";
  try {
    const token = (await context.readText(path))?.trim();
    if (token === undefined) texts.refuse(key, "no such file; correct the path");
    keepSecrets(context, [token ?? ""]);
    return token ?? "";
  } catch {
    texts.refuse(key, "the file cannot be read; check its permissions");
    return "";
  }
}

function readTransport(entry: ServerEntry, texts: Texts): HttpServerConfig["transport"] {
  const named = typeKeys.flatMap((key) => {
    const type = entry[key];
    const transport = type === undefined ? undefined : transports[type];
    return transport === undefined || transport === "auto" ? [] : [{ key, transport }];
  });
  const other = named.find(({ transport }) => transport !== named[0]?.transport);
  if (other !== undefined) texts.refuse(other.key, `contradicts ${named[0]?.key}; remove one`);
  return named[0]?.transport ?? "auto";
}
