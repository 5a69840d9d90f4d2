/**
 * Makes the PNG of a screenshot smaller: its most frequent colours become a palette of 256, and each
 * other pixel gets the nearest of them, which shows in no text or line. For PNGs as a browser writes
 * them: 8 bits for each of red, green and blue, not interlaced.
 */
import { crc32, deflateSync, inflateSync } from "node:zlib";

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const channels = 3;
const paletteMax = 256;

/** The PNG with a palette. Throws for a PNG of another kind. */
export function toSmallPng(png: Uint8Array): Uint8Array {
  const { width, height, pixels } = readPng(png);
  const counts = new Map<number, number>();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const palette = paletteOf([...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour));
  const indexOf = new Map(palette.map((colour, index) => [colour, index]));
  const lines = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const colour = pixels[y * width + x] ?? 0;
      let index = indexOf.get(colour);
      if (index === undefined) {
        index = nearest(palette, colour);
        indexOf.set(colour, index);
      }
      lines[y * (width + 1) + 1 + x] = index;
    }
  }
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  // Eight bits for the place in the palette.
  head.set([8, 3], 8);
  const colours = Uint8Array.from(palette.flatMap(parts));
  const parcels = [
    signature,
    chunk("IHDR", head),
    chunk("PLTE", colours),
    chunk("IDAT", deflateSync(lines, { level: 9 })),
    chunk("IEND", new Uint8Array()),
  ];
  return Buffer.concat(parcels);
}

const parts = (colour: number): number[] => [colour >> 16, (colour >> 8) & 0xff, colour & 0xff];

/** The most frequent colours, without those that look like one of them: so rare ones have a place. */
function paletteOf(colours: readonly number[]): readonly number[] {
  const palette: number[] = [];
  for (const colour of colours) {
    if (palette.length === paletteMax) break;
    const alike = palette[nearest(palette, colour)];
    if (alike === undefined || distanceOf(alike, colour) > alikeMax) palette.push(colour);
  }
  return palette;
}

/** The sum of the squares of the differences of red, green and blue. */
function distanceOf(one: number, other: number): number {
  const wanted = parts(other);
  return parts(one).reduce((sum, part, at) => sum + (part - (wanted[at] ?? 0)) ** 2, 0);
}

/** Four steps of each colour. */
const alikeMax = 48;

function nearest(palette: readonly number[], colour: number): number {
  let [best, bestDistance] = [0, Infinity];
  for (const [index, one] of palette.entries()) {
    const distance = distanceOf(one, colour);
    if (distance < bestDistance) [best, bestDistance] = [index, distance];
  }
  return best;
}

/** The pixels of a PNG, each as one number. */
function readPng(png: Uint8Array): { width: number; height: number; pixels: Uint32Array } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const kind = [...png.subarray(24, 29)].join();
  if (kind !== "8,2,0,0,0") throw new Error(`Cannot read a PNG of the kind ${kind}`);
  const data: Uint8Array[] = [];
  for (let at = signature.length; at < png.length;) {
    const length = view.getUint32(at);
    const type = new TextDecoder().decode(png.subarray(at + 4, at + 8));
    if (type === "IDAT") data.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const bytes = unfiltered(inflateSync(Buffer.concat(data)), width * channels, height);
  const pixels = Uint32Array.from(
    { length: width * height },
    (_, index) =>
      (bytes[index * channels] ?? 0) << 16 | (bytes[index * channels + 1] ?? 0) << 8 |
      (bytes[index * channels + 2] ?? 0),
  );
  return { width, height, pixels };
}

/** Each line without its filter (PNG §9). */
function unfiltered(lines: Uint8Array, lineBytes: number, height: number): Uint8Array {
  const bytes = new Uint8Array(lineBytes * height);
  for (let y = 0; y < height; y += 1) {
    const filter = lines[y * (lineBytes + 1)];
    for (let x = 0; x < lineBytes; x += 1) {
      const at = y * lineBytes + x;
      const left = x < channels ? 0 : bytes[at - channels] ?? 0;
      const up = y === 0 ? 0 : bytes[at - lineBytes] ?? 0;
      const corner = x < channels || y === 0 ? 0 : bytes[at - lineBytes - channels] ?? 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      bytes[at] = (lines[y * (lineBytes + 1) + 1 + x] ?? 0) + guess;
    }
  }
  return bytes;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const far = (value: number) => Math.abs(guess - value);
  if (far(left) <= far(up) && far(left) <= far(corner)) return left;
  return far(up) <= far(corner) ? up : corner;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(type);
  const made = new Uint8Array(12 + data.length);
  const view = new DataView(made.buffer);
  view.setUint32(0, data.length);
  made.set(name, 4);
  made.set(data, 8);
  view.setUint32(8 + data.length, crc32(made.subarray(4, 8 + data.length)));
  return made;
}
