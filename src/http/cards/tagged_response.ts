/**
 * Public documents with an entity tag (RFC 9110, 8.8.3), which web pages of every origin may read.
 * A client that has the document already gets 304.
 */
import { hasTag } from "../entity_tag.ts";
import type { HeaderPairs } from "../respond.ts";

/** What such a document is made of. */
export interface TaggedDocument {
  readonly type: string;
  readonly body: object;
  /** Whether every client gets the same, so that caches may share it. */
  readonly isPublic: boolean;
}

/** As SEP-2127 requires of cards. */
const openHeaders: HeaderPairs = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET",
  "access-control-allow-headers": "Content-Type, If-None-Match",
  "access-control-expose-headers": "ETag",
  "x-content-type-options": "nosniff",
};

/** A server becomes known within seconds, so no cache keeps a document for long. */
const publicCaching: HeaderPairs = { "cache-control": "public, max-age=60" };

/** What others may not read is asked for each time. */
const privateCaching: HeaderPairs = {
  "cache-control": "private, no-cache",
  vary: "Authorization, Origin",
};

/** The response to GET or HEAD: the document, or 304 if the client has it. */
export function taggedResponse(
  request: Request,
  { type, body, isPublic }: TaggedDocument,
  sha256: (text: string) => string,
): Response {
  const text = JSON.stringify(body);
  const etag = `"${sha256(text)}"`;
  const headers = { ...openHeaders, ...(isPublic ? publicCaching : privateCaching), etag };
  if (hasTag(request, etag)) return new Response(null, { status: 304, headers });
  return new Response(request.method === "HEAD" ? null : text, {
    headers: { ...headers, "content-type": type },
  });
}
