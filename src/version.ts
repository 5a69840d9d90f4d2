/** Who we are on every wire: the name that clients and servers are shown, and the released version. */
export const identity = { name: "mcp-wrapper", version: "0.1.0" } as const;

/** The header by which the gateway knows its own requests when they come back to it. */
export const instanceHeader = "mcp-wrapper-instance";
