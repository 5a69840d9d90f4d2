/**
 * The text of a configuration file to plain data. Most files are plain JSON, which the runtime
 * parses; the parser of comments and trailing commas (jsonc.ts) is loaded only for another one, or
 * to name a fault, which spares a gateway without one some megabytes.
 */
import { isJsonObject } from "../json.ts";
import type { ParsedText } from "./jsonc.ts";

/** Parses the text of `file`; rejects with a ConfigError with the place of the fault. */
export async function parseText(text: string, file: string): Promise<ParsedText> {
  return parsePlain(text) ?? (await import("./jsonc.ts")).parseJsonc(text, file);
}

/** A string with what stands in it, and the colon that makes it a key. */
const stringOrKey = /"((?:[^"\\]|\\.)*)"(\s*:)?/g;

/** The value of a text that is plain JSON without repeated keys; undefined for any other. */
function parsePlain(text: string): ParsedText | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const plain = withoutPrototypes(value);
    let keys = 0;
    for (const [, inner, colon] of text.matchAll(stringOrKey)) {
      if (colon === undefined) continue;
      // V8 may give an escaped key the name of another (protocol/json_scan.ts).
      if (inner?.includes("\\")) return undefined;
      keys += 1;
    }
    // A key that stands twice is lost in the value.
    return plain.members === keys ? { value: plain.value, repeated: [] } : undefined;
  } catch {
    // Not plain JSON, or nested too deeply for recursion.
    return undefined;
  }
}

/** The same value with objects that have no prototype, and how many members they have in all. */
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
