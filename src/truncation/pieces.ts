/**
 * A whole result that is read on in parts: its pieces in order, and the parts that they are given
 * in. A part is no longer than its reader takes; what cannot be cut is a part of its own. The parts
 * together are the whole.
 */
import { partEnd } from "./part_border.ts";

/** Text, or Base64 of bytes. */
export type Piece =
  & { readonly mimeType: string }
  & ({ readonly text: string } | { readonly blob: string });

/** From where to where a piece stands in a part. */
export interface Section {
  /** The place of the piece. */
  readonly piece: number;
  readonly start: number;
  readonly end: number;
}

/** What is read at once. */
export type ReadPart = readonly Section[];

/** The characters that a piece takes. */
export function charsOf(piece: Piece): number {
  return "text" in piece ? piece.text.length : piece.blob.length;
}

/** The characters that stand around each piece in a part: its URI, and the names of its members. */
const frameChars = 150;

/** The characters that a piece costs who keeps it or reads it. */
export function costOf(piece: Piece): number {
  return charsOf(piece) + piece.mimeType.length + frameChars;
}

/**
 * Splits pieces into parts of at most `charsMax` characters of text. Where a part has several pieces,
 * what stands around them counts, too.
 */
export function splitIntoParts(pieces: readonly Piece[], charsMax: number): readonly ReadPart[] {
  const parts: ReadPart[] = [];
  let open: Section[] = [];
  let used = 0;
  const close = (): void => {
    if (open.length > 0) parts.push(open);
    open = [];
    used = 0;
  };
  for (const [index, piece] of pieces.entries()) {
    const whole = { piece: index, start: 0, end: charsOf(piece) };
    if (!("text" in piece)) {
      close();
      parts.push([whole]);
      continue;
    }
    if (whole.end > charsMax - used) close();
    if (whole.end <= charsMax) {
      open.push(whole);
      used += costOf(piece);
    } else {
      parts.push(...sectionsOf(piece.text, index, charsMax));
    }
  }
  close();
  return parts;
}

function* sectionsOf(text: string, piece: number, charsMax: number): Generator<ReadPart> {
  for (let start = 0; start < text.length;) {
    const end = partEnd(text, start, charsMax);
    yield [{ piece, start, end }];
    start = end;
  }
}
