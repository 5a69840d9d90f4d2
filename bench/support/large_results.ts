/**
 * Results of 256 KiB in three shapes, which cost a parser very different amounts: plain text, JSON
 * written into a text (an escape every few characters), and thousands of small objects. The server
 * sends them, and the load generator compares what arrives with them.
 */

/** The content of such a result. */
export type LargeShape = "text" | "json" | "structured";

/** The members of a tool's result. */
export interface ToolResult {
  readonly content: readonly { readonly type: "text"; readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

const bytes = 256 * 1024;
const rowBytes = 67;

const sentences =
  "The gateway passes this text on as it is, from the first character to the last. ";
const rows = Array.from({ length: Math.floor(bytes / rowBytes) }, (_, at) => ({
  id: 1_000_000 + at,
  name: `row ${String(at).padStart(5, "0")}`,
  price: 9.5,
  tags: ["one", "two"],
}));

const bodies: Readonly<Record<LargeShape, () => ToolResult>> = {
  text: () => textResult(sentences.repeat(Math.ceil(bytes / sentences.length)).slice(0, bytes)),
  json: () => textResult(JSON.stringify(rows)),
  structured: () => ({ content: [], structuredContent: { rows } }),
};

const textResult = (text: string): ToolResult => ({ content: [{ type: "text", text }] });
const made = new Map<LargeShape, ToolResult>();

/** The result of one shape; `label` is its last text, so that two results differ. */
export function largeResult(shape: LargeShape, label: string): ToolResult {
  const known = made.get(shape) ?? bodies[shape]();
  made.set(shape, known);
  return { ...known, content: [...known.content, { type: "text", text: label }] };
}
