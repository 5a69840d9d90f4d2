/**
 * A long text, shortened where its structure allows: JSON loses items and members and stays JSON,
 * which says what is missing; any other text ends at a border.
 */
import { type MessageLimits, parseJson } from "../protocol/jsonrpc.ts";
import { partEnd } from "./part_border.ts";
import { truncateToFit } from "./truncate.ts";

/** A shortened text. */
export interface ShortText {
  readonly text: string;
  /** Whether it is the beginning of the whole, so that reading goes on after it. */
  readonly isBeginning: boolean;
}

/** Shortens a text to at most `charsMax` characters. */
export function shortenText(text: string, charsMax: number, bounds: MessageLimits): ShortText {
  const value = jsonIn(text, bounds);
  if (value !== undefined) {
    const short = JSON.stringify(truncateToFit(value, charsMax, { marks: true }).value);
    if (short.length <= charsMax) return { text: short, isBeginning: false };
  }
  return { text: text.slice(0, partEnd(text, 0, charsMax)), isBeginning: true };
}

/** The list or object that a text is; undefined for any other text. */
function jsonIn(text: string, bounds: MessageLimits): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value = parseJson(text, bounds, false);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
