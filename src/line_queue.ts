/**
 * Lines on their way to a file. They wait in a bounded queue, so that a slow disk never slows a
 * call, and those that wait together are written together. Lines that find no room, or that the disk
 * does not take, are counted, and a line says so as soon as there is room again. What waits may be
 * finished only when it is written: the same work for many lines in a row is cheaper than in between.
 */
import { type Clock, withDeadline } from "./clock.ts";
import type { LogFile } from "./runtime/runtime.ts";

/** What a queue is made from. */
export interface LineQueueOptions<Item> {
  readonly file: LogFile;
  readonly clock: Clock;
  /** The line of what was pushed, without its newline. Never throws. */
  readonly toLine: (item: Item) => string;
  /** Lines that wait; further ones are lost. */
  readonly linesMax: number;
  /** Lines are written together until they have so many characters. */
  readonly batchCharsMax: number;
  /** How long the first line waits for others before they are written. 0: not at all. */
  readonly gatherMs: number;
  /** How long closing waits for the file. */
  readonly stopMs: number;
  /** The line that says how many are lost. */
  readonly toLost: (lost: number) => Item;
  /** Called when lines begin to be lost, once until a line has reported them. */
  readonly onLoss?: (() => void) | undefined;
}

/** The lines that wait for a file. */
export interface LineQueue<Item> {
  /** Adds a line. Never throws. */
  push(item: Item): void;
  /** The lines that wait now, and those that were lost so far. */
  counts(): { readonly waiting: number; readonly lost: number };
  /** Writes what waits and closes the file, within the stop time. */
  close(): Promise<void>;
}

/** The state of one queue. */
interface LineQueueState<Item> {
  readonly options: LineQueueOptions<Item>;
  readonly waiting: Item[];
  lost: number;
  /** Lost lines that no line has reported yet. */
  unreported: number;
  /** The report that waits, and how many lines it is about. */
  report: { readonly item: Item; readonly lost: number } | undefined;
  writing: Promise<void> | undefined;
  stopGathering: (() => void) | undefined;
  isClosed: boolean;
}

/** Makes an empty queue. */
export function createLineQueue<Item>(options: LineQueueOptions<Item>): LineQueue<Item> {
  const queue: LineQueueState<Item> = {
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
    push: (item) => push(queue, item),
    counts: () => ({ waiting: queue.waiting.length, lost: queue.lost }),
    close: () => close(queue),
  };
}

function push<Item>(queue: LineQueueState<Item>, item: Item): void {
  const { options: { linesMax, gatherMs, clock }, waiting } = queue;
  if (queue.isClosed) return;
  if (waiting.length >= linesMax) return lose(queue, 1);
  waiting.push(item);
  if (queue.writing !== undefined || queue.stopGathering !== undefined) return;
  if (gatherMs === 0) return begin(queue);
  queue.stopGathering = clock.after(gatherMs, () => begin(queue));
}

function lose<Item>(queue: LineQueueState<Item>, lines: number): void {
  queue.lost += lines;
  if (queue.unreported === 0 && lines > 0) queue.options.onLoss?.();
  queue.unreported += lines;
}

function begin<Item>(queue: LineQueueState<Item>): void {
  queue.stopGathering = undefined;
  queue.writing = writeAll(queue);
}

async function writeAll<Item>(queue: LineQueueState<Item>): Promise<void> {
  const { options: { file, toLost }, waiting } = queue;
  while (waiting.length > 0) {
    const { items, text } = takeBatch(queue);
    const isWritten = await file.append(text).catch(() => false);
    const { report } = queue;
    if (report !== undefined && items.includes(report.item)) {
      queue.report = undefined;
      // What it reported is still to be reported; the report itself is missed by none.
      if (!isWritten) {
        queue.unreported += report.lost;
        lose(queue, items.length - 1);
      }
    } else if (!isWritten) lose(queue, items.length);
    // Only once the disk takes lines, so that reports are not lost without end.
    if (!isWritten || queue.unreported === 0 || queue.report !== undefined) continue;
    queue.report = { item: toLost(queue.unreported), lost: queue.unreported };
    queue.unreported = 0;
    waiting.push(queue.report.item);
  }
  // At once: a line that comes next finds nothing under way, and begins again.
  queue.writing = undefined;
}

/** Takes the first lines that wait. */
function takeBatch<Item>(
  { waiting, options: { batchCharsMax, toLine } }: LineQueueState<Item>,
): { readonly items: readonly Item[]; readonly text: string } {
  const lines: string[] = [];
  let chars = 0;
  for (const item of waiting) {
    if (chars >= batchCharsMax) break;
    const line = toLine(item);
    lines.push(line);
    chars += line.length;
  }
  return { items: waiting.splice(0, lines.length), text: lines.join("\n") };
}

async function close<Item>(queue: LineQueueState<Item>): Promise<void> {
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
