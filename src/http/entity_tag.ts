/** Whether a client has a document already, by its entity tag (RFC 9110, 8.8.3). */

/** Whether `If-None-Match` names the tag (RFC 9110, 13.1.2: weak comparison). */
export function hasTag({ headers }: Request, etag: string): boolean {
  const tags = (headers.get("if-none-match") ?? "").split(",").map((tag) => tag.trim());
  return tags.some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag);
}
