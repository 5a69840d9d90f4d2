/**
 * A decoder of event streams for tests that play the client, after "9.2.6 Interpreting an event
 * stream" of the WHATWG HTML standard: byte order mark, CR, LF and CRLF, split anywhere, bounded.
 */

/** One dispatched event. */
export interface DecodedEvent {
  /** `message` when the frame names none. */
  readonly event: string;
  readonly data: string;
  /** The last event id at this point; empty before the first. */
  readonly id: string;
}

/** What a decoder is told. */
export interface SseDecoderOptions {
  /** Characters of one frame; more is an error of the stream. */
  readonly frameCharsMax: number;
  /** Hears what dispatches no event: comments (without `:` and one space) and `retry` fields. */
  readonly comment?: (text: string) => void;
  readonly retry?: (ms: number) => void;
}

/** Makes a decoder for one stream. */
export function createSseDecoder(
  options: SseDecoderOptions,
): TransformStream<Uint8Array, DecodedEvent> {
  // Strips one byte order mark at the start, as the standard asks.
  const decoder = new TextDecoder();
  let line = "";
  let afterCarriageReturn = false;
  let event = "";
  let data = "";
  let id = "";

  const endFrame = (controller: TransformStreamDefaultController<DecodedEvent>): void => {
    if (data !== "") controller.enqueue({ event: event || "message", data: data.slice(0, -1), id });
    event = "";
    data = "";
  };
  const endLine = (controller: TransformStreamDefaultController<DecodedEvent>): void => {
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (line === "") endFrame(controller);
    else if (colon === 0) options.comment?.(value);
    else if (field === "event") event = value;
    else if (field === "data") data += `${value}\n`;
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) options.retry?.(Number(value));
    line = "";
  };
  const take = (text: string, controller: TransformStreamDefaultController<DecodedEvent>): void => {
    let start = 0;
    if (afterCarriageReturn && text.startsWith("\n")) start = 1;
    if (text !== "") afterCarriageReturn = text.endsWith("\r");
    for (const found of text.slice(start).matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)) {
      line += found[1];
      if (found[2] !== "") endLine(controller);
      if (line.length + data.length > options.frameCharsMax) {
        throw new Error(`Cannot decode frame: it is longer than ${options.frameCharsMax}`);
      }
    }
  };

  // A frame without its empty line at the end of the stream is dropped, as the standard asks.
  return new TransformStream({
    transform: (chunk, controller) => take(decoder.decode(chunk, { stream: true }), controller),
  });
}
