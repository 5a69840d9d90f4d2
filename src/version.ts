/** Who we are on every wire: the name that clients and servers are shown, and the released version. */
export const identity = { name: "mcp-wrapper", version: "0.1.0" } as const;
