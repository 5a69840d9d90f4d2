/**
 * Texts of servers and clients as a person may see them: characters that are invisible, or that turn
 * the direction of writing, are spelled out, so that no text looks like another one or hides a part
 * of itself. Not here: markup, which lit-html never makes from a text.
 */

/**
 * Control characters, halves of surrogate pairs, separators of lines, and what Unicode lets a font
 * ignore: marks of direction, zero-width characters, tags, selectors, fillers. The log and the
 * terminal spell out the same ones.
 */
const unseen = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/gu;

/** Scripts whose letters are joined or kept apart by marks of no width. */
const joinedScripts = [
  ...["Arabic", "Syriac", "Nko", "Mongolian", "Tibetan", "Myanmar", "Khmer", "Sinhala"],
  ...["Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada"],
  "Malayalam",
].map((name) => `\\p{Script=${name}}`).join("");

/**
 * Where an unseen character belongs to the writing: the characters before it (others may be passed
 * on the way) and after it.
 * @typedef {object} Place
 * @property {RegExp} characters
 * @property {RegExp} before
 * @property {RegExp} [passed]
 * @property {RegExp} [after]
 */

/** @type {readonly Place[]} */
const places = [
  {
    characters: /^[\u200c\u200d]$/u,
    before: new RegExp(`^[${joinedScripts}]$`, "u"),
    passed: /^\p{M}$/u,
    after: new RegExp(`^[${joinedScripts}]`, "u"),
  },
  {
    characters: /^\u200d$/u,
    before: /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier})$/u,
    passed: /^\ufe0f$/u,
    after: /^\p{Extended_Pictographic}/u,
  },
  { characters: /^[\ufe0e\ufe0f]$/u, before: /^\p{Extended_Pictographic}$/u },
  { characters: /^\ufe0f$/u, before: /^[0-9#*]$/, after: /^\u20e3/ },
  { characters: /^[\ufe00-\ufe02\u{e0100}-\u{e01ef}]$/u, before: /^\p{Script=Han}$/u },
  { characters: /^[\u180b-\u180d\u180f]$/u, before: /^\p{Script=Mongolian}$/u },
];

/** No script puts more marks on a letter. */
const passedMax = 4;

/**
 * @param {string} character
 * @param {number} at its place
 * @param {string} text
 */
function belongs(character, at, text) {
  const after = text.slice(at + character.length, at + character.length + 2);
  return places.some((place) =>
    place.characters.test(character) && place.before.test(before(text, at, place.passed)) &&
    place.after?.test(after) !== false
  );
}

/**
 * The character before a place, except for those that are passed.
 * @param {string} text
 * @param {number} at
 * @param {RegExp | undefined} passed
 */
function before(text, at, passed) {
  let end = at;
  for (let count = 0;; count += 1) {
    const last = Array.from(text.slice(Math.max(0, end - 2), end)).at(-1) ?? "";
    if (count >= passedMax || passed?.test(last) !== true) return last;
    end -= last.length;
  }
}

/**
 * A piece of a text: as it is, or the spelling of characters.
 * @typedef {{ readonly text: string, readonly isMark: boolean }} Piece
 */

/** So many places of one text are marked; what follows is spelled out alone. */
const marksMax = 500;

/**
 * The pieces of a text, in order. Characters that follow each other share a mark.
 * @param {string} text
 * @returns {Piece[]}
 */
export function pieces(text) {
  const plain = text.replaceAll("\r\n", "\n");
  let marks = 0;
  /** @type {Piece[]} */
  const found = [];
  const add = (/** @type {string} */ part, /** @type {boolean} */ isUnseen) => {
    if (part === "") return;
    // Each piece is an element of the page, and a hostile text consists of such characters.
    const isMark = isUnseen && marks < marksMax;
    const last = found.at(-1);
    if (last?.isMark === isMark) {
      found[found.length - 1] = { text: last.text + part, isMark };
      return;
    }
    if (isMark) marks += 1;
    found.push({ text: part, isMark });
  };
  let end = 0;
  for (const { index, 0: character } of plain.matchAll(unseen)) {
    if (character === "\n" || character === "\t" || belongs(character, index, plain)) continue;
    add(plain.slice(end, index), false);
    add(spelled(character), true);
    end = index + character.length;
  }
  add(plain.slice(end), false);
  return found;
}

/** @param {string} character */
function spelled(character) {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `⟨U+${code}⟩`;
}

/**
 * A text with its unseen characters spelled out.
 * @param {string} text
 */
export const visible = (text) => pieces(text).map((piece) => piece.text).join("");

/**
 * At most so many characters of a text; the last one is "…" where something is missing. No surrogate
 * pair is cut in half.
 * @param {string} text
 * @param {number} charsMax
 */
export function cut(text, charsMax) {
  if (text.length <= charsMax) return text;
  const end = charsMax - 1;
  const isHalf = /[\ud800-\udbff]/.test(text[end - 1] ?? "");
  return `${text.slice(0, isHalf ? end - 1 : end)}…`;
}

/**
 * A text on one line of limited length, with its unseen characters spelled out.
 * @param {string} text
 * @param {number} charsMax
 */
export function line(text, charsMax) {
  const start = text.slice(0, 4 * charsMax);
  return cut(visible(start.replace(/\s+/g, " ").trim()), charsMax);
}
