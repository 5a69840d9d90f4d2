/**
 * What JSON.parse does not tell about a text: how deeply it nests (checked before parsing, since
 * deep texts block the event loop for seconds), whether an object has a key twice (two readers may
 * keep different ones), the digits of numbers that a double cannot hold, and on V8 the names of
 * escaped keys. Each is one linear pass, so that a large hostile text costs little more than its
 * parsing.
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
 * it is escaped.
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
      const key = unescaped(text, start, stop);
      if (seen?.has(key)) return true;
      seen?.add(key);
    }
  }
  return false;
}

/** The string whose quotes are at `start` and before `stop`, unescaped. */
function unescaped(text: string, start: number, stop: number): string {
  const raw = text.slice(start + 1, stop - 1);
  return raw.includes("\\") ? JSON.parse(`"${raw}"`) as string : raw;
}

/** Numbers that a double may not hold as written: many digits, or a large exponent. */
const mayLoseDigits = /\d{16}|\d[eE]\+?\d{3}/;

/** Whether JSON.parse may change this valid text's meaning; see `readExactly`. */
export function mayBeMisread(text: string): boolean {
  return mayLoseDigits.test(text) || hasEscapedKey(text);
}

function hasEscapedKey(text: string): boolean {
  let escape = text.indexOf("\\");
  let start = text.indexOf('"');
  while (escape !== -1 && start !== -1) {
    const stop = stringEnd(text, start);
    if (escape < start) escape = text.indexOf("\\", start);
    if (escape !== -1 && escape < stop && text.charCodeAt(afterSpace(text, stop + 1)) === colon) {
      return true;
    }
    start = text.indexOf('"', stop + 1);
  }
  return false;
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
  return isDigit(code) || code === minus || code === 0x2b || code === 0x2e ||
    ((code | space) >= 0x61 && (code | space) <= 0x7a);
}
