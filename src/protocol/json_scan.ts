/**
 * What JSON.parse cannot tell about a text: how deeply it nests (asked before parsing, since deep
 * texts block the event loop for seconds) and whether a key stands twice in one object (two readers
 * may keep different ones). Both are one linear pass over char codes that allocates nothing.
 */

const quote = 0x22;
const colon = 0x3a;
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
 * Whether an object within the outer `levels` containers of a valid text has a key twice. `value`
 * is the same text parsed: each colon in the text is one member, and a repeated key (however it is
 * escaped) leaves fewer members in the value.
 */
export function repeatsKey(text: string, value: unknown, levels: number): boolean {
  return countColons(text, levels) !== countMembers(value, levels);
}

function countColons(text: string, levels: number): number {
  let depth = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = stringEnd(text, at);
    else if (code === openBracket || code === openBrace) depth++;
    else if (code === closeBracket || code === closeBrace) depth--;
    else if (code === colon && depth <= levels) count++;
  }
  return count;
}

function countMembers(value: unknown, levels: number): number {
  if (levels === 0 || typeof value !== "object" || value === null || JSON.isRawJSON(value)) {
    return 0;
  }
  const members: unknown[] = Array.isArray(value) ? value : Object.values(value);
  let count = Array.isArray(value) ? 0 : members.length;
  if (levels > 1) { for (const member of members) count += countMembers(member, levels - 1); }
  return count;
}
