/** Limits on the search of tools. */

/** The rows. */
export const searchLimits = {
  /** What of a query is looked at: models search in a sentence, and each word costs a look-up. */
  searchQueryCharsMax: 1_000,
  searchWordsMax: 12,
  /** Tools in one answer, and of those if the model does not say how many. */
  searchHitsMax: 50,
  searchHits: 8,
  /** What a hit shows of its description, and the whole text of an answer: some 2,000 tokens. */
  searchLineCharsMax: 160,
  searchAnswerCharsMax: 8_000,
  /** What the index keeps of one tool's description, and of its parameters together. */
  searchTextCharsMax: 4_000,
  /** The nesting in which parameters are looked for. */
  searchDepthMax: 3,
  /**
   * Tools in the index: those that were searched longest ago leave. Twenty servers have some 300;
   * lists differ by principal and by surface.
   */
  searchToolsMax: 5_000,
  /** Tools that the index takes in before other work runs: some 10 ms of it. */
  searchPortion: 50,
  /** Forms of one tool that the index knows: surfaces may rename it. */
  searchFormsMax: 16,
  /** Names that an error suggests in place of an unknown one. */
  searchNearestMax: 3,
} as const satisfies Record<string, number>;
