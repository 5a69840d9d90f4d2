/**
 * Parts of texts that never end inside a character: the one place where texts are truncated. A cut
 * never splits a surrogate pair, a sequence that readers see as one character (a letter with its
 * accent, a flag, a family of emoji), or a character spelled as `%E4%B8%AD` or `\u4e2d`. Truncated
 * bytes lose the unfinished character at that end.
 */

/** At most `charsMax` characters from the start of a text. */
export function beginning(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : text.slice(0, wholeUpTo(text, charsMax));
}

/** The same, with "…" as the last character of a truncated text. */
export function truncate(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${beginning(text, charsMax - 1)}…`;
}

/** The last place at or before `end` where a text may be cut. */
export function wholeUpTo(text: string, end: number): number {
  if (end <= 0) return 0;
  if (end >= text.length) return text.length;
  return beforeSpelled(text, beforeCluster(text, end));
}

/** At most `charsMax` characters of a text from `start` on, and where they begin and end. */
export function section(
  text: string,
  start: number,
  charsMax: number,
): { readonly text: string; readonly start: number; readonly end: number } {
  const from = wholeUpTo(text, start);
  const whole = wholeUpTo(text, start + charsMax);
  const end = whole > from ? whole : Math.min(text.length, start + charsMax);
  return { text: text.slice(from, end), start: from, end };
}

/** A value as JSON of limited length, with "…" as the last character of a truncated one. */
export function quoteJson(value: unknown, charsMax: number): string {
  const text = JSON.stringify(value) ?? "nothing";
  if (text.length <= charsMax) return text;
  const part = beginning(text, charsMax - 1);
  // The last backslash may escape a character that was cut off.
  const slashes = /\\*$/.exec(part)?.[0].length ?? 0;
  return `${slashes % 2 === 0 ? part : part.replace(/\\$/, "")}…`;
}

/** The text of bytes that are the beginning of a longer text. */
export function decodeHead(bytes: Uint8Array): string {
  // In stream mode, the decoder holds the unfinished character back.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: true });
}

/** The text of bytes that are the end of a longer text. */
export function decodeTail(bytes: Uint8Array): string {
  const start = bytes.findIndex((byte, at) => at >= utf8TailBytesMax || (byte & 0xc0) !== 0x80);
  const whole = bytes.subarray(start < 0 ? bytes.length : start);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole);
}

/** In UTF-8, at most three bytes follow the first byte of a character. */
const utf8TailBytesMax = 3;

const surrogatePair = /[\ud800-\udbff][\udc00-\udfff]/y;

function beforePair(text: string, end: number): number {
  surrogatePair.lastIndex = end - 1;
  return surrogatePair.test(text) ? end - 1 : end;
}

/** How far to look around a cut: longer than any sequence that people write as one character. */
const clusterCharsMax = 64;
/** No character below this one joins another, except a carriage return before a line feed. */
const firstCombining = 0x300;
const lineFeed = 0x0a;
let segmenter: Intl.Segmenter | undefined;

function beforeCluster(text: string, end: number): number {
  const [last, next] = [text.charCodeAt(end - 1), text.charCodeAt(end)];
  if (last < firstCombining && next < firstCombining && next !== lineFeed) return end;
  const start = startBefore(text, end);
  const around = text.slice(start, end + clusterCharsMax);
  segmenter ??= new Intl.Segmenter();
  const { index = 0 } = segmenter.segment(around).containing(end - start) ?? {};
  // If one cluster fills the whole part, there is no earlier place: only code points stay whole.
  return index > 0 ? start + index : beforePair(text, end);
}

const flagHalf = /[\u{1f1e6}-\u{1f1ff}]/uy;

/**
 * Where to start looking. Halves of flags pair up from the start of their row, which may be long.
 */
function startBefore(text: string, end: number): number {
  if (end <= clusterCharsMax) return 0;
  const start = beforePair(text, end - clusterCharsMax);
  let first = start;
  for (; first >= 2; first -= 2) {
    flagHalf.lastIndex = first - 2;
    if (!flagHalf.test(text)) break;
  }
  return (start - first) % 4 === 0 ? start : start - 2;
}

/** One character as URLs spell it in UTF-8, and as JSON and programs spell it in UTF-16. */
const spelled =
  /%[0-7][0-9a-f]|%[cd][0-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-7](?:%[89ab][0-9a-f]){3}|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u[0-9a-f]{4}/iy;
/** `%F0%9F%98%80` and `\ud83d\ude00` both have this length. */
const spelledCharsMax = 12;

function beforeSpelled(text: string, end: number): number {
  for (let at = Math.max(0, end - spelledCharsMax + 1); at < end; at += 1) {
    const first = text[at];
    if (first !== "%" && first !== "\\") continue;
    spelled.lastIndex = at;
    if (spelled.test(text) && spelled.lastIndex > end) return at;
  }
  return end;
}
