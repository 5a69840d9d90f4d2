/**
 * What JSON.parse cannot tell about a text: how deeply it nests (asked before parsing, since deep
 * texts block the event loop for seconds), whether a key stands twice in one object (two readers
 * may keep different ones), and the digits of numbers that a double cannot hold. Each is one linear
 * pass over char codes, so that a large hostile text costs little more than its parsing.
 */
import type { JsonObject } from "../model.ts";

// TypeScript's library does not know these yet; both runtimes do.
declare global {
  interface JSON {
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

const quote = 0x22;
const colon = 0x3a;
const comma = 0x2c;
const minus = 0x2d;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** The index of the quote that ends the string opened at `start`; -1 when nothing ends it. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before--;
    if ((end - before) % 2 === 1) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

/** Whether arrays and objects nest beyond `depthMax`. The text need not be valid JSON. */
export function nestsBeyond(text: string, depthMax: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = stringEnd(text, at);
      if (at === -1) return false;
    } else if (code === openBracket || code === openBrace) {
      if (++depth > depthMax) return true;
    } else if (code === closeBracket || code === closeBrace) {
      depth--;
    }
  }
  return false;
}

/**
 * Whether an object within the outer `levels` containers of a valid text has a key twice, however
 * it is escaped. Reads the text alone: V8 (seen in Deno 2.9) parses some escaped keys as others.
 */
export function repeatsKey(text: string, levels: number): boolean {
  const keys: Set<string>[] = [];
  let depth = 0;
  let start = 0;
  let stop = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      start = at;
      at = stringEnd(text, at);
      stop = at + 1;
    } else if (code === openBracket || code === openBrace) {
      if (++depth <= levels) keys[depth] = new Set();
    } else if (code === closeBracket || code === closeBrace) {
      depth--;
    } else if (code === colon && depth <= levels) {
      const seen = keys[depth];
      const key = keyText(text, start, stop);
      if (seen?.has(key)) return true;
      seen?.add(key);
    }
  }
  return false;
}

/** The key whose quotes are at `start` and before `stop`, unescaped. */
function keyText(text: string, start: number, stop: number): string {
  const raw = text.slice(start + 1, stop - 1);
  return raw.includes("\\") ? JSON.parse(`"${raw}"`) as string : raw;
}

/** Numbers that a double may not hold as written: many digits, or a large exponent. */
const mayLoseDigits = /\d{16}|\d[eE]\+?\d{3}/;

/**
 * The parsed value of a valid text, with every integer beyond 2^53 (and every number beyond the
 * range of doubles) replaced by one that is written again with the digits it came with. Walks text
 * and value side by side: a reviver would cost a second for a large message of small numbers.
 */
export function keepDigits(text: string, value: unknown): unknown {
  if (!mayLoseDigits.test(text)) return value;
  const root = [value];
  // Where the walk is: a container, and in it an index (arrays) or where the key stands (objects).
  let place: Place = { holder: root, index: 0, keyStart: 0, keyStop: 0 };
  const outer: Place[] = [];
  let stringStart = 0;
  let stringStop = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      stringStart = at;
      at = stringEnd(text, at);
      stringStop = at + 1;
    } else if (code === colon) {
      place.keyStart = stringStart;
      place.keyStop = stringStop;
    } else if (code === comma) {
      if (place.index >= 0) place.index++;
    } else if (code === openBracket || code === openBrace) {
      const index = code === openBracket ? 0 : -1;
      const holder = memberAt(text, place);
      outer.push(place);
      place = { holder, index, keyStart: 0, keyStop: 0 };
    } else if (code === closeBracket || code === closeBrace) {
      place = outer.pop() ?? place;
    } else if (code === minus || isDigit(code)) {
      const stop = numberEnd(text, at);
      keepNumber(text, place, text.slice(at, stop));
      at = stop - 1;
    }
  }
  return root[0];
}

interface Place {
  readonly holder: unknown;
  index: number;
  keyStart: number;
  keyStop: number;
}

function keyOf(text: string, place: Place): string {
  if (place.index >= 0) return String(place.index);
  return keyText(text, place.keyStart, place.keyStop);
}

/** Own members only: `__proto__` is a key like any other, and a repeated key may have hidden one. */
function memberAt(text: string, place: Place): unknown {
  const { holder } = place;
  if (typeof holder !== "object" || holder === null) return undefined;
  const key = keyOf(text, place);
  return Object.hasOwn(holder, key) ? (holder as JsonObject)[key] : undefined;
}

function keepNumber(text: string, place: Place, source: string): void {
  if (!mayLoseDigits.test(source)) return;
  const number = Number(source);
  const changes = Number.isFinite(number)
    ? !Number.isSafeInteger(number) && /^-?\d+$/.test(source)
    : true;
  if (!changes || memberAt(text, place) !== number) return;
  (place.holder as JsonObject)[keyOf(text, place)] = JSON.rawJSON(source);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The index after a number: digits, signs, a point, an exponent. */
function numberEnd(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length) {
    const code = text.charCodeAt(end);
    const part = isDigit(code) || code === minus || code === 0x2b || code === 0x2e ||
      (code | 0x20) === 0x65;
    if (!part) return end;
    end++;
  }
  return end;
}
