/**
 * Words that mean the same where tools are concerned. Models ask for "a picture" where a server says
 * "screenshot", and what one server calls `list` is `find` or `get` at the next. A row is one sense;
 * a word may have several. Rows are general: none is there for a certain server.
 */

/** What tools do. */
const actions = [
  "create new add make write insert start draft compose generate register open",
  "book schedule plan create",
  "append add insert attach",
  "delete remove erase drop trash forget clear destroy discard",
  "list show all see browse display view enumerate which",
  "get fetch read retrieve show view look load see open",
  "search find look query locate list filter",
  "update edit change modify set alter adjust",
  "send post write submit publish",
  "move transfer transition",
  "rename move",
  "run execute exec launch start trigger perform evaluate",
  "stop cancel end abort kill terminate quit",
  "cancel delete",
  "retry again rerun restart repeat",
  "copy fork clone duplicate",
  "upload attach",
  "download save export",
  "approve accept review",
  "decline reject respond",
  "reply respond answer",
  "share grant invite",
  "close resolve finish complete",
  "compare diff",
  "switch checkout",
  "explain describe analyze understand",
  "convert translate transform",
  "enter type fill",
  "go navigate visit open",
  "refund reimburse",
];

/** What tools are about. */
const things = [
  "folder directory",
  "file document doc",
  "picture image photo screenshot",
  "website site web page browser url link",
  "mail email inbox letter",
  "message chat conversation discuss talk",
  "comment note remark",
  "history recent latest last past previous",
  "meeting event appointment",
  "ticket issue bug task story",
  "user person people member everyone everybody contact colleague",
  "repo repository",
  "pr|pull request",
  "mr|merge request",
  "error exception crash failure problem",
  "log output trace",
  "database db sql",
  "table column schema",
  "spreadsheet sheet excel",
  "wiki article",
  "free busy available availability slot",
  "price cost worth much",
  "payment charge money pay",
  "money balance refund",
  "coin crypto cryptocurrency bitcoin",
  "weather forecast temperature",
  "time clock timezone hour",
  "news headline",
  "local nearby place restaurant shop",
  "remember memory remind observation knowledge",
  "status state progress",
  "ci build pipeline workflow job",
  "usage consumption",
  "discount coupon",
  "popular trending top",
  "change diff difference",
  "invoice bill",
  "details info information",
  "permission access share",
];

type Senses = ReadonlyMap<string, readonly string[]>;

/** The senses of a word of a query. */
export interface WordSenses {
  /** As words of the index. */
  readonly senses: readonly string[];
  /** Whether the word says what is to be done: then the one that a server chose matters little. */
  readonly isAction: boolean;
}

const actionSenses = toSenses(actions, "doing");
const thingSenses = toSenses(things, "being");

function toSenses(rows: readonly string[], prefix: string): Senses {
  const senses = new Map<string, string[]>();
  for (const [at, row] of rows.entries()) {
    for (const word of row.split(row.includes("|") ? "|" : " ")) {
      const stem = stemOf(word);
      const known = senses.get(stem) ?? [];
      senses.set(stem, [...known, `${prefix}sense${at}`]);
    }
  }
  return senses;
}

/** What a word of a query means; undefined if no row has it. */
export function sensesOfWord(word: string): WordSenses | undefined {
  const stem = stemOf(word);
  const doing = actionSenses.get(stem) ?? [];
  const being = thingSenses.get(stem) ?? [];
  if (doing.length + being.length === 0) return undefined;
  return { senses: [...doing, ...being], isAction: doing.length > 0 };
}

/** The senses of words with spaces between them, and of neighbours together, as words. */
export function sensesOfText(words: string): string {
  const stems = words.split(" ").map(stemOf);
  const found: string[] = [];
  for (const [at, stem] of stems.entries()) {
    const pair = `${stem} ${stems[at + 1] ?? ""}`;
    for (const senses of [actionSenses, thingSenses]) {
      for (const sense of [...senses.get(stem) ?? [], ...senses.get(pair) ?? []]) found.push(sense);
    }
  }
  return found.join(" ");
}

/** An English word without its commonest endings, so that a row has each word once. */
function stemOf(words: string): string {
  return words.split(" ").map((word) =>
    word.replace(/ies$/, "y")
      .replace(/(?<=\w\w(?:ss|sh|ch|x))es$/, "")
      .replace(/(?<=\w\w[^su])s$/, "")
      .replace(/(?<=\w{3})(?:ing|ed)$/, "")
      .replace(/e$/, "")
  ).join(" ");
}
