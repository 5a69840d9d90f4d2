/**
 * Resource URIs on a surface of several servers. A URI stays what its server calls it; only when
 * two servers offer the same one does the later get a gateway URI, `mcp-wrapper://{server}/{uri}`,
 * which names its server in itself and so needs no table. Templates of RFC 6570 are matched as a
 * superset, in linear time: hostile templates cannot make it backtrack.
 */

const scheme = "mcp-wrapper://";

/** The gateway URI (or template) for a server's own one. */
export function toGatewayUri(server: string, uri: string): string {
  return `${scheme}${encodeURIComponent(server)}/${uri}`;
}

/** The server and own URI of a gateway URI; undefined for all others. */
export function fromGatewayUri(uri: string): { server: string; uri: string } | undefined {
  if (!uri.startsWith(scheme)) return undefined;
  const slash = uri.indexOf("/", scheme.length);
  if (slash < 0) return undefined;
  try {
    return {
      server: decodeURIComponent(uri.slice(scheme.length, slash)),
      uri: uri.slice(slash + 1),
    };
  } catch {
    return undefined;
  }
}

/**
 * Whether a URI can be an expansion of the template: its literal parts occur in order, and, where
 * all expressions are simple ones (`{x}`), none of them spans a slash.
 */
export function matchesTemplate(template: string, uri: string): boolean {
  const parts = template.split(/(\{[^{}]*\})/);
  const literals = parts.filter((_, index) => index % 2 === 0);
  const simple = parts.every((part, index) => index % 2 === 0 || /^\{[A-Za-z0-9_.]+\}$/.test(part));
  const first = literals[0] ?? "";
  const last = literals.at(-1) ?? "";
  if (literals.length === 1) return template === uri;
  if (!uri.startsWith(first)) return false;
  let at = first.length;
  for (const literal of literals.slice(1, -1)) {
    const found = uri.indexOf(literal, at);
    if (found < 0 || (simple && uri.slice(at, found).includes("/"))) return false;
    at = found + literal.length;
  }
  const end = uri.length - last.length;
  return at <= end && uri.endsWith(last) && !(simple && uri.slice(at, end).includes("/"));
}
