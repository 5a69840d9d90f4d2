/**
 * Reads TypeScript source as text for tidy.test.ts: what a file imports, how long its functions are,
 * which words and numbers stand in its code. A small scanner, not a compiler: it knows strings,
 * templates, regular expressions and comments, and that is enough to tell code from text.
 */

/** A file of the project: its path from the root, with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Source with parts blanked out; positions and lines stay. */
export interface Scanned {
  /** Without comments and without the insides of strings, templates and regular expressions. */
  readonly code: string;
  /** Without comments. */
  readonly uncommented: string;
}

/** After these, a slash begins a regular expression, not a division. */
const beforeRegex = /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|yield))\s*$/;

/** Where the token that starts at `start` ends; `start` itself when none starts there. */
function tokenEnd(source: string, start: number, before: string): number {
  const two = source.slice(start, start + 2);
  const one = source[start];
  if (two === "//") return lineEnd(source, start);
  if (two === "/*") return past(source, "*/", start + 2);
  if (one === '"' || one === "'") return quotedEnd(source, start, one);
  if (one === "/" && beforeRegex.test(before)) return regexEnd(source, start);
  return start;
}

function lineEnd(source: string, start: number): number {
  const end = source.indexOf("\n", start);
  return end === -1 ? source.length : end;
}

function past(source: string, mark: string, start: number): number {
  const end = source.indexOf(mark, start);
  return end === -1 ? source.length : end + mark.length;
}

function quotedEnd(source: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < source.length && source[at] !== quote) at += source[at] === "\\" ? 2 : 1;
  return at + 1;
}

function regexEnd(source: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  for (; at < source.length && (inClass || source[at] !== "/"); at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === "[") inClass = true;
    else if (source[at] === "]") inClass = false;
  }
  return at + 1;
}

const blank = (text: string) => text.replace(/[^\n]/g, " ");
const hollow = (text: string) => text.slice(0, 1) + blank(text.slice(1, -1)) + text.slice(-1);

/** Tells code from comments and text. */
export function scan(source: string): Scanned {
  const known = scanned.get(source);
  if (known !== undefined) return known;
  const made = scanText(source);
  scanned.set(source, made);
  return made;
}

/** Many rules look at the same files. */
const scanned = new Map<string, Scanned>();

function scanText(source: string): Scanned {
  const code: string[] = [];
  const uncommented: string[] = [];
  /** Depth of braces at each open template's `${`; the code inside is code. */
  const templates: number[] = [];
  let depth = 0;
  let recent = "";
  const keep = (text: string, hollowed = text) => {
    code.push(hollowed);
    uncommented.push(text);
    recent = (recent + hollowed).slice(-24);
  };
  for (let at = 0; at < source.length;) {
    const char = source[at] ?? "";
    const end = tokenEnd(source, at, recent);
    if (end > at) {
      const token = source.slice(at, end);
      if (/^\/[/*]/.test(token)) {
        code.push(blank(token));
        uncommented.push(blank(token));
      } else keep(token, hollow(token));
      at = end;
    } else if (char === "`" || (char === "}" && templates.at(-1) === depth)) {
      if (char === "}") templates.pop();
      const stop = templateEnd(source, at + 1);
      const token = source.slice(at, stop);
      keep(token, hollow(token));
      if (token.endsWith("${")) templates.push(depth);
      at = stop;
    } else {
      if (char === "{") depth++;
      if (char === "}") depth--;
      keep(char);
      at++;
    }
  }
  return { code: code.join(""), uncommented: uncommented.join("") };
}

/** The end of a template's text: past its closing backtick, or past the next `${`. */
function templateEnd(source: string, start: number): number {
  for (let at = start; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === "`") return at + 1;
    else if (source.slice(at, at + 2) === "${") return at + 2;
  }
  return source.length;
}

/** Every module that a file imports or re-exports from, type imports and `import()` included. */
export function importsOf(text: string): string[] {
  const { uncommented } = scan(text);
  const patterns = [
    /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\bimport\(\s*["'`]([^"'`]+)["'`]/g,
  ];
  return patterns.flatMap((pattern) =>
    [...uncommented.matchAll(pattern)].map((found) => found[1] ?? "")
  );
}

/** `./x.ts` seen from a file, as a path from the root; undefined for packages. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/**
 * One function with a body in braces. `lines` leaves out the functions inside it, which are counted
 * by themselves: a factory that returns functions is measured like a class with its methods.
 */
export interface FunctionLength {
  readonly line: number;
  readonly lines: number;
  /** From head to brace, with the functions inside it. */
  readonly grossLines: number;
}

const notFunctions = /(?:^|[^\w$.])(?:if|for|while|switch|catch|with)\s*$/;

/** The place of the parenthesis that closes at `close`, or -1. */
function openingOf(code: string, close: number): number {
  let depth = 0;
  for (let at = close; at >= 0; at--) {
    if (code[at] === ")") depth++;
    if (code[at] === "(" && --depth === 0) return at;
  }
  return -1;
}

/** Whether the brace at `brace` opens a function's body, and if so where its head begins. */
function functionHead(code: string, brace: number): number | undefined {
  const before = code.slice(0, brace);
  const arrow = /\)?[^(){};=]*=>\s*$/.exec(before);
  if (/=>\s*$/.test(before)) {
    const close = before.lastIndexOf(")");
    const near = arrow !== null && code[arrow.index] === ")" ? openingOf(code, close) : -1;
    return near === -1 ? before.trimEnd().length : near;
  }
  // `name(…) {` and `name(…): Type {`, unless a keyword stands before the parenthesis.
  const header = /\)(?:\s*:\s*[^(){};=]*)?\s*$/.exec(before);
  if (header === null) return undefined;
  const open = openingOf(code, header.index);
  if (open === -1 || notFunctions.test(before.slice(Math.max(0, open - 12), open))) {
    return undefined;
  }
  return open;
}

/** Every function, from the parenthesis of its head to its last brace. */
export function functionsOf(text: string): FunctionLength[] {
  const { code } = scan(text);
  const lineOf = (place: number) => code.slice(0, place).split("\n").length;
  const open: { head: number | undefined; innerLines: number }[] = [];
  const found: FunctionLength[] = [];
  for (let at = 0; at < code.length; at++) {
    if (code[at] === "{") open.push({ head: functionHead(code, at), innerLines: 0 });
    if (code[at] !== "}") continue;
    const brace = open.pop();
    const outer = open.at(-1);
    if (brace?.head === undefined) {
      if (outer !== undefined) outer.innerLines += brace?.innerLines ?? 0;
      continue;
    }
    const lines = lineOf(at) - lineOf(brace.head) + 1;
    found.push({ line: lineOf(brace.head), lines: lines - brace.innerLines, grossLines: lines });
    if (outer !== undefined) outer.innerLines += lines;
  }
  return found;
}

/** Numbers in code, `4 * 1024` as two; separators removed. */
export function numbersOf(text: string): number[] {
  const { code } = scan(text);
  const literal =
    /(?<![\w$.])(?:0[xX][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)n?(?![\w$])/g;
  return [...code.matchAll(literal)].map(([digits]) => Number(digits.replace(/[_n]/g, "")));
}
