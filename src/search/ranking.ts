/**
 * How well the tools of an index answer a query. Each word counts by its best match: the word itself,
 * a longer word that begins with it, or another word of its sense. A tool that answers to more of
 * the words counts more. The weights are by general reasoning and held by the queries of
 * test/contract/search_quality.test.ts.
 */
import { sensesOfWord } from "./senses.ts";
import type { IndexHit, ToolIndex } from "./tool_index.ts";

/** What a match counts in proportion to that of the word itself. */
const weights = {
  /** A longer word that begins with it: `repo` for `repository`. */
  beginning: 0.5,
  /** Another word for the same thing. */
  sense: 0.8,
  /**
   * The very verb, in addition to its sense: which of several verbs a server took says little, and
   * rare ones would count too much.
   */
  sameVerb: 0.25,
};

/** A shorter word is no beginning of others: `git` is not meant by those who write `github`. */
const beginningCharsMin = 4;

/** The score of each tool that answers to a word of the query, by its id. */
export function rank(index: ToolIndex, words: readonly string[]): ReadonlyMap<number, number> {
  const totals = new Map<number, { score: number; words: number }>();
  const add = (scores: ReadonlyMap<number, number>, counts: number): void => {
    for (const [id, score] of scores) {
      const total = totals.get(id) ?? { score: 0, words: 0 };
      totals.set(id, { score: total.score + score, words: total.words + counts });
    }
  };
  for (const [at, word] of words.entries()) {
    const next = words[at + 1];
    // "stack trace" is "stacktrace" elsewhere.
    if (next !== undefined) add(scoresOf(index.match([`${word}${next}`], "whole")), 0);
    add(scoresOfWord(index, word), 1);
  }
  return new Map(
    [...totals].map(([id, { score, words: found }]) => [id, score * (1 + found / words.length)]),
  );
}

function scoresOf(hits: readonly IndexHit[]): Map<number, number> {
  return new Map(hits.map(({ id, score }) => [id, score]));
}

/** What one word of a query adds to each tool. */
function scoresOfWord(index: ToolIndex, word: string): Map<number, number> {
  const scores = new Map<number, number>();
  const raise = (hits: readonly IndexHit[], weight: number): void => {
    for (const { id, score } of hits) {
      scores.set(id, Math.max(scores.get(id) ?? 0, score * weight));
    }
  };
  const known = sensesOfWord(word);
  const same = index.match([word], "whole");
  if (known?.isAction === true) {
    raise(index.match(known.senses, "whole"), 1);
    for (const { id, score } of same) {
      scores.set(id, (scores.get(id) ?? 0) + score * weights.sameVerb);
    }
    return scores;
  }
  raise(same, 1);
  if (word.length >= beginningCharsMin) raise(index.match([word], "beginning"), weights.beginning);
  if (known !== undefined) raise(index.match(known.senses, "whole"), weights.sense);
  return scores;
}
