/**
 * The bytes of an answer as text, by the charset that its type names (RFC 9110 8.3.2). Not here:
 * what the text says.
 */

/**
 * Decodes a whole body; what is no character becomes U+FFFD, and a mark of the byte order is left
 * out.
 */
export function decodeText(bytes: Uint8Array, headers: Headers): string {
  const marked = markedUtf16(bytes);
  if (marked !== undefined) return new TextDecoder(marked).decode(bytes);
  const named = createNamed(headers);
  if (named === undefined || named.encoding === "utf-8") return utf8.decode(bytes);
  if (named.encoding.startsWith("utf-16")) return named.decode(bytes);
  // Many a server names a charset by habit, and writes UTF-8 all the same.
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return named.decode(bytes);
  }
}

const utf8 = new TextDecoder();

/** A mark of the byte order says more than a header. */
function markedUtf16([first, second]: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : undefined;
}

function createNamed(headers: Headers): TextDecoder | undefined {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(headers.get("content-type") ?? "") ??
    [];
  if (charset === undefined) return undefined;
  try {
    // Some platforms' types know a few names alone.
    return new TextDecoder(charset as "utf-8");
  } catch {
    return undefined;
  }
}
