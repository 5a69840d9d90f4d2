/**
 * A web API that an OpenAPI document describes. Only the presence of the document is checked here,
 * since reading it is slow and may need the network (upstream/rest/openapi/).
 */
import { bytesToHex } from "../bytes_text.ts";
import type { RestServerConfig } from "./config.ts";
import { headersSent, readFallback, refuseTelling } from "./credentials_entry.ts";
import { readTextOf } from "./recipe_file.ts";
import { readHeaders } from "./remote_server.ts";
import type { OpenApiEntry } from "./rest_keys.ts";
import { readOwnBase, readOwnCredentials, refuseBeside } from "./rest_server.ts";
import type { EntryReading, OwnPart } from "./server_kind.ts";
import type { FileContext, Texts } from "./texts.ts";
import { readWebUrl } from "./web_url.ts";

/** Reads the keys of a server with an OpenAPI document. */
export async function readOpenApiServer(
  entry: OpenApiEntry,
  { texts, context }: EntryReading,
): Promise<OwnPart<RestServerConfig>> {
  const text = texts.plain("openapi", entry.openapi ?? "").trim();
  const isUrl = /^https?:\/\//i.test(text);
  const location = isUrl
    ? readWebUrl("openapi", text, texts, "https://example.com/openapi.json") ?? ""
    : texts.place("openapi", text);
  const headers = readHeaders(entry.headers, texts);
  const stamp = isUrl ? undefined : await stampOf(location, texts, context);
  const credentials = await readOwnCredentials(entry, texts, context);
  refuseBeside(headersSent(credentials), headers, texts);
  const anonymousTools = readFallback(entry.credentials, "credentials", texts, context, "rest");
  refuseTelling(headers, anonymousTools, texts);
  return {
    kind: "rest",
    source: { type: "openapi", location, stamp },
    baseUrl: readOwnBase(entry, texts),
    headers,
    credentials,
    anonymousTools,
    login: { type: "none" },
  };
}

/** A digest of the file, which changes when its text does. */
async function stampOf(
  path: string,
  texts: Texts,
  context: FileContext,
): Promise<string | undefined> {
  if (texts.problems.length > 0) return undefined;
  context.files.add(path);
  const text = await readTextOf("openapi", path, texts, context);
  if (text === undefined) return undefined;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return bytesToHex(new Uint8Array(digest));
}
