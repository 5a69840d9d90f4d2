/**
 * What a program writes instead of messages: unmistakable patterns of other framings, and JSON that
 * is spread over many lines. It sees only lines that are no message, so that correct programs cost
 * nothing. Banners, logs and warnings are harmless and do not count.
 */
import type { Limits } from "../../limits.ts";
import { stringEnd } from "../../protocol/json_scan.ts";
import { parseJson } from "../../protocol/jsonrpc.ts";

/** What was found: why the program is not understood, and the message that it meant, if any. */
export interface Misframed {
  readonly why: string;
  readonly value?: unknown;
}

/** Looks at the lines of one program. */
export interface FramingCheck {
  /** Takes a line that is not JSON. */
  take(line: string): Misframed | undefined;
  /** Whether a value over many lines has begun. */
  isOpen(): boolean;
  /** A line that is JSON by itself, which may be a part of such a value; a message ends it. */
  pass(line: string, isMessage: boolean): void;
}

/** The bounds of the check. */
type FramingLimits = Pick<
  Limits,
  "spreadCharsMax" | "jsonDepthMax" | "requestIdCharsMax" | "methodCharsMax" | "sourceTextCharsMin"
>;

const expected = "expected one JSON-RPC message on each line, in UTF-8";

/** Lines that no program writes by accident, and what they show. */
const signs: readonly { readonly line: RegExp; readonly shows: string }[] = [
  { line: /^\ufffd*\0?\{\0/, shows: "it writes its messages in UTF-16" },
  {
    line: /^content-length:\s*\d+\s*$/i,
    shows: 'it puts a "Content-Length" header before its messages, as language servers do',
  },
  {
    line: /^\s*\{\s*"jsonrpc".*\}\s*\{\s*"jsonrpc"/,
    shows: "it writes several messages on one line",
  },
  { line: /^\s*<(?:!doctype html|html)\b/i, shows: "it writes an HTML page" },
  // deno-lint-ignore no-control-regex -- the mark of such a sequence
  { line: /^\x1e\s*[{[]/, shows: "it writes a JSON text sequence (RFC 7464)" },
];
/** How an HTTP answer that a program logs begins, and how its head continues. */
const httpStart = /^HTTP\/\d/;
const httpHeader = /^[\w-]+:/;
const event = /^data:\s*(\{.*)$/;

/** Makes a check that has seen nothing yet. */
export function createFramingCheck(limits: FramingLimits): FramingCheck {
  let parts: string[] = [];
  let chars = 0;
  let depth = 0;
  let isHttpHead = false;

  const reset = (): void => {
    parts = [];
    chars = 0;
    depth = 0;
  };
  const parse = (text: string): unknown => {
    try {
      return parseJson(text, limits, false);
    } catch {
      return undefined;
    }
  };
  /**
   * Adds a line to the value that has begun, or begins one; the whole once its brackets are even.
   */
  const gather = (line: string): unknown => {
    const bare = line.trimEnd();
    if (bare === "{" || bare === "[") reset();
    if (parts.length === 0 && !/^\s*[{[]/.test(line)) return undefined;
    chars += line.length;
    const more = chars > limits.spreadCharsMax ? undefined : bracketsIn(line);
    if (more === undefined) return void reset();
    parts.push(line);
    depth += more;
    if (depth > 0) return undefined;
    const isSpread = parts.length > 1;
    const text = parts.join("\n");
    reset();
    return isSpread ? parse(text) : undefined;
  };
  return {
    take(line) {
      isHttpHead = httpStart.test(line) || (isHttpHead && httpHeader.test(line));
      const sign = isHttpHead ? undefined : signs.find((one) => one.line.test(line));
      if (sign !== undefined) return { why: `${sign.shows}; ${expected}` };
      const [, data] = event.exec(line) ?? [];
      const sent = data === undefined ? undefined : parse(data);
      if (sent !== undefined) return { why: `it writes an event stream; ${expected}`, value: sent };
      const value = gather(line);
      return value === undefined
        ? undefined
        : { why: `it writes one message over many lines; ${expected}`, value };
    },
    isOpen: () => parts.length > 0,
    pass(line, isMessage) {
      if (isMessage) reset();
      else gather(line);
    },
  };
}

/** How many brackets a line opens more than it closes; undefined where a string is left open. */
function bracketsIn(line: string): number | undefined {
  let depth = 0;
  for (let at = 0; at < line.length; at++) {
    const char = line[at];
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else if (char === '"') {
      at = stringEnd(line, at);
      if (at < 0) return undefined;
    }
  }
  return depth;
}
