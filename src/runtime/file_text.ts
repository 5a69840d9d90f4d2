/**
 * The bytes of a file as text. Editors and shells on Windows write UTF-16 and byte order marks; the
 * decoded text has neither. Without a mark, a zero byte next to the first ASCII character shows
 * that the file is UTF-16.
 */

/** Encodings that have a byte order mark. */
const marks:
  readonly (readonly [encoding: "utf-16le" | "utf-16be", first: number, second: number])[] = [
    ["utf-16le", 0xff, 0xfe],
    ["utf-16be", 0xfe, 0xff],
  ];

/** Decodes a whole file; the decoder removes a byte order mark. */
export function decodeFile(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes);
  // A line end that a program appended in another encoding is half a character.
  const whole = encoding !== "utf-8" && bytes.length % 2 !== 0 ? bytes.subarray(0, -1) : bytes;
  return new TextDecoder(encoding).decode(whole);
}

function encodingOf(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  const [first, second] = bytes;
  const marked = marks.find((mark) => mark[1] === first && mark[2] === second);
  if (marked !== undefined) return marked[0];
  if (bytes.length < 2) return "utf-8";
  if (first === 0 && second !== 0) return "utf-16be";
  return second === 0 && first !== 0 ? "utf-16le" : "utf-8";
}
