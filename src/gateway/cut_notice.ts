/**
 * What a shortened result says about itself: a sentence for the model, a link to the whole, and
 * links in the places of images and files. Also here: the parts of a kept result as a client reads
 * them. Each says how to read the next one.
 */
import { base64Bytes } from "../bytes_text.ts";
import type { JsonObject } from "../model.ts";
import type { ResultCut } from "../truncation/cut_content.ts";
import type { Piece, Section } from "../truncation/pieces.ts";
import { type KeptResult, uriOfPart } from "./kept_results.ts";

/** The `_meta` key of a shortened result: the URI of the whole. */
const wholeKey = "mcp-wrapper/whole";

const adviceText = "If you cannot read resources, call the tool again and ask for less.";
const unkeptText = "The whole is too large to be kept; call the tool again and ask for less.";

/** How long a result is, and how much of it its client takes. */
export interface CutSizes {
  readonly chars: number;
  readonly charsMax: number;
}

/** A shortened result with its note and links; `kept` is undefined if the whole is not kept. */
export function shortenedResult(
  value: JsonObject,
  cut: ResultCut,
  kept: KeptResult | undefined,
  sizes: CutSizes,
): JsonObject {
  const whole = Object.entries(value).filter(([name]) => !cut.leftOut.includes(name));
  const { structuredContent, _meta, content: _content, ...rest } = Object.fromEntries(
    whole,
  ) as JsonObject;
  const blocks = cut.content.flatMap((one) => {
    if ("block" in one) return [one.block];
    const piece = cut.pieces[one.linkTo];
    return piece === undefined ? [] : [placeholder(piece, one.linkTo, kept)];
  });
  const isDropped = structuredContent !== undefined && cut.structuredContent === undefined;
  const text = `[${noteOn(cut, kept, sizes)}${isDropped ? " structuredContent is left out." : ""}]`;
  const links = kept === undefined ? [] : [linkToWhole(kept)];
  return {
    ...rest,
    content: [...blocks, { type: "text", text }, ...links],
    ...(cut.structuredContent === undefined ? {} : { structuredContent: cut.structuredContent }),
    ...metaWith(_meta, kept),
  };
}

/** A result that its upstream shortened, with a link to the whole. */
export function linkedResult(shortened: JsonObject, kept: KeptResult): JsonObject {
  const { content, _meta } = shortened;
  const blocks = Array.isArray(content) ? content : [];
  return { ...shortened, content: [...blocks, linkToWhole(kept)], ...metaWith(_meta, kept) };
}

/** The sentence about a result that its upstream shortened. */
export function sentenceOn(kept: KeptResult): string {
  return `The whole answer is the resource ${kept.uri} (${partsOf(kept)}).`;
}

/** A part of a kept result, as the contents of a resource; undefined if it has no such part. */
export function contentsOf(kept: KeptResult, part: number): JsonObject | undefined {
  const { uri, parts, pieces } = kept;
  const sections = parts[part - 1];
  if (sections === undefined) return undefined;
  const own = uriOfPart(uri, part);
  const contents = sections.map((section, at) => ({
    uri: at === 0 ? own : `${own}#${at + 1}`,
    ...readSection(pieces[section.piece], section),
  }));
  if (parts.length === 1) return { contents };
  const isLast = part === parts.length;
  const text = isLast
    ? `[This is the last of ${parts.length} parts.]`
    : `[This is part ${part} of ${parts.length}. The next part is the resource ` +
      `${uriOfPart(uri, part + 1)}.]`;
  const note = { uri: `${own}#note`, mimeType: "text/plain", text };
  const next = isLast ? {} : { "mcp-wrapper/next": uriOfPart(uri, part + 1) };
  return {
    contents: [...contents, note],
    _meta: { "mcp-wrapper/part": part, "mcp-wrapper/parts": parts.length, ...next },
  };
}

function readSection(piece: Piece | undefined, { start, end }: Section): JsonObject {
  if (piece === undefined) return { text: "" };
  const { mimeType } = piece;
  return "text" in piece
    ? { mimeType, text: piece.text.slice(start, end) }
    : { mimeType, blob: piece.blob };
}

function noteOn(cut: ResultCut, kept: KeptResult | undefined, sizes: CutSizes): string {
  const { chars, charsMax } = sizes;
  const what = `This result is shortened: it has ${chars} characters, and this client gets at ` +
    `most ${charsMax}.`;
  if (kept === undefined) return `${what} ${unkeptText}`;
  const next = uriOfPart(kept.uri, 2);
  const where = cut.isBeginning && kept.parts.length > 1
    ? `It goes on in the resource ${next} (the whole has ${partsOf(kept)}).`
    : `The whole is the resource ${kept.uri} (${partsOf(kept)}).`;
  return `${what} ${where} ${adviceText}`;
}

function partsOf({ parts: { length } }: KeptResult): string {
  return length === 1 ? "1 part" : `${length} parts`;
}

function metaWith(meta: unknown, kept: KeptResult | undefined): JsonObject {
  if (kept === undefined) return meta === undefined ? {} : { _meta: meta };
  return { _meta: { ...meta as JsonObject | undefined, [wholeKey]: kept.uri } };
}

function linkToWhole(kept: KeptResult): JsonObject {
  const [only, ...others] = kept.pieces;
  const more = kept.parts.length === 1 ? "" : "; each says how to read the next";
  return {
    type: "resource_link",
    uri: kept.uri,
    name: "whole-result",
    title: "The whole result",
    description: `${partsOf(kept)}${more}`,
    ...(others.length === 0 && only !== undefined ? { mimeType: only.mimeType } : {}),
    size: kept.pieces.reduce((sum, piece) => sum + bytesOf(piece), 0),
  };
}

/** What stands in the place of an image, a sound or a file. */
function placeholder(piece: Piece, index: number, kept: KeptResult | undefined): JsonObject {
  const { mimeType } = piece;
  const size = bytesOf(piece);
  if (kept === undefined) {
    return { type: "text", text: `[${mimeType} of ${size} bytes is left out]` };
  }
  const part = kept.parts.findIndex((sections) => sections[0]?.piece === index) + 1;
  return {
    type: "resource_link",
    uri: uriOfPart(kept.uri, part),
    name: "left-out",
    title: `Left out: ${mimeType}`,
    description: "It is too large for this result",
    mimeType,
    size,
  };
}

function bytesOf(piece: Piece): number {
  return "text" in piece ? new TextEncoder().encode(piece.text).length : base64Bytes(piece.blob);
}
