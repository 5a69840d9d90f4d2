/**
 * The index of tools as its users see it: words go in, rows with a score come out. How texts become
 * words is in tool_words.ts, how rows rank in ranking.ts, and where they are kept in the store.
 */

/** One tool as lists of words with spaces between them. */
export interface ToolWords {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The names and descriptions of its parameters. */
  readonly parameters: string;
  /** The name of its server. */
  readonly server: string;
  /** The senses (senses.ts) of its name and title, and those of its description and server. */
  readonly nameSenses: string;
  readonly textSenses: string;
}

/** A tool that has one of the words. */
export interface IndexHit {
  readonly id: number;
  /** By BM25: greater is better. */
  readonly score: number;
}

/** The index of one gateway. */
export interface ToolIndex {
  /** Adds tools; returns the id of each, in their order. */
  add(tools: readonly ToolWords[]): readonly number[];
  remove(ids: readonly number[]): void;
  /** Lets other work run, between two portions of what is added. */
  rest(): Promise<void>;
  /**
   * The tools that have one of these words, or a word that begins with one, in no order. Words are
   * as `tool_words.ts` makes them; several with spaces between them are looked for side by side.
   */
  match(words: readonly string[], how: "whole" | "beginning"): readonly IndexHit[];
  close(): void;
}
