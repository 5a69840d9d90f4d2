/**
 * Texts of clients on the gateway's pages, such as their names and URLs. They are cut, and what a
 * reader cannot see, or what turns the direction of writing, is spelled out.
 */
import { truncate } from "../../excerpt.ts";

/** Control, format, private and unassigned characters, line ends, and letters that look empty. */
const unseen = /[\p{C}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/gu;
/** More marks than any script puts on one letter: they would cover the lines around. */
const manyMarks = /(\p{M}{4})\p{M}+/gu;

/** A text as it may be shown, on one line. */
export function toShownText(text: string, charsMax: number): string {
  const line = text.replace(/[\p{Zs}\t\r\n]+/gu, " ").trim().replace(manyMarks, "$1");
  const visible = line.replace(
    unseen,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return truncate(visible, charsMax);
}

/** Latin with letters of another script that look like it. */
function mixesScripts(text: string): boolean {
  return [...text.matchAll(/\p{L}+/gu)].some(([word]) =>
    /\p{Script=Latin}/u.test(word) && /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(word)
  );
}

/** Names that are worth imitating, and the domains of those who bear them. */
const wellKnown: readonly (readonly [name: RegExp, domains: readonly string[]])[] = [
  [/claude|anthropic/, ["claude.ai", "claude.com", "anthropic.com"]],
  [/chat ?gpt|openai|codex/, ["chatgpt.com", "openai.com"]],
  [/cursor/, ["cursor.com", "cursor.sh"]],
  [/visual studio|vs ?code|microsoft|copilot|github/, [
    "vscode.dev",
    "microsoft.com",
    "github.com",
  ]],
  [/gemini|google/, ["google.com"]],
  [/zed/, ["zed.dev"]],
];

/** Whether a name looks like one that the host of its client does not bear. */
export function imitates(name: string, host: string | undefined): boolean {
  if (mixesScripts(name)) return true;
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const borne = wellKnown.find(([pattern]) => pattern.test(plain));
  if (borne === undefined || host === undefined) return false;
  return !borne[1].some((domain) => host === domain || host.endsWith(`.${domain}`));
}
