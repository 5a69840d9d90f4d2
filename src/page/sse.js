/**
 * Reads an event stream from the pieces of a response's body: the `data` of each event, in order.
 * By fetch and not by EventSource, which can send neither a token nor a body.
 */
import { bounds } from "./bounds.js";

/**
 * Makes a reader: takes pieces of text, and returns the data of the events that they complete. Text
 * is put together once for each line, since a long line comes in hundreds of pieces.
 * @returns {(piece: string) => string[]} throws if an event is beyond its bound
 */
export function createEventReader() {
  /** The line that has not ended yet. @type {string[]} */
  let pieces = [];
  /** Of the event that has not ended yet. @type {string[]} */
  let data = [];
  let dataChars = 0;
  let pieceChars = 0;
  let endsInReturn = false;
  const check = () => {
    if (dataChars + pieceChars <= bounds.frameCharsMax) return;
    throw new Error("An event of the stream is too long");
  };
  return (piece) => {
    if (piece === "") return [];
    // A line feed may follow in the next piece, which is the same end of a line.
    const isWhole = endsInReturn || /[\r\n]/.test(piece);
    pieces.push(piece);
    pieceChars += piece.length;
    endsInReturn = piece.endsWith("\r");
    if (!isWhole) {
      check();
      return [];
    }
    /** @type {string[]} */
    const events = [];
    const lines = pieces.join("").split(/\r\n|\n|\r(?!$)/);
    const rest = lines.pop() ?? "";
    pieces = [rest];
    pieceChars = rest.length;
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) events.push(data.join("\n"));
        data = [];
        dataChars = 0;
      } else if (line.startsWith("data:")) {
        data.push(line.slice(line[5] === " " ? 6 : 5));
        dataChars += line.length;
        check();
      }
    }
    check();
    return events;
  };
}

/**
 * Calls back with the data of each event of a response, until its body ends.
 * @param {Response} response
 * @param {(data: string) => void} onEvent
 * @param {() => void} [onBytes] at each piece, heartbeats included
 * @returns {Promise<void>} rejects as the body does
 */
export async function readEvents({ body }, onEvent, onBytes) {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const take = createEventReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes?.();
      for (const data of take(decoder.decode(value, { stream: true }))) onEvent(data);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
