/**
 * A tool's result that is too long for its client, shortened: long texts end early, the last of many
 * blocks are left out, and images, sounds and files give way to links when they are too large.
 * Structured content that belongs to a schema is never cut. What was left out stands in the pieces,
 * which together are the whole. Not here: where they are kept, and the note to the client (the
 * gateway).
 */
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";
import type { MessageLimits } from "../protocol/jsonrpc.ts";
import { shortenText } from "./shorten_text.ts";
import type { Piece } from "./pieces.ts";
import { shareOut } from "./shares.ts";
import { truncateToFit } from "./truncate.ts";

/** How much of a result its client takes. */
export interface ResultBounds {
  /** Characters of its texts, and of its structured content. */
  readonly charsMax: number;
  /** Characters of its texts, images and sounds together. */
  readonly mediaCharsMax: number;
  /** Of `charsMax`, what the note about the cut needs. */
  readonly noteChars: number;
  /** The least that is shown of a block. */
  readonly blockCharsMin: number;
  /** Whether the structured content stays as it is. */
  readonly keepsStructure: boolean;
  readonly json: MessageLimits;
}

/** A block of the shortened content, or the place of one that a link to its piece replaces. */
export type CutBlock = { readonly block: unknown } | { readonly linkTo: number };

/** A shortened result. */
export interface ResultCut {
  readonly content: readonly CutBlock[];
  /** Undefined: there is none, or it is left out. */
  readonly structuredContent: unknown;
  /** All that was shortened or replaced, whole and in order. */
  readonly pieces: readonly Piece[];
  /** Whether the content is one text that ends early, so that reading goes on after it. */
  readonly isBeginning: boolean;
}

/** A block with what of it counts. */
interface Measured {
  readonly block: unknown;
  /** Its text, or Base64 of bytes; undefined: it is passed on or left out as it is. */
  readonly piece: Piece | undefined;
  readonly chars: number;
}

/** Shortens a result; undefined if nothing of it is too long. */
export function cutResult(value: JsonObject, bounds: ResultBounds): ResultCut | undefined {
  const { content, structuredContent } = value;
  if (!Array.isArray(content)) return undefined;
  const blocks = content.map(measure);
  const isShown = shownMedia(blocks, bounds);
  const texts = blocks.filter((one) => !isMedia(one));
  const shares = sharesOf(texts, textRoom(blocks, isShown, bounds), bounds);
  const isContentCut = shares !== undefined;
  const structure = cutStructure(structuredContent, bounds);
  const isSame = structure === structuredContent;
  if (isSame && !isContentCut && blocks.every((one) => !isMedia(one) || isShown.has(one))) {
    return undefined;
  }
  const pieces: Piece[] = [];
  const cut: CutBlock[] = [];
  let isBeginning = false;
  for (const one of blocks) {
    if (isMedia(one)) {
      if (isShown.has(one)) cut.push({ block: one.block });
      else cut.push({ linkTo: pieces.push(one.piece as Piece) - 1 });
      continue;
    }
    if (!isContentCut) {
      cut.push({ block: one.block });
      continue;
    }
    pieces.push(one.piece ?? asJson(one.block));
    const shown = cutBlock(one, shares.get(one) ?? 0, bounds);
    if (shown === undefined) continue;
    cut.push({ block: shown.block });
    isBeginning = shown.isBeginning && blocks.length === 1;
  }
  if (!isSame && !holdsText(pieces, structuredContent)) pieces.push(asJson(structuredContent));
  return { content: cut, structuredContent: structure, pieces, isBeginning };
}

function measure(block: unknown): Measured {
  const piece = isJsonObject(block) ? pieceOf(block) : undefined;
  if (piece === undefined) return { block, piece, chars: JSON.stringify(block)?.length ?? 0 };
  return { block, piece, chars: "text" in piece ? piece.text.length : piece.blob.length };
}

/** The text or bytes of a block; undefined for a link, or a block that is not sound. */
function pieceOf({ type, text, data, mimeType, resource }: JsonObject): Piece | undefined {
  if (type === "text") return toPiece({ text, mimeType: "text/plain" });
  if (type === "image" || type === "audio") return toPiece({ blob: data, mimeType });
  return type === "resource" && isJsonObject(resource) ? toPiece(resource) : undefined;
}

function toPiece({ text, blob, mimeType }: JsonObject): Piece | undefined {
  const type = typeof mimeType === "string" ? mimeType : undefined;
  if (typeof text === "string") return { text, mimeType: type ?? "text/plain" };
  if (typeof blob !== "string") return undefined;
  return { blob, mimeType: type ?? "application/octet-stream" };
}

const isMedia = ({ piece }: Measured): boolean => piece !== undefined && "blob" in piece;

/** The images and sounds that fit, in their order. */
function shownMedia(blocks: readonly Measured[], bounds: ResultBounds): ReadonlySet<Measured> {
  const { mediaCharsMax, noteChars } = bounds;
  let left = mediaCharsMax - 2 * noteChars;
  const shown = new Set<Measured>();
  for (const one of blocks) {
    if (!isMedia(one) || one.chars > left) continue;
    left -= one.chars;
    shown.add(one);
  }
  return shown;
}

/** The characters that are left for texts. */
function textRoom(
  blocks: readonly Measured[],
  isShown: ReadonlySet<Measured>,
  { charsMax, mediaCharsMax }: ResultBounds,
): number {
  const media = blocks.reduce((sum, one) => isShown.has(one) ? sum + one.chars : sum, 0);
  return Math.min(charsMax, mediaCharsMax - media);
}

/** How many characters each text gets; undefined if all fit. */
function sharesOf(
  texts: readonly Measured[],
  room: number,
  { noteChars, blockCharsMin }: ResultBounds,
): ReadonlyMap<Measured, number> | undefined {
  const sizes = texts.map(({ chars }) => chars);
  if (sizes.reduce((sum, size) => sum + size, 0) <= room) return undefined;
  const shares = shareOut(sizes, room - noteChars, blockCharsMin);
  return new Map(texts.map((one, at) => [one, shares[at] ?? 0]));
}

/** A text block within its share; undefined: it is left out. */
function cutBlock(
  { block, piece, chars }: Measured,
  share: number,
  { json }: ResultBounds,
): { readonly block: unknown; readonly isBeginning: boolean } | undefined {
  if (chars <= share) return { block, isBeginning: false };
  if (share === 0 || piece === undefined || !("text" in piece)) return undefined;
  const { text, isBeginning } = shortenText(piece.text, share, json);
  const { annotations } = block as JsonObject;
  // The beginning of an embedded resource is not that resource.
  const shown = annotations === undefined
    ? { type: "text", text }
    : { type: "text", text, annotations };
  return { block: shown, isBeginning };
}

/** Structured content within the bound; undefined if it cannot be shortened so far. */
function cutStructure(structure: unknown, { charsMax, keepsStructure }: ResultBounds): unknown {
  if (structure === undefined || keepsStructure) return structure;
  if (JSON.stringify(structure).length <= charsMax) return structure;
  const { value } = truncateToFit(structure, charsMax);
  return JSON.stringify(value).length <= charsMax ? value : undefined;
}

function asJson(value: unknown): Piece {
  return { text: JSON.stringify(value) ?? "", mimeType: "application/json" };
}

/** Whether a piece says the same as a value, as servers repeat structured content in a text. */
function holdsText(pieces: readonly Piece[], value: unknown): boolean {
  const text = JSON.stringify(value);
  return pieces.some((piece) => "text" in piece && piece.text === text);
}
