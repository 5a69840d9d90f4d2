/**
 * Markup for the gateway's own pages. Every text that is put into a template is escaped; only
 * markup that another template made is not. Templates put texts between tags or into quoted
 * attributes, where escaping suffices; a URL must be checked before it becomes a link.
 */

/** Text that is markup. A class, so that no parsed value is taken for one. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes; `undefined` and `false` leave nothing. */
export type MarkupValue = string | number | Markup | readonly Markup[] | undefined | false;

/** The markup of a template. */
export function markup(parts: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  return new Markup(parts.map((part, index) => part + toText(values[index])).join(""));
}

function toText(value: MarkupValue): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  return Array.isArray(value) ? value.map(toText).join("") : escapeHtml(String(value));
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
