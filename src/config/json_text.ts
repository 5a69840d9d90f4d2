/**
 * Parses the text of a configuration file to plain data. Most files are plain JSON, which the
 * runtime parses. The parser for comments and trailing commas (jsonc.ts) is loaded only for other
 * files, or to locate a fault, which spares most gateways its memory.
 */
import { isJsonObject } from "../json.ts";
import type { ParsedText } from "./jsonc.ts";

/** Parses the text of `file`; rejects with a ConfigError that says where the fault is. */
export async function parseText(text: string, file: string): Promise<ParsedText> {
  return parsePlain(text) ?? (await import("./jsonc.ts")).parseJsonc(text, file);
}

/** A string, its inner text, and the colon that makes it a key. */
const stringOrKey = /"((?:[^"\\]|\\.)*)"(\s*:)?/g;

/** The value of a text that is plain JSON without repeated keys; undefined for any other. */
function parsePlain(text: string): ParsedText | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const plain = withoutPrototypes(value);
    let keys = 0;
    for (const [, inner, colon] of text.matchAll(stringOrKey)) {
      if (colon === undefined) continue;
      // V8 may confuse an escaped key with another key (protocol/json_scan.ts).
      if (inner?.includes("\\")) return undefined;
      keys += 1;
    }
    // `JSON.parse` keeps only the last of equal keys, so a repeated key makes the counts differ.
    return plain.members === keys ? { value: plain.value, repeated: [] } : undefined;
  } catch {
    // Not plain JSON, or nested too deeply for recursion.
    return undefined;
  }
}

/** The same value with objects without prototype, and the number of members in all of them. */
function withoutPrototypes(value: unknown): { readonly value: unknown; readonly members: number } {
  if (Array.isArray(value)) {
    const items = value.map(withoutPrototypes);
    return {
      value: items.map((item) => item.value),
      members: items.reduce((sum, item) => sum + item.members, 0),
    };
  }
  if (!isJsonObject(value)) return { value, members: 0 };
  const object: Record<string, unknown> = Object.create(null);
  let members = 0;
  for (const [key, given] of Object.entries(value)) {
    const member = withoutPrototypes(given);
    object[key] = member.value;
    members += 1 + member.members;
  }
  return { value: object, members };
}
