/** How a text is laid out: its line ends, and what it indents by. */

/** The layout of a text. */
export interface Layout {
  readonly lineEnd: "\n" | "\r\n";
  /** One level of indentation. */
  readonly unit: string;
}

/** Reads the layout; two spaces and a line feed if the text shows none. */
export function layoutOf(text: string): Layout {
  const lineEnd = text.includes("\r\n") ? "\r\n" : "\n";
  const indents = [...text.matchAll(/^([ \t]+)\S/gm)].map(([, indent = ""]) => indent);
  if (indents.some((indent) => indent.startsWith("\t"))) return { lineEnd, unit: "\t" };
  const narrowest = Math.min(...indents.map((indent) => indent.length));
  return { lineEnd, unit: Number.isFinite(narrowest) ? " ".repeat(narrowest) : "  " };
}

/** The spaces and tabs at the start of the line of a place. */
export function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? "";
}

/** A text with another one between. */
export function insertAt(text: string, offset: number, insertion: string): string {
  return text.slice(0, offset) + insertion + text.slice(offset);
}
