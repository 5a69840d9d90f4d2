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
import { charsOf, type Piece } from "./pieces.ts";
import { shareOut } from "./shares.ts";
import { truncateToFit } from "./truncate.ts";

/** How much of a result its client takes. */
export interface ResultBounds {
  /**
   * Characters of its blocks but images and sounds, of its structured content, and of all its other
   * members: at most so many each. Blocks after the first count with what they have beside their
   * text, as very many short ones are not short.
   */
  readonly charsMax: number;
  /** Characters of its texts, images and sounds together. */
  readonly mediaCharsMax: number;
  /** Characters that a block may have beside its text or data; one with more is kept as JSON. */
  readonly frameCharsMax: number;
  /** The most characters of a link in the place of an image, a sound or a file. */
  readonly linkChars: number;
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
  /** The names of other members that are left out. */
  readonly leftOut: readonly string[];
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
  /** Of what it has beside its text, the characters that count. */
  readonly frame: number;
  /** All characters that count. */
  readonly chars: number;
}

/** Shortens a result; undefined if nothing of it is too long. */
export function cutResult(value: JsonObject, bounds: ResultBounds): ResultCut | undefined {
  const { content, structuredContent, ...others } = value;
  const blocks = blocksOf(content).map((block, at) => measure(block, at, bounds));
  const isShown = shownMedia(blocks, bounds);
  const hidden = blocks.filter((one) => isMedia(one) && !isShown.has(one));
  const links = new Set(hidden.slice(0, linksMax(bounds)));
  const texts = blocks.filter((one) => !isMedia(one));
  const room = textRoom(blocks, isShown, bounds) - links.size * bounds.linkChars;
  const shares = sharesOf(texts, room, bounds);
  const structure = cutStructure(structuredContent, bounds);
  const isSame = structure === structuredContent;
  const leftOut = tooLong(others, bounds);
  if (isSame && shares === undefined && hidden.length === 0 && leftOut.length === 0) {
    return undefined;
  }
  const pieces: Piece[] = [];
  const cut: CutBlock[] = [];
  let isBeginning = false;
  for (const one of blocks) {
    if (isMedia(one)) {
      if (isShown.has(one)) cut.push({ block: one.block });
      else {
        const linkTo = pieces.push(one.piece as Piece) - 1;
        if (links.has(one)) cut.push({ linkTo });
      }
      continue;
    }
    if (shares === undefined) {
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
  for (const name of leftOut) pieces.push(asJson({ [name]: others[name] }));
  return { content: cut, structuredContent: structure, leftOut, pieces, isBeginning };
}

/** The blocks of a content; one that is no list is a block of its own. */
function blocksOf(content: unknown): readonly unknown[] {
  if (content === undefined) return [];
  return Array.isArray(content) ? content : [content];
}

/** How many images and sounds give way to links: they take no more than half the texts' room. */
function linksMax({ charsMax, noteChars, linkChars }: ResultBounds): number {
  return Math.floor((charsMax - noteChars) / 2 / linkChars);
}

/** The members that are left out, so that the others have room: the longest ones. */
function tooLong(
  others: JsonObject,
  { charsMax, keepsStructure }: ResultBounds,
): readonly string[] {
  const sizes = Object.entries(others)
    // Pages of apps are made from it, too.
    .filter(([name]) => !(keepsStructure && name === "_meta"))
    .map(([name, member]) => ({ name, chars: name.length + jsonChars(member) }))
    .toSorted((one, other) => one.chars - other.chars);
  let left = charsMax;
  return sizes.filter(({ chars }) => (left -= chars) < 0).map(({ name }) => name);
}

const jsonChars = (value: unknown): number => JSON.stringify(value)?.length ?? 0;

function measure(block: unknown, at: number, { frameCharsMax }: ResultBounds): Measured {
  const piece = isJsonObject(block) ? pieceOf(block) : undefined;
  if (piece !== undefined) {
    // With the comma before it.
    const whole = frameOf(block as JsonObject, piece);
    const frame = at === 0 ? 0 : whole + 1;
    if (whole <= frameCharsMax) return { block, piece, frame, chars: frame + charsOf(piece) };
  }
  return { block, piece: undefined, frame: 0, chars: jsonChars(block) + 1 };
}

/** The characters of a block without the text or data that its piece has. */
function frameOf(block: JsonObject, piece: Piece): number {
  const { type, resource } = block;
  if (type === "resource") {
    const bare = { ...resource as JsonObject, ["text" in piece ? "text" : "blob"]: "" };
    return jsonChars({ ...block, resource: bare });
  }
  return jsonChars({ ...block, [type === "text" ? "text" : "data"]: "" });
}

/** The text or bytes of a block; undefined for a link, or a block that is not sound. */
function pieceOf({ type, text, data, mimeType, resource }: JsonObject): Piece | undefined {
  if (type === "text") return toPiece({ text, mimeType: "text/plain" });
  if (type === "image" || type === "audio") return toPiece({ blob: data, mimeType });
  return type === "resource" && isJsonObject(resource) ? toPiece(resource) : undefined;
}

/** Longer than any that is in use; a longer one is taken for unknown, since links repeat it. */
const typeCharsMax = 100;

function toPiece({ text, blob, mimeType }: JsonObject): Piece | undefined {
  const type = typeof mimeType === "string" && mimeType.length <= typeCharsMax
    ? mimeType
    : undefined;
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
  { block, piece, frame, chars }: Measured,
  share: number,
  { json }: ResultBounds,
): { readonly block: unknown; readonly isBeginning: boolean } | undefined {
  if (chars <= share) return { block, isBeginning: false };
  if (share === 0 || piece === undefined || !("text" in piece)) return undefined;
  // What is shown has no more around its text than the block.
  const room = share - frame;
  if (room <= 0) return undefined;
  const { text, isBeginning } = shortenText(piece.text, room, json);
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
  if (jsonChars(structure) <= charsMax) return structure;
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
