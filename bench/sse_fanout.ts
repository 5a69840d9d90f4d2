/**
 * The cost of one notice to many subscribers: through the gateway's streams with the frame encoded
 * once, through the gateway's streams with an encoding for each, and through a bare stream with
 * `controller.enqueue` of bytes encoded once. Every subscriber waits for the frame and gets it, as
 * under a server that reads.
 */
import { defaultLimits } from "../src/limits.ts";
import { encodeFrame } from "../src/sse/encode.ts";
import { openFrameStream } from "../src/sse/frame_stream.ts";
import { createNotices } from "./fixtures.ts";
import type { Suite } from "./suite.ts";

/** One way to send a notice to all subscribers. */
export interface FanOut {
  readonly name: string;
  /** Resolves with what each subscriber got. */
  deliver(data: string): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

/** The three ways, each with its own subscribers. */
export function openFanOuts(subscribers: number): FanOut[] {
  return [
    openBare(subscribers),
    openOurs("FrameStream, encoded once", subscribers, (data) => encodeFrame({ data })),
    openOurs("FrameStream, encoded in each", subscribers, (data) => ({ data })),
  ];
}

type Written = Parameters<ReturnType<typeof openFrameStream>["write"]>[0];

function openOurs(name: string, subscribers: number, toWritten: (data: string) => Written): FanOut {
  const streams = Array.from({ length: subscribers }, () => openFrameStream(defaultLimits));
  return toFanOut(name, streams.map(({ readable }) => readable), (data) => {
    const written = toWritten(data);
    for (const stream of streams) stream.write(written);
  });
}

function openBare(subscribers: number): FanOut {
  const controllers: ReadableStreamDefaultController<Uint8Array>[] = [];
  const readables = Array.from({ length: subscribers }, () =>
    new ReadableStream<Uint8Array>({
      start: (controller) => void controllers.push(controller),
    }));
  return toFanOut("bare controller.enqueue, encoded once", readables, (data) => {
    const bytes = encodeFrame({ data });
    for (const controller of controllers) controller.enqueue(bytes);
  });
}

function toFanOut(
  name: string,
  readables: readonly ReadableStream<Uint8Array>[],
  write: (data: string) => void,
): FanOut {
  const readers = readables.map((readable) => readable.getReader());
  return {
    name,
    async deliver(data) {
      const reads = readers.map((reader) => reader.read());
      write(data);
      const results = await Promise.all(reads);
      return results.map(({ value }) => value!);
    },
    async close() {
      await Promise.all(readers.map((reader) => reader.cancel()));
    },
  };
}

/** The suites of this file. */
export function openSuites(): Suite[] {
  const notices = createNotices(10_000, 1);
  let turn = 0;
  const nextNotice = () => notices[turn++ % notices.length]!;
  return [1, 100, 1_000].map((subscribers) => {
    const fanOuts = openFanOuts(subscribers);
    return {
      title: `SSE fan-out, ${subscribers} subscribers`,
      unit: "frame",
      units: subscribers,
      candidates: fanOuts.map(({ name, deliver }) => ({
        name,
        work: () => deliver(nextNotice()),
      })),
      async close() {
        await Promise.all(fanOuts.map(({ close }) => close()));
      },
    };
  });
}
