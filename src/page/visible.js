/**
 * Texts of servers and clients as a person may see them: characters that are invisible, or that turn
 * the direction of writing, are spelled out, so that no text looks like another one or hides a part
 * of itself. Not here: markup, which lit-html never makes from a text.
 */

/**
 * Control characters except tab and line feed, formatting characters (zero width, direction, tags),
 * halves of surrogate pairs, private use, line separators, fillers that look like nothing, and
 * variation selectors, which can carry hidden text.
 */
const unseen =
  /[^\P{C}\n\t]|[\u2028\u2029\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;

/** Emoji and keycaps with the joiners and selectors that belong to them: they are what they seem. */
const emoji =
  /\p{Extended_Pictographic}[\u{1f3fb}-\u{1f3ff}]?\ufe0f?(?:\u200d\p{Extended_Pictographic}[\u{1f3fb}-\u{1f3ff}]?\ufe0f?)*|[0-9#*]\ufe0f?\u20e3/gu;

/**
 * A piece of a text: as it is, or the spelling of one character.
 * @typedef {{ readonly text: string, readonly isMark: boolean }} Piece
 */

/**
 * The pieces of a text, in order.
 * @param {string} text
 * @returns {Piece[]}
 */
export function pieces(text) {
  const plain = text.replaceAll("\r\n", "\n");
  /** @type {Piece[]} */
  const found = [];
  const add = (/** @type {string} */ part, isMark = false) => {
    if (part !== "") found.push({ text: part, isMark });
  };
  let end = 0;
  for (const { index, 0: whole } of plain.matchAll(emoji)) {
    markUnseen(plain.slice(end, index), add);
    add(whole);
    end = index + whole.length;
  }
  markUnseen(plain.slice(end), add);
  return found;
}

/**
 * @param {string} text
 * @param {(part: string, isMark?: boolean) => void} add
 */
function markUnseen(text, add) {
  let end = 0;
  for (const { index, 0: character } of text.matchAll(unseen)) {
    add(text.slice(end, index));
    add(spelled(character), true);
    end = index + character.length;
  }
  add(text.slice(end));
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
