/**
 * A server that is reached by its URL: where it is, what is sent along with each request, and how it
 * is shown who calls. Nothing of it is shown in a problem: any part may be a secret.
 */
import type { HttpServerConfig } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { headerProblem, valueProblem } from "./credential_values.ts";
import { headersSent, readCredentials, readFallback, warnOfFiles } from "./credentials_entry.ts";
import { isOwnUrl, leadsBack } from "./own_address.ts";
import { type ServerEntry, transports, typeKeys, urlKeys } from "./server_keys.ts";
import { type FileContext, type Texts, withoutPrototype } from "./texts.ts";
import { readWebUrl } from "./web_url.ts";

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
  const credentials = readCredentials(entry.credentials, "credentials", texts);
  readFallback(entry.credentials, "credentials", texts, context, "http");
  for (const name of headersSent(credentials)) {
    if (!(name in headers)) continue;
    texts.refuse(appendKey("headers", name), "stands beside credentials; remove one of them");
  }
  if (texts.problems.length === 0) await warnOfFiles(credentials, "credentials", texts, context);
  return {
    kind: "http",
    url: readUrl(entry, texts, context),
    headers,
    credentials,
    transport: readTransport(entry, texts),
  };
}

function readUrl(entry: ServerEntry, texts: Texts, { own }: FileContext): string {
  const [key, second] = urlKeys.filter((key) => entry[key] !== undefined);
  if (key === undefined) return "";
  if (second !== undefined) texts.refuse(second, `stands beside ${key}; remove one of them`);
  const url = readWebUrl(key, entry[key] ?? "", texts, "https://example.com/mcp") ?? "";
  if (isOwnUrl(url, own)) texts.refuse(key, leadsBack);
  return url;
}

/** Headers to be sent along, in lower case, since names that differ in case alone are one. */
export function readHeaders(headers: ServerEntry["headers"], texts: Texts): Record<string, string> {
  const read = new Map<string, string>();
  for (const [given, text] of headers ?? []) {
    const key = appendKey("headers", given);
    const name = given.toLowerCase();
    const value = texts.header(given, String(text));
    const problem = read.has(name) ? "stands twice; remove one of them" : headerProblem(given);
    // What is empty says nothing, and is sent as that.
    const wrong = problem ?? (value === "" ? undefined : valueProblem("header", value));
    if (wrong !== undefined) texts.refuse(key, wrong);
    read.set(name, value);
  }
  return withoutPrototype(read);
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
