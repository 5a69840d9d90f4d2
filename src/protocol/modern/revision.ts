/** The stateless era has one revision so far. */

/** The revision in which every request carries what the handshake settled before. */
export const modernRevision = "2026-07-28";
