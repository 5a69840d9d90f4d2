/** Limits on the fingerprints of tools, and on the changes that wait for a person. */

/** The rows. */
export const pinLimits = {
  /**
   * Lists of one server whose fingerprints are kept: one for each kind of client, and for each
   * principal where each has a grant. The one that was read longest ago leaves.
   */
  pinnedListsMax: 256,
  /** Lists of one server whose fingerprints stay in memory: working them out takes 0.1 ms a tool. */
  knownPrintsMax: 8,
  /** Servers with stored fingerprints; more than a registry and an `mcp.json` usually have. */
  pinnedServersMax: 2_000,
  /** Fingerprints of one tool that are accepted: a server may return to an earlier version. */
  acceptedPrintsMax: 4,
  /** Changes of one server that wait for a person, and approvals of one server. */
  toolChangesMax: 2_000,
  toolApprovalsMax: 4_000,
  /** How often one tool's changes are reported in one run: some differ at each start. */
  toolChangesToldMax: 16,
  /** A stored definition; longer members are cut. */
  definitionCharsMax: 16 * 1024,
  /** The definitions in one answer about changes; the changes after these come without them. */
  shownDefinitionCharsMax: 4 * 1024 * 1024,
} as const satisfies Record<string, number>;
