/** Why a schema cannot be compiled, in words for the log and for a model. */
import { oneLine } from "../../one_line.ts";
import { quotedCharsMax } from "../quote.ts";

/** Ends the reading of a schema that no correction can save. */
export class Unsound extends Error {}

/** A path as a pointer for a reader, such as `/properties/a`. */
export function describePath(path: readonly string[]): string {
  const pointer = path.map((key) => `/${escapeKey(key)}`).join("");
  return pointer === "" ? "its root" : oneLine(pointer, quotedCharsMax);
}

/** A key as a part of a pointer (RFC 6901). */
export function escapeKey(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
