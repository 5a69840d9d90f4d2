/**
 * The answer of one instance to another as signed records: a head, the bytes of the body as they
 * come, and an end. Each record's signature covers the nonce of its request and its place, so that
 * a record can be neither changed, moved, repeated nor left out, and an answer that breaks off is
 * not taken for a whole one. Records are made and read as fast as the reader at the other end
 * takes them. A short answer that is there at once is one record, which costs one signature.
 */
import { type InternalKey, signatureBytes } from "./internal_key.ts";

/** What the answer is. */
export type AnswerHead =
  | {
    readonly kind: "answer";
    readonly status: number;
    readonly headers: readonly (readonly [string, string])[];
  }
  /** The receiver does not own what the request names; nothing was done. */
  | { readonly kind: "not_owner" }
  /** The receiver took nothing of the request; nothing was done. */
  | { readonly kind: "refused"; readonly why: ProvenRefusal };

/**
 * Why a request of another instance is refused: it was meant for one that was at this address before,
 * the receiver has too many, or it is too large.
 */
export type ProvenRefusal = "misdirected" | "full" | "body";

const kinds = { head: 0, data: 1, end: 2, whole: 3 } as const;
/** A length of four bytes, a signature, and the kind as the first byte of what is signed. */
const prefixBytes = 4 + signatureBytes;

const lineFeed = 10;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const none = new Uint8Array();

/** What answers are signed with. */
export interface AnswerSigning {
  readonly key: InternalKey;
  readonly nonce: string;
  readonly recordBytesMax: number;
}

/**
 * A signed answer whose body is there: as one record, of the head, a line feed and the body, if that
 * is short enough.
 */
export function signComplete(
  head: AnswerHead,
  body: Uint8Array<ArrayBuffer>,
  signing: AnswerSigning,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  const text = encoder.encode(`${JSON.stringify(head)}\n`);
  if (text.length + body.length > signing.recordBytesMax) {
    return signAnswer(head, new Blob([body]).stream(), signing);
  }
  const bytes = new Uint8Array(text.length + body.length);
  bytes.set(text);
  bytes.set(body, text.length);
  return toRecord(signing, 0, kinds.whole, bytes);
}

/** One record: its length, its signature, and what is signed. */
function toRecord(
  { key, nonce }: AnswerSigning,
  index: number,
  kind: number,
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(prefixBytes + 1 + bytes.length);
  const signed = new Uint8Array(whole.buffer, prefixBytes);
  signed[0] = kind;
  signed.set(bytes, 1);
  new DataView(whole.buffer).setUint32(0, signed.length);
  whole.set(key.sign(["answer", nonce, String(index)], signed), 4);
  return whole;
}

/** The bytes of a signed answer. */
export function signAnswer(
  head: AnswerHead,
  body: ReadableStream<Uint8Array> | null,
  signing: AnswerSigning,
): ReadableStream<Uint8Array> {
  const reader = body?.getReader();
  let index = 0;
  let rest: Uint8Array = none;
  let isBegun = false;
  const record = (kind: number, bytes: Uint8Array): Uint8Array =>
    toRecord(signing, index++, kind, bytes);
  const next = async (): Promise<Uint8Array | undefined> => {
    while (rest.length === 0) {
      const read = await reader?.read();
      if (read === undefined || read.done) return undefined;
      rest = read.value;
    }
    const piece = rest.subarray(0, signing.recordBytesMax);
    rest = rest.subarray(piece.length);
    return piece;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!isBegun) {
        isBegun = true;
        return controller.enqueue(record(kinds.head, encoder.encode(JSON.stringify(head))));
      }
      const piece = await next();
      controller.enqueue(record(piece === undefined ? kinds.end : kinds.data, piece ?? none));
      if (piece === undefined) controller.close();
    },
    cancel: (reason) => reader?.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Reads a signed answer; rejects where it is not one, or breaks off. */
export interface SignedAnswer {
  /** First. */
  head(): Promise<AnswerHead>;
  /** More of the body; undefined at its end. */
  next(): Promise<Uint8Array | undefined>;
  cancel(): void;
}

/** Begins to read. */
export function readAnswer(
  stream: ReadableStream<Uint8Array>,
  { key, nonce, recordBytesMax }: AnswerSigning,
): SignedAnswer {
  const reader = stream.getReader();
  let buffer: Uint8Array = none;
  let index = 0;
  const take = async (count: number): Promise<Uint8Array> => {
    // A short answer is there as a whole.
    if (buffer.length >= count) {
      const taken = buffer.subarray(0, count);
      buffer = buffer.subarray(count);
      return taken;
    }
    const parts: Uint8Array[] = [];
    let missing = count;
    while (missing > 0) {
      if (buffer.length === 0) {
        const { done, value } = await reader.read();
        if (done) throw new Error("The answer broke off");
        buffer = value;
        continue;
      }
      const part = buffer.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      buffer = buffer.subarray(part.length);
    }
    const taken = new Uint8Array(count);
    let at = 0;
    for (const part of parts) {
      taken.set(part, at);
      at += part.length;
    }
    return taken;
  };
  const record = async (): Promise<{ readonly kind: number; readonly bytes: Uint8Array }> => {
    const prefix = await take(prefixBytes);
    const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(0);
    if (length < 1 || length > 1 + recordBytesMax) throw new Error("The answer is not signed");
    const signed = await take(length);
    const context = ["answer", nonce, String(index++)];
    if (!key.verify(context, signed, prefix.subarray(4))) {
      throw new Error("The answer is not signed by an instance of this gateway");
    }
    return { kind: signed[0] ?? 0, bytes: signed.subarray(1) };
  };
  /** Of an answer that is one record: its body, until that is read. */
  let whole: Uint8Array | undefined;
  let isWhole = false;
  return {
    async head() {
      const { kind, bytes } = await record();
      isWhole = kind === kinds.whole;
      if (!isWhole && kind !== kinds.head) throw new Error("The answer has no head");
      const end = isWhole ? bytes.indexOf(lineFeed) : bytes.length;
      if (isWhole && bytes.length > end + 1) whole = bytes.subarray(end + 1);
      return JSON.parse(decoder.decode(bytes.subarray(0, end))) as AnswerHead;
    },
    async next() {
      if (isWhole) {
        const body = whole;
        whole = undefined;
        return body;
      }
      const { kind, bytes } = await record();
      if (kind === kinds.end) return undefined;
      if (kind !== kinds.data) throw new Error("The answer has a second head");
      // Its reader may give its memory away, in which other records may be.
      return new Uint8Array(bytes);
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}
