/**
 * Texts of servers and files as a terminal may get them. A terminal obeys control characters: they
 * could hide what it shows, or change its title or its clipboard. Characters that turn the direction
 * of writing make a text look like another one.
 */
import { escapeUnseen } from "../unseen_characters.ts";

/** A text with its lines, in which characters that a terminal obeys are spelled out. */
export function toVisible(text: string): string {
  return text.replace(/[^\n\t]+/g, escapeUnseen);
}

/** The same, except for the marks that a pattern finds, which has one group around all of it. */
export function toVisibleExcept(text: string, marks: RegExp): string {
  return text.split(marks).map((part, index) => index % 2 === 0 ? toVisible(part) : part).join("");
}
