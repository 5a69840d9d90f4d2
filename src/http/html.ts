/**
 * Markup for the gateway's own pages. Every text that is put into a template is escaped; only
 * markup that another template made is not. Templates put texts between tags or into quoted
 * attributes, where escaping suffices; a URL must be checked before it becomes a link.
 */

/** Markup. Made by `html` alone. */
export interface Markup {
  readonly markup: string;
}

/** What a template takes; `undefined` and `false` leave nothing. */
export type MarkupValue = string | number | Markup | readonly Markup[] | undefined | false;

/** The markup of a template. */
export function html(parts: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  const markup = parts.map((part, index) => part + toMarkup(values[index])).join("");
  return { markup };
}

function toMarkup(value: MarkupValue): string {
  if (value === undefined || value === false) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return escapeHtml(value);
  return "markup" in value ? value.markup : value.map(({ markup }) => markup).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text as it stands between tags or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
