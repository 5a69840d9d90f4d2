/**
 * Large results in shapes that cost a parser very different amounts: plain text, log lines (an
 * escape every fifty characters), JSON written into a text (one every few characters), and
 * thousands of small objects. The server sends them, and the load generator compares what arrives.
 */

/** The content of such a result: 256 KiB, or 1 MiB of plain text. */
export type LargeShape = "text" | "log" | "json" | "structured" | "text_1mb";

/** The members of a tool's result. */
export interface ToolResult {
  readonly content: readonly { readonly type: "text"; readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

const bytes = 256 * 1024;
const megabyte = 1024 * 1024;
const rowCount = 3_800;

const sentences =
  "The gateway passes this text on as it is, from the first character to the last. ";
const logLine = "2026-11-28T10:00:00Z INFO the request took 12 ms\n";
const rows = Array.from({ length: rowCount }, (_, at) => ({
  id: 1_000_000 + at,
  name: `row number ${String(at).padStart(5, "0")}`,
  price: 9.5,
  tags: ["one", "two"],
}));

const textResult = (text: string): ToolResult => ({ content: [{ type: "text", text }] });
const repeated = (text: string, size: number): ToolResult =>
  textResult(text.repeat(Math.ceil(size / text.length)).slice(0, size));

const bodies: Readonly<Record<LargeShape, () => ToolResult>> = {
  text: () => repeated(sentences, bytes),
  log: () => repeated(logLine, bytes),
  json: () => textResult(JSON.stringify(rows)),
  structured: () => ({ content: [], structuredContent: { rows } }),
  text_1mb: () => repeated(sentences, megabyte),
};

const made = new Map<LargeShape, ToolResult>();

/** The result of one shape; `label` is its last text, so that two results differ. */
export function largeResult(shape: LargeShape, label: string): ToolResult {
  const known = made.get(shape) ?? bodies[shape]();
  made.set(shape, known);
  return { ...known, content: [...known.content, { type: "text", text: label }] };
}
