/**
 * The headers of both eras that a client in a browser sends and reads. Browsers pass on only
 * headers that the server allows. Not here: what they mean (http_wire.ts of each era).
 */

/** What a client sends. */
export const sentHeaders: readonly string[] = [
  "mcp-session-id",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name",
  "last-event-id",
  "traceparent",
  "tracestate",
  "baggage",
];

/** Headers that repeat arguments of tools; each tool chooses their names. */
export const argumentHeader = /^mcp-param-[!#$%&'*+.^_`|~0-9a-z-]+$/i;

/** What a client reads. */
export const readHeaders: readonly string[] = ["Mcp-Session-Id"];
