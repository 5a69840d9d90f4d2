/**
 * Reads an event stream from the pieces of a response's body: the `data` of each event, in order.
 * By fetch and not by EventSource, which can send neither a token nor a body.
 */
import { bounds } from "./bounds.js";

/**
 * Makes a reader: takes pieces of text, and returns the data of the events that they complete.
 * @returns {(piece: string) => string[]} throws if an event is beyond its bound
 */
export function createEventReader() {
  let rest = "";
  /** @type {string[]} */
  let data = [];
  return (piece) => {
    /** @type {string[]} */
    const events = [];
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) events.push(data.join("\n"));
        data = [];
      } else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    }
    if (rest.length > bounds.frameCharsMax) throw new Error("An event of the stream is too long");
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
