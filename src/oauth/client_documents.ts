/**
 * Documents that clients publish at their own ids (OAuth Client ID Metadata Document), and the key
 * sets that clients and issuers publish. An id that is a URL is accepted in its normal form alone.
 * Not here: how a document is fetched (fetched_documents.ts), and what its members mean.
 */
import type { JsonObject } from "../model.ts";
import { pinnedDocuments } from "./pinned_documents.ts";
import { createDocumentReader, type DocumentDeps, type ReadDocument } from "./fetched_documents.ts";

/** Whether an id is the URL of a document: in its normal form, with a path, on the usual port. */
export function isDocumentId(id: string): boolean {
  return isForeignUrl(id) && new URL(id).pathname !== "/";
}

/** Whether a URL may be fetched because a client names it: https on port 443, without a login. */
function isForeignUrl(text: string): boolean {
  if (!text.startsWith("https://") || text.includes("#") || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.href === text && url.port === "" && url.username === "" && url.password === "";
}

/** Makes the reader of clients' documents; a pinned copy stands in for one that is unavailable. */
export function createClientDocuments(deps: DocumentDeps): ReadDocument {
  const read = createDocumentReader(deps, {
    check: (value, url) => value["client_id"] === url ? undefined : "its client_id is not its URL",
  });
  return async (id, address) => {
    const outcome = await read(id, address);
    const pinned = Object.hasOwn(pinnedDocuments, id) ? pinnedDocuments[id] : undefined;
    return "problem" in outcome && pinned !== undefined ? { value: pinned } : outcome;
  };
}

/**
 * Makes the reader of key sets (RFC 7517, 5). The URLs of the settings may be private addresses;
 * any other is fetched as a client's document is. Undefined: the set is unavailable.
 */
export function createKeySets(
  deps: DocumentDeps,
  ownUrls: readonly string[],
): (url: string) => Promise<JsonObject | undefined> {
  const check = (value: JsonObject) =>
    Array.isArray(value["keys"]) ? undefined : "it is no key set";
  const foreign = createDocumentReader(deps, { check });
  const own = new Map(
    ownUrls.map((url) => [url, createDocumentReader(deps, { check, ownUrl: url })]),
  );
  return async (url) => {
    const read = own.get(url) ?? (isForeignUrl(url) ? foreign : undefined);
    const outcome = await read?.(url);
    return outcome !== undefined && "value" in outcome ? outcome.value : undefined;
  };
}
