/**
 * The one rule for characters that a reader does not see, or that change how the text around them
 * is read: control characters, marks of direction, zero-width characters, tags, variation selectors
 * and letters that look empty. A text can hide words for a model in them (case F13). Where they do
 * what people use them for, such as joining an emoji or letters of Persian, they are part of the
 * text. The log, the terminal and the operator's page spell them out.
 */

/** Default_Ignorable_Code_Point has the zero-width characters, tags, selectors and most fillers. */
const unseen = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/gu;

/** What most texts are made of. */
const otherThanPlain = /[^\x20-\x7e]/;

/** Scripts whose letters are joined or kept apart by marks of no width. */
const joinedScripts = [
  ...["Arabic", "Syriac", "Nko", "Mongolian", "Tibetan", "Myanmar", "Khmer", "Sinhala"],
  ...["Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada"],
  "Malayalam",
].map((name) => `\\p{Script=${name}}`).join("");

/** Where an unseen character belongs to the writing: the characters next to it, one by one. */
interface Place {
  readonly characters: RegExp;
  readonly before: RegExp;
  /** What may stand between both. */
  readonly passed?: RegExp;
  /** Absent: any. */
  readonly after?: RegExp;
}

const places: readonly Place[] = [
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

function belongs(character: string, at: number, text: string): boolean {
  const possible = places.filter(({ characters }) => characters.test(character));
  if (possible.length === 0) return false;
  const end = at + character.length;
  const after = text.slice(end, end + pairUnits);
  return possible.some((place) =>
    place.before.test(before(text, at, place.passed)) && place.after?.test(after) !== false
  );
}

/** How many units of a text a character takes at most. */
const pairUnits = 2;

/** The character before a place, except for those that are passed. */
function before(text: string, at: number, passed: RegExp | undefined): string {
  let end = at;
  for (let count = 0;; count += 1) {
    const last = Array.from(text.slice(Math.max(0, end - pairUnits), end)).at(-1) ?? "";
    if (count >= passedMax || passed?.test(last) !== true) return last;
    end -= last.length;
  }
}

/** A text in which `spell` replaces each character that is not seen and does not belong there. */
export function replaceUnseen(text: string, spell: (character: string) => string): string {
  if (!otherThanPlain.test(text)) return text;
  return text.replace(
    unseen,
    (character, at: number) => belongs(character, at, text) ? character : spell(character),
  );
}

/** The same with escapes as JSON has them: `\n`, `\u202e`. JSON text stays JSON of the same value. */
export function escapeUnseen(text: string): string {
  return replaceUnseen(text, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    if (escaped !== character) return escaped;
    return character.split("").map((unit) =>
      `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
    ).join("");
  });
}

/** The same for people: `⟨U+202E⟩`. Line ends and tabs, which are seen, stay. */
export function showUnseen(text: string): string {
  return replaceUnseen(text, (character) => {
    if (character === "\n" || character === "\t") return character;
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `⟨U+${code}⟩`;
  });
}
