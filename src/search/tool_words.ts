/**
 * How the definitions of tools and the queries of models become words: names are split at their
 * capitals and signs, scripts without spaces at each character, and what is left has letters and
 * digits alone, so that nothing in a query can be an operator of the index.
 */
import { beginning } from "../excerpt.ts";
import { isJsonObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { sensesOfText } from "./senses.ts";
import type { ToolWords } from "./tool_index.ts";

/** Characters of scripts that write no spaces between words. */
const unspaced = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Khmer}\p{sc=Lao}]/u;
const eachUnspaced = new RegExp(unspaced, "gu");

/** A text as its words in lower case, with spaces between them. */
export function wordsOf(text: string): string {
  return text.normalize("NFKC").toLowerCase()
    .replace(eachUnspaced, " $& ")
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, " ")
    .trim();
}

/** The words of a name such as `createPullRequest`: its parts, and those that are whole. */
export function nameWordsOf(name: string): string {
  const whole = wordsOf(name);
  const parts = wordsOf(
    name.replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2").replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2"),
  );
  return parts === whole ? whole : `${parts} ${whole}`;
}

/** A tool as a surface offers it, and the name of its server, in words. */
export function toToolWords(
  server: string,
  own: string,
  tool: JsonObject,
  limits: Pick<Limits, "searchTextCharsMax" | "searchDepthMax">,
): ToolWords {
  const { searchTextCharsMax: charsMax, searchDepthMax } = limits;
  const textOf = (value: unknown) => typeof value === "string" ? beginning(value, charsMax) : "";
  const parameters: string[] = [];
  collectParameters(tool["inputSchema"], searchDepthMax, { left: charsMax }, parameters);
  const name = nameWordsOf(textOf(own));
  const title = wordsOf(textOf(tool["title"]));
  const description = wordsOf(textOf(tool["description"]));
  const serverWords = nameWordsOf(server);
  return {
    name,
    title,
    description,
    parameters: parameters.join(" "),
    server: serverWords,
    nameSenses: sensesOfText(`${name} ${title}`),
    textSenses: sensesOfText(`${description} ${serverWords}`),
  };
}

/** The words of a schema's parameters; `room` bounds the characters of all together. */
function collectParameters(
  schema: unknown,
  depth: number,
  room: { left: number },
  found: string[],
): void {
  if (depth === 0 || !isJsonObject(schema)) return;
  const { properties, items } = schema;
  collectParameters(items, depth - 1, room, found);
  if (!isJsonObject(properties)) return;
  for (const [name, property] of Object.entries(properties)) {
    const about = isJsonObject(property) ? property["description"] : undefined;
    const told = typeof about === "string" ? beginning(about, room.left) : "";
    room.left -= name.length + told.length;
    if (room.left <= 0) return;
    found.push(nameWordsOf(name), wordsOf(told));
    collectParameters(property, depth - 1, room, found);
  }
}

/** Words that say nothing about a tool. */
const emptyWords = new Set(
  ("a an the of to in on for with and or is are was were be been what which who whom whose how " +
    "when where why my our your me i you we us they he she it its this that these those there " +
    "can could would should will do does did have has had please from by at as into about some " +
    "any all not no yet but if so than then want need like let tool tools use using s t up " +
    "something someone anything today tomorrow yesterday now right").split(" "),
);

/** The words of a query that count, each once; all of its words if none of them does. */
export function queryWordsOf(
  query: string,
  { searchQueryCharsMax, searchWordsMax }: Pick<Limits, "searchQueryCharsMax" | "searchWordsMax">,
): readonly string[] {
  const text = beginning(query, searchQueryCharsMax)
    // A name that begins with a small letter is split; a brand such as GitHub is one word.
    .replace(/(?<!\p{L})\p{Ll}+(?:\p{Lu}\p{Ll}+)+/gu, nameWordsOf);
  const words = wordsOf(text).split(" ").filter((word) => word !== "");
  const telling = words.filter((word) => !emptyWords.has(word));
  const chosen = inPairs(telling.length === 0 ? words : telling);
  return [...new Set(chosen)].slice(0, searchWordsMax);
}

/** Neighbouring characters of a script without spaces, in pairs: a pair means more than each. */
function inPairs(words: readonly string[]): string[] {
  const isUnspaced = (word: string | undefined) => word !== undefined && unspaced.test(word);
  return words.flatMap((word, at) => {
    if (!isUnspaced(word)) return [word];
    const next = words[at + 1];
    if (isUnspaced(next)) return [`${word} ${next}`];
    // The last one of several stands in the pair before.
    return isUnspaced(words[at - 1]) ? [] : [word];
  });
}
