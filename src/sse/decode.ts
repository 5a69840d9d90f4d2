/**
 * Reads an event stream by section 9.2.6, "Interpreting an event stream", of the WHATWG HTML
 * standard: byte order mark, the three line ends, chunks split anywhere. Each event is bounded, and
 * an unfinished one at the end of the stream is dropped. Unlike a browser, the decoder also reports
 * a frame without data that sets an id or a retry time, because servers open streams with one. Not
 * here: what the events mean, and opening a stream again.
 */
import { GatewayError } from "../errors.ts";

/** One frame of a stream. */
export interface SseEvent {
  /** `message` if the frame names none. */
  readonly event: string;
  /** Also empty if the frame has no data: then it only sets `id` or `retry`. */
  readonly data: string;
  /** Set by this frame. The stream can be resumed from the last id; "" clears it. */
  readonly id?: string;
  /** Milliseconds to wait before the stream is opened again, if this frame says so. */
  readonly retry?: number;
}

/** Options of a decoder. */
export interface SseDecodeOptions {
  /**
   * Characters of one event, of which there are never more than bytes; a longer event is an error.
   */
  readonly eventBytesMax: number;
}

const byteOrderMark = "\uFEFF";

/** The events of a stream. Cancelling them cancels the stream. */
export function decodeSse(
  stream: ReadableStream<Uint8Array>,
  options: SseDecodeOptions,
): ReadableStream<SseEvent> {
  // With `ignoreBOM: false`, Deno drops each mark that comes first in a chunk, not the first alone.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let isStart = true;
  const textOf = (chunk: Uint8Array): string => {
    const text = decoder.decode(chunk, { stream: true });
    if (!isStart || text === "") return text;
    isStart = false;
    // The standard strips one mark at the start.
    return text.startsWith(byteOrderMark) ? text.slice(1) : text;
  };
  const lines = createLineReader();
  const frames = createFrameReader();
  const reader = stream.getReader();
  const bound = (more: number) => {
    if (frames.held() + more <= options.eventBytesMax) return;
    throw new GatewayError(
      "bad_upstream_response",
      `Cannot read an event of the server: it is longer than ${options.eventBytesMax} bytes`,
    );
  };
  const toEvents = (chunk: Uint8Array): SseEvent[] => {
    const events: SseEvent[] = [];
    lines.push(textOf(chunk), (line) => {
      bound(line.length);
      const event = frames.take(line);
      if (event !== undefined) events.push(event);
    });
    bound(lines.pending());
    return events;
  };
  return new ReadableStream<SseEvent>({
    async pull(controller) {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        let events: readonly SseEvent[];
        try {
          events = toEvents(value);
        } catch (thrown) {
          void reader.cancel(thrown).catch(() => {});
          throw thrown;
        }
        for (const event of events) controller.enqueue(event);
        if (events.length > 0) return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Splits text at CR, LF and CRLF, as soon as the end of a line is there. */
function createLineReader() {
  let rest = "";
  let afterReturn = false;
  return {
    pending: () => rest.length,
    push(text: string, line: (line: string) => void): void {
      if (text === "") return;
      let start = afterReturn && text.startsWith("\n") ? 1 : 0;
      afterReturn = text.endsWith("\r");
      const ends = /\r\n?|\n/g;
      ends.lastIndex = start;
      for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
        const whole = rest + text.slice(start, end.index);
        rest = "";
        start = ends.lastIndex;
        line(whole);
      }
      rest += text.slice(start);
    },
  };
}

/** Collects lines into frames. */
function createFrameReader() {
  let event = "";
  let data: string[] = [];
  let id: string | undefined;
  let retry: number | undefined;
  let held = 0;

  const finish = (): SseEvent | undefined => {
    const found = data.length === 0 && id === undefined && retry === undefined ? undefined : {
      event: event === "" ? "message" : event,
      data: data.join("\n"),
      ...(id === undefined ? {} : { id }),
      ...(retry === undefined ? {} : { retry }),
    };
    event = "";
    data = [];
    id = undefined;
    retry = undefined;
    held = 0;
    return found;
  };
  return {
    held: () => held,
    /** Takes a line; an empty one ends the frame and returns it. */
    take(line: string): SseEvent | undefined {
      if (line === "") return finish();
      const colon = line.indexOf(":");
      if (colon === 0) return undefined;
      held += line.length + 1;
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (field === "data") data.push(value);
      else if (field === "event") event = value;
      else if (field === "id" && !value.includes("\0")) id = value;
      else if (field === "retry" && /^[0-9]+$/.test(value)) retry = Number(value);
      return undefined;
    },
  };
}
