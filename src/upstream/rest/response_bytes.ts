/**
 * The bytes of an answer's body: the first ones, whether they are all, and why they are not. Not
 * here: their meaning.
 */

/** The result of reading a body. */
export interface ResponseBytes {
  readonly bytes: Uint8Array;
  /** The body ended here; false: it is longer, or broke. */
  readonly isWhole: boolean;
  /** What broke it. */
  readonly fault: unknown;
}

/** The first bytes of a body, up to a number; later bytes are not awaited. */
export async function readFirst(
  body: ReadableStream<Uint8Array>,
  bytesMax: number,
): Promise<ResponseBytes> {
  const parts: Uint8Array[] = [];
  const reader = body.getReader();
  let length = 0;
  const end = (isWhole: boolean, fault?: unknown): ResponseBytes => ({
    bytes: joined(parts, length),
    isWhole,
    fault,
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return end(true);
      if (length + value.length > bytesMax) {
        await reader.cancel();
        return end(false);
      }
      parts.push(value);
      length += value.length;
    }
  } catch (thrown) {
    return end(false, thrown);
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Bytes as text if they are only text: UTF-8 without the characters that other files contain. */
export function toPlainText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return isPlain(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a text lacks the character that nearly every file of another kind contains, and no text
 * does.
 */
export function isPlain(text: string): boolean {
  return !text.includes("\0");
}
