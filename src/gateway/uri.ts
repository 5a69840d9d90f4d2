/**
 * Resource URIs on a surface of several servers. A URI stays what its server calls it; only when
 * two servers offer the same one does the later get a gateway URI, which names its server in itself
 * and so needs no table: `mcp-wrapper://{server}/{uri}`. The scheme stays where hosts go by it, for
 * pages of apps and files of skills: `ui://mcp-wrapper/{server}/{uri without its scheme}`. Templates
 * of RFC 6570 are matched as a superset, in linear time: hostile templates cannot make it backtrack.
 */
import { pageScheme } from "./app_meta.ts";

const plainForm = { start: "mcp-wrapper://", scheme: "" } as const;

/** How gateway URIs start, and what the server's own URI starts with where the rest is cut off. */
const forms = [
  { start: `${pageScheme}mcp-wrapper/`, scheme: pageScheme },
  { start: "skill://mcp-wrapper/", scheme: "skill://" },
  plainForm,
] as const;

/** The gateway URI (or template) for a server's own one. */
export function toGatewayUri(server: string, uri: string): string {
  const { start, scheme } = forms.find((form) => uri.startsWith(form.scheme)) ?? plainForm;
  return `${start}${encodeURIComponent(server)}/${uri.slice(scheme.length)}`;
}

/** The server and own URI of a gateway URI; undefined for all others. */
export function fromGatewayUri(uri: string): { server: string; uri: string } | undefined {
  const form = forms.find(({ start }) => uri.startsWith(start));
  if (form === undefined) return undefined;
  const { start, scheme } = form;
  const slash = uri.indexOf("/", start.length);
  if (slash < 0) return undefined;
  try {
    return {
      server: decodeURIComponent(uri.slice(start.length, slash)),
      uri: `${scheme}${uri.slice(slash + 1)}`,
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
