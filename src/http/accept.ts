/**
 * What a client takes as an answer: the `Accept` header (RFC 9110 §12.5.1) narrowed to the two
 * media types of the Streamable HTTP transport. A missing header and wildcards accept both, so that
 * plain curl works.
 */

import { putWithin } from "../bounded.ts";
import { defaultLimits } from "../limits.ts";

/** A longer header is read each time. */
const rememberedCharsMax = 256;

/** Which of the two media types are acceptable. */
export interface Accepts {
  readonly json: boolean;
  readonly stream: boolean;
}

const both: Accepts = { json: true, stream: true };

/** What the headers that clients send again and again were found to mean, to the letter. */
const remembered = new Map<string, Accepts>();

/** Reads an `Accept` header. */
export function parseAccept(header: string | null): Accepts {
  if (header === null) return both;
  let accepts = remembered.get(header);
  if (accepts === undefined) {
    accepts = readAccept(header);
    if (header.length <= rememberedCharsMax) {
      putWithin(remembered, header, accepts, defaultLimits.rememberedHeadersMax);
    }
  }
  return accepts;
}

function readAccept(header: string): Accepts {
  const ranges = header.split(",").map(toRange);
  return {
    json: isAcceptable(ranges, "application", "json"),
    stream: isAcceptable(ranges, "text", "event-stream"),
  };
}

interface Range {
  readonly media: string;
  readonly quality: number;
}

function toRange(text: string): Range {
  const [media = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  return { media, quality: Number.isNaN(quality) ? 0 : quality };
}

/** The most specific range that names the type decides. */
function isAcceptable(ranges: readonly Range[], type: string, subtype: string): boolean {
  for (const media of [`${type}/${subtype}`, `${type}/*`, "*/*"]) {
    const named = ranges.filter((range) => range.media === media);
    if (named.length > 0) return named.some((range) => range.quality > 0);
  }
  return false;
}
