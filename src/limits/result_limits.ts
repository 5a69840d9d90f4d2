/** Limits on what clients get of lists and results, and on results that are kept to be read on. */

/** The rows. */
export const resultLimits = {
  /** The least `resultCharsMax`: less leaves little beside the note about the cut. */
  resultCharsMin: 4_000,
  /** The largest: a line of a server has no more. */
  resultCharsMost: 16 * 1024 * 1024,
  /** The room for that note and the links, within the bound of a result. */
  resultNoteChars: 1_200,
  /** The least that a shortened result shows of a block; beyond that the last blocks are left out. */
  resultBlockCharsMin: 200,
  /**
   * What a block may have beside its text or data, such as its type, name, URI and annotations: an
   * icon or a whole document in there would pass the bound of texts.
   */
  resultFrameCharsMax: 1_000,
  /** A link in the place of an image, which names its type twice. */
  resultLinkChars: 500,
  /**
   * Texts, images and sounds of one result together, where its client takes less text: images cost
   * a model by their size in pixels, but clients and APIs refuse results beyond a megabyte.
   */
  resultMediaCharsMax: 1_000_000,
  /** One whole result that is kept: as much as a line of a server. */
  keptResultCharsMax: 16 * 1024 * 1024,
  /** Kept results of one principal and of all, by number and characters; the oldest give way. */
  keptResultsPerPrincipalMax: 256,
  keptResultsMax: 2_000,
  keptCharsPerPrincipalMax: 64 * 1024 * 1024,
  keptCharsMax: 128 * 1024 * 1024,
  /** How long a result can be read on: longer than a model works at one answer. */
  keptResultMs: 3_600_000,
  /** The longest list of tools of a client with a limit: one page. */
  clientToolsMax: 1_000,
  /** The shortest maximum for a tool's name: some of it must stay before its hash. */
  clientNameCharsMin: 20,
  /** Names of clients whose kind is remembered. */
  clientNamesMax: 256,
  /** Shortened names of tools that are remembered; others are found in the list again. */
  shortNamesMax: 10_000,
  /** Kinds of clients on surfaces about whose limits a record was logged. */
  limitedClientsMax: 1_000,
} as const satisfies Record<string, number>;
