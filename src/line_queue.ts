/**
 * Lines on their way to a file. They wait in a bounded queue, so that a slow disk never slows a
 * call, and those that wait together are written together. Lines that find no room, or that the disk
 * does not take, are counted, and a line says so as soon as there is room again.
 */
import { type Clock, withDeadline } from "./clock.ts";
import type { LogFile } from "./runtime/runtime.ts";

/** What a queue is made from. */
export interface LineQueueOptions {
  readonly file: LogFile;
  readonly clock: Clock;
  /** Lines that wait; further ones are lost. */
  readonly linesMax: number;
  /** Characters that are written at once; a longer line is written alone. */
  readonly batchCharsMax: number;
  /** How long the first line waits for others before they are written. 0: not at all. */
  readonly gatherMs: number;
  /** How long closing waits for the file. */
  readonly stopMs: number;
  /** The line that says how many are lost. */
  readonly toLostLine: (lost: number) => string;
  /** Called when lines begin to be lost, once until a line has reported them. */
  readonly onLoss?: (() => void) | undefined;
}

/** The lines that wait for a file. */
export interface LineQueue {
  /** Adds a line, without its newline. Never throws. */
  push(line: string): void;
  /** The lines that wait now, and those that were lost so far. */
  counts(): { readonly waiting: number; readonly lost: number };
  /** Writes what waits and closes the file, within the stop time. */
  close(): Promise<void>;
}

/** The state of one queue. */
interface LineQueueState {
  readonly options: LineQueueOptions;
  readonly waiting: string[];
  lost: number;
  /** Lost lines that no line has reported yet. */
  unreported: number;
  /** The report that waits, and how many lines it is about. */
  report: { readonly line: string; readonly lost: number } | undefined;
  writing: Promise<void> | undefined;
  stopGathering: (() => void) | undefined;
  isClosed: boolean;
}

/** Makes an empty queue. */
export function createLineQueue(options: LineQueueOptions): LineQueue {
  const queue: LineQueueState = {
    options,
    waiting: [],
    lost: 0,
    unreported: 0,
    report: undefined,
    writing: undefined,
    stopGathering: undefined,
    isClosed: false,
  };
  return {
    push: (line) => push(queue, line),
    counts: () => ({ waiting: queue.waiting.length, lost: queue.lost }),
    close: () => close(queue),
  };
}

function push(queue: LineQueueState, line: string): void {
  const { options: { linesMax, gatherMs, clock }, waiting } = queue;
  if (queue.isClosed) return;
  if (waiting.length >= linesMax) return lose(queue, 1);
  waiting.push(line);
  if (queue.writing !== undefined || queue.stopGathering !== undefined) return;
  if (gatherMs === 0) return begin(queue);
  queue.stopGathering = clock.after(gatherMs, () => begin(queue));
}

function lose(queue: LineQueueState, lines: number): void {
  queue.lost += lines;
  if (queue.unreported === 0 && lines > 0) queue.options.onLoss?.();
  queue.unreported += lines;
}

function begin(queue: LineQueueState): void {
  queue.stopGathering = undefined;
  queue.writing = writeAll(queue);
}

async function writeAll(queue: LineQueueState): Promise<void> {
  const { options: { file, toLostLine }, waiting } = queue;
  while (waiting.length > 0) {
    const batch = takeBatch(queue);
    const isWritten = await file.append(batch.join("\n")).catch(() => false);
    const { report } = queue;
    if (report !== undefined && batch.includes(report.line)) {
      queue.report = undefined;
      // What it reported is still to be reported; the report itself is missed by none.
      if (!isWritten) {
        queue.unreported += report.lost;
        lose(queue, batch.length - 1);
      }
    } else if (!isWritten) lose(queue, batch.length);
    // Only once the disk takes lines, so that reports are not lost without end.
    if (!isWritten || queue.unreported === 0 || queue.report !== undefined) continue;
    queue.report = { line: toLostLine(queue.unreported), lost: queue.unreported };
    queue.unreported = 0;
    waiting.push(queue.report.line);
  }
  // At once: a line that comes next finds nothing under way, and begins again.
  queue.writing = undefined;
}

function takeBatch({ waiting, options: { batchCharsMax } }: LineQueueState): string[] {
  let chars = 0;
  let count = 0;
  for (const line of waiting) {
    chars += line.length;
    if (count > 0 && chars > batchCharsMax) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

async function close(queue: LineQueueState): Promise<void> {
  if (queue.isClosed) return;
  queue.isClosed = true;
  const { options: { file, clock, stopMs }, stopGathering } = queue;
  if (stopGathering !== undefined) {
    stopGathering();
    begin(queue);
  }
  const flushed = (async () => {
    await queue.writing;
    await file.close();
  })().catch(() => {});
  await withDeadline(clock, stopMs, flushed, () => {});
}
