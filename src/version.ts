/**
 * The gateway's identity on every wire: the name that clients and servers see, and the released
 * version.
 */
export const identity = { name: "mcp-wrapper", version: "0.1.0" } as const;

/** The header by which the gateway recognises its own requests when they come back. */
export const instanceHeader = "mcp-wrapper-instance";
