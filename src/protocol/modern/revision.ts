/** The stateless era has one revision so far. */

/** The revision in which every request says for itself what a handshake used to settle. */
export const modernRevision = "2026-07-28";
