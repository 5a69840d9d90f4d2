/** Words of the configuration that servers, profiles and the whole file share. */

/**
 * Where a server comes from: `mcp.json` (or the program that embeds the gateway), the registry in
 * the store, or the gateway itself while nothing is configured.
 */
export type ServerSource = "file" | "registry" | "built-in";

/** Who may read the card of a surface beside its clients: every client, without credentials. */
export const cardAudiences = ["public"] as const;

/** One of them. */
export type CardAudience = (typeof cardAudiences)[number];

/** How names look on a surface: `auto` is bare with exactly one server, else prefixed. */
export const namings = ["auto", "bare", "prefixed"] as const;

/** One of them. */
export type Naming = (typeof namings)[number];
