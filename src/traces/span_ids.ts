/** Random ids of traces and spans. Random bytes are drawn for many at once, which costs less. */
import { bytesToHex } from "../bytes_text.ts";

/** Makes ids: lower-case hexadecimal, never all 0. */
export interface SpanIds {
  /** 32 digits. */
  traceId(): string;
  /** 16 digits. */
  spanId(): string;
}

const traceBytes = 16;
const spanBytes = 8;

/** Makes the source of ids; `bytesAtOnce` is how much randomness is drawn at a time. */
export function createSpanIds(bytesAtOnce: number): SpanIds {
  const bytes = new Uint8Array(bytesAtOnce);
  let at = bytes.length;
  const next = (length: number): string => {
    for (;;) {
      if (at + length > bytes.length) {
        crypto.getRandomValues(bytes);
        at = 0;
      }
      const id = bytesToHex(bytes.subarray(at, at += length));
      if (/[^0]/.test(id)) return id;
    }
  };
  return { traceId: () => next(traceBytes), spanId: () => next(spanBytes) };
}
