/**
 * What JSON.parse does not tell about a text: how deeply it nests (checked before parsing, since
 * deep texts block the event loop for seconds), whether an object has a key twice (two readers may
 * keep different ones), the digits of numbers that a double cannot hold, and on V8 the names of
 * escaped keys. One linear pass finds them all, so that a large hostile text costs little more than
 * its parsing. The pass also finds the place of a response's result.
 */
import type { JsonObject } from "../model.ts";

// TypeScript's library does not know these yet; both runtimes do.
declare global {
  interface JSON {
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

const space = 0x20;
const quote = 0x22;
const colon = 0x3a;
const comma = 0x2c;
const minus = 0x2d;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const plus = 0x2b;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** The index of the quote that ends the string opened at `start`; -1 when nothing ends it. */
export function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before--;
    if ((end - before) % 2 === 1) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

/** What one pass over a text finds; see `scanJson`. */
export interface JsonScan {
  /** Arrays and objects nest beyond the bound; the pass ended there. */
  readonly isTooDeep: boolean;
  /** An object within the outer levels has a key twice, however it is escaped. */
  readonly repeatsKey: boolean;
  /** JSON.parse may change this text's meaning; see `readExactly`. */
  readonly mayBeMisread: boolean;
  /** The text of the outermost object's `result`, if it can be passed on as it is. */
  readonly result: string | undefined;
}

const tooDeep: JsonScan = {
  isTooDeep: true,
  repeatsKey: false,
  mayBeMisread: false,
  result: undefined,
};
/** Strings up to this length are read inline, which is faster than a call. */
const nearChars = 24;
/** The shortest run of digits that a double may not hold. */
const digitsMin = 16;
const resultKey = '"result"';

/**
 * Scans a text once, before it is parsed. The text need not be valid JSON, but the findings count
 * only if it is. `levels` are the outer containers in which keys are compared. `result` is
 * undefined if it has a line break between its tokens (a frame is one line), if a key is repeated,
 * or if anything in the text may be misread. Throws a SyntaxError for a key whose escapes are
 * invalid.
 */
export function scanJson(text: string, depthMax: number, levels: number): JsonScan {
  const { length } = text;
  const keys: Set<string>[] = [];
  let repeats = false;
  let isMisread = false;
  let depth = 0;
  let start = 0;
  let stop = 0;
  let isPlain = true;
  let resultStart = -1;
  let resultStop = -1;
  let hasBreak = false;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      start = at++;
      const near = Math.min(at + nearChars, length);
      let next = 0;
      while (at < near && (next = text.charCodeAt(at)) !== quote && next !== backslash) at++;
      isPlain = next === quote;
      if (!isPlain) at = stringEnd(text, start);
      if (at === -1) break;
      stop = at + 1;
    } else if (code === comma) {
      if (depth === 1 && resultStart > resultStop) resultStop = at;
    } else if (code === colon) {
      // Each key is read once: in a text that is no JSON many colons may follow a long string.
      if (stop === 0) continue;
      const keyStop = stop;
      stop = 0;
      const isEscaped = !isPlain && text.slice(start, keyStop).includes("\\");
      isMisread ||= isEscaped;
      if (depth > levels) continue;
      const seen = keys[depth];
      const key = isEscaped ? unescaped(text, start, keyStop) : text.slice(start + 1, keyStop - 1);
      repeats ||= seen?.has(key) === true;
      seen?.add(key);
      if (
        depth === 1 && keyStop - start === resultKey.length && text.startsWith(resultKey, start)
      ) {
        resultStart = at + 1;
        hasBreak = false;
      }
    } else if (code === openBrace || code === openBracket) {
      if (++depth > depthMax) return tooDeep;
      if (depth <= levels) keys[depth] = new Set();
    } else if (code === closeBrace || code === closeBracket) {
      // What follows the end is no JSON, and levels below none have no end either.
      if (--depth < 0) break;
      if (depth === 0 && resultStart > resultStop) resultStop = at;
    } else if (isDigit(code)) {
      const first = at;
      while (isDigit(text.charCodeAt(at + 1))) at++;
      isMisread ||= at - first + 1 >= digitsMin || hasLargeExponent(text, at + 1);
    } else if (code === newline || code === carriageReturn) {
      hasBreak = true;
    }
  }
  const isGiven = resultStop !== -1 && !hasBreak && !isMisread && !repeats;
  return {
    isTooDeep: false,
    repeatsKey: repeats,
    mayBeMisread: isMisread,
    result: isGiven ? text.slice(resultStart, resultStop) : undefined,
  };
}

/** Whether the exponent that begins here has three digits or more and is not negative. */
function hasLargeExponent(text: string, at: number): boolean {
  if ((text.charCodeAt(at) | space) !== 0x65) return false;
  const first = text.charCodeAt(at + 1) === plus ? at + 2 : at + 1;
  return isDigit(text.charCodeAt(first)) && isDigit(text.charCodeAt(first + 1)) &&
    isDigit(text.charCodeAt(first + 2));
}

/** The string whose quotes are at `start` and before `stop`, unescaped. */
function unescaped(text: string, start: number, stop: number): string {
  const raw = text.slice(start + 1, stop - 1);
  return raw.includes("\\") ? JSON.parse(`"${raw}"`) as string : raw;
}

/**
 * Parses a valid text as JSON.parse should. Integers beyond 2^53, and numbers beyond the range of
 * doubles, become values that are written with their original digits. V8's JSON.parse
 * (nodejs/node#63785) may give an escaped key the name of another key that it read before, even in
 * another message, if that name begins like the escape.
 */
export function readExactly(text: string): unknown {
  let at = 0;
  const next = (): number => {
    at = afterSpace(text, at);
    return text.charCodeAt(at);
  };
  const takeString = (): string => {
    const start = at;
    at = stringEnd(text, start) + 1;
    return unescaped(text, start, at);
  };
  const takeObject = (): JsonObject => {
    const object: JsonObject = {};
    for (at++; next() !== closeBrace; next() === comma && at++) {
      const key = takeString();
      next();
      at++;
      setMember(object, key, take());
    }
    at++;
    return object;
  };
  const takeArray = (): unknown[] => {
    const array: unknown[] = [];
    for (at++; next() !== closeBracket; next() === comma && at++) array.push(take());
    at++;
    return array;
  };
  const take = (): unknown => {
    const code = next();
    if (code === quote) return takeString();
    if (code === openBrace) return takeObject();
    if (code === openBracket) return takeArray();
    const start = at;
    while (isWordOrNumber(text.charCodeAt(at))) at++;
    const source = text.slice(start, at);
    return isDigit(code) || code === minus ? numberOf(source) : JSON.parse(source);
  };
  return take();
}

/** `__proto__` is a key like any other. */
function setMember(object: JsonObject, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else {
    const rest = { writable: true, enumerable: true, configurable: true };
    Object.defineProperty(object, key, { value, ...rest });
  }
}

function numberOf(source: string): unknown {
  const number = Number(source);
  const isKept = Number.isFinite(number) &&
    (Number.isSafeInteger(number) || !/^-?\d+$/.test(source));
  return isKept ? number : JSON.rawJSON(source);
}

/** The index of the next character that is not whitespace. */
function afterSpace(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) <= space) at++;
  return at;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Letters, digits, signs and the decimal point: the characters of `true`, `null` and numbers. */
function isWordOrNumber(code: number): boolean {
  return isDigit(code) || code === minus || code === plus || code === 0x2e ||
    ((code | space) >= 0x61 && (code | space) <= 0x7a);
}
