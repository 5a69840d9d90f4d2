/**
 * The headers of both eras that a client in a browser must be allowed to send and to read, since
 * browsers let through only what a server names. Not here: what they mean (http_wire.ts of each
 * era).
 */

/** What a client sends. */
export const sentHeaders: readonly string[] = [
  "mcp-session-id",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name",
  "last-event-id",
];

/** Arguments of tools that travel in headers too: their names are the tools' own. */
export const argumentHeader = /^mcp-param-[!#$%&'*+.^_`|~0-9a-z-]+$/i;

/** What a client reads. */
export const readHeaders: readonly string[] = ["Mcp-Session-Id"];
