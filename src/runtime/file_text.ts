/**
 * The bytes of a file as text. Editors and shells of Windows write UTF-16 and byte order marks; what
 * is read for people and programs here has neither. Without a mark, a first character of ASCII tells
 * UTF-16 from UTF-8, which has no zero byte next to it.
 */

/** Encodings that a file may begin with the mark of. */
const marks:
  readonly (readonly [encoding: "utf-16le" | "utf-16be", first: number, second: number])[] = [
    ["utf-16le", 0xff, 0xfe],
    ["utf-16be", 0xfe, 0xff],
  ];

/** Decodes a whole file; the decoder takes a byte order mark away. */
export function decodeFile(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}

function encodingOf(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  const [first, second] = bytes;
  const marked = marks.find((mark) => mark[1] === first && mark[2] === second);
  if (marked !== undefined) return marked[0];
  if (bytes.length < 2 || bytes.length % 2 !== 0) return "utf-8";
  if (first === 0 && second !== 0) return "utf-16be";
  return second === 0 && first !== 0 ? "utf-16le" : "utf-8";
}
