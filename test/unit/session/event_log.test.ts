/**
 * What a returning client gets again: only its own stream, in order, within limits.
 */
import { describe, expect, test } from "bun:test";
import { createEventLog, type Replay } from "../../../src/session/event_log.ts";
import type { EncodedFrame } from "../../../src/sse/encode.ts";
import { createTestClock } from "../../support/clock.ts";

const limits = {
  replayFramesMax: 5,
  replayBytesMax: 1000,
  replayAgeMs: 60_000,
  replayStreamsMax: 3,
};
const epoch = "e1";

/** A log and the clock that it runs by; other seeds make the logs of other sessions. */
function createLog(changes: Partial<typeof limits> = {}, seed = 1) {
  const clock = createTestClock(seed);
  let evictions = 0;
  const log = createEventLog({
    limits: { ...limits, ...changes },
    clock,
    epoch,
    evicted: () => void (evictions += 1),
  });
  return { clock, log, evictions: () => evictions };
}

/** A frame as a client reads it. */
const textOf = (frame: EncodedFrame) =>
  typeof frame === "string" ? frame : new TextDecoder().decode(frame);

/** The data of the replayed frames. */
function dataOf(replay: Replay | undefined): string[] {
  return (replay?.frames ?? []).map((frame) => textOf(frame).match(/^data: (.*)$/m)?.[1] ?? "");
}

describe("an event log", () => {
  test("encodes a frame with its id and nothing that a plain client stumbles over", () => {
    const { log } = createLog();
    const { id, frame } = log.append(log.openStream(), '{"a":1}');
    expect(textOf(frame)).toBe(`id: ${id}\ndata: {"a":1}\n\n`);
    expect(id).toMatch(/^[!-~]+$/);
  });

  test("returns what followed an id, only on that stream and in order", () => {
    const { log } = createLog();
    const first = log.openStream();
    const second = log.openStream();
    const { id } = log.append(first, "1a");
    log.append(second, "2a");
    log.append(first, "1b");
    const last = log.append(first, "1c");
    const replay = log.replay(id);
    expect(dataOf(replay)).toEqual(["1b", "1c"]);
    expect(replay).toMatchObject({ stream: first, ended: false });
    expect(replay?.frames[1] === last.frame).toBe(true);
    expect(dataOf(log.replay(last.id))).toEqual([]);
  });

  test("resumes from the priming event, before any frame and after some", () => {
    const { log } = createLog();
    const stream = log.openStream();
    const id = log.prime(stream);
    expect(log.replay(id)).toEqual({ stream, frames: [], ended: false });
    log.append(stream, "a");
    log.append(stream, "b");
    expect(dataOf(log.replay(id))).toEqual(["a", "b"]);
  });

  test("gives back an ended stream and says that nothing more will come", () => {
    const { log } = createLog();
    const stream = log.openStream();
    const id = log.prime(stream);
    log.append(stream, "the result");
    log.endStream(stream);
    log.endStream(stream);
    expect(dataOf(log.replay(id))).toEqual(["the result"]);
    expect(log.replay(id)?.ended).toBe(true);
    expect(() => log.append(stream, "late")).toThrow("is not open");
    expect(() => log.prime(stream)).toThrow("is not open");
    log.endStream(99);
  });

  test("never gives out an id twice", () => {
    const { log } = createLog();
    const ids = [1, 2, 3].flatMap(() => {
      const stream = log.openStream();
      return [log.prime(stream), log.append(stream, "a").id, log.append(stream, "b").id];
    });
    expect(new Set(ids).size).toBe(9);
  });

  test("C6 knows no id but those that it gave out", () => {
    const { log } = createLog();
    const unprimed = log.openStream();
    const { id } = log.append(unprimed, "secret");
    const stem = id.slice(0, id.lastIndexOf("-"));
    const origin = stem.slice(0, stem.lastIndexOf("-"));
    const forged = [
      "",
      "-",
      "-1",
      "0",
      "' OR 1=1 --",
      origin,
      stem,
      `${stem}-`,
      `${stem}--1`,
      `${stem}-0`,
      `${stem}-2`,
      `${stem}-01`,
      `${stem}-1.5`,
      `${stem}-0.5`,
      `${stem}-1e0`,
      `${stem}-0x1`,
      `${stem}- 1`,
      `${stem}-NaN`,
      `${stem}-Infinity`,
      `${stem}-9007199254740993`,
      `${stem}-${"9".repeat(100_000)}`,
      `${id}-1`,
      `${id} `,
      `${origin}-0-0`,
      `${origin}-2-1`,
      `${origin}-NaN-NaN`,
      `${origin}--1-1`,
      `x${id}`,
      id.toUpperCase(),
    ];
    for (const bad of forged) {
      expect([bad.slice(0, 80), log.replay(bad)]).toEqual([bad.slice(0, 80), undefined]);
    }
    expect(log.replay(id)).toBeDefined();
  });

  test("C6 knows no id of another session or of an earlier run", () => {
    const { log } = createLog();
    const stream = log.openStream();
    log.append(stream, "secret");
    const ids = [
      createLog({}, 2).log,
      createEventLog({ limits, clock: createTestClock(), epoch: "e0", evicted: () => {} }),
    ].flatMap((other) => {
      const opened = other.openStream();
      return [other.prime(opened), other.append(opened, "foreign").id];
    });
    for (const id of ids) expect(log.replay(id)).toBeUndefined();
  });
});

describe("C8 an event log that is never read", () => {
  test("keeps a bounded number of frames of a stream", () => {
    const { log, evictions } = createLog();
    const stream = log.openStream();
    const primed = log.prime(stream);
    const ids = Array.from({ length: 8 }, (_, at) => log.append(stream, `${at}`).id);
    expect(dataOf(log.replay(primed))).toEqual(["3", "4", "5", "6", "7"]);
    expect(dataOf(log.replay(ids[1] ?? ""))).toEqual(["3", "4", "5", "6", "7"]);
    expect(dataOf(log.replay(ids[2] ?? ""))).toEqual(["3", "4", "5", "6", "7"]);
    expect(dataOf(log.replay(ids[3] ?? ""))).toEqual(["4", "5", "6", "7"]);
    expect(evictions()).toBe(3);
  });

  test("keeps a bounded number of bytes of all streams, dropping the oldest first", () => {
    const { log, evictions } = createLog({ replayBytesMax: 600 });
    const [first, second] = [log.openStream(), log.openStream()];
    const [before, beside] = [log.prime(first), log.prime(second)];
    log.append(first, "a".repeat(200));
    log.append(second, "b".repeat(200));
    log.append(first, "c".repeat(200));
    expect(dataOf(log.replay(before)).map((data) => data[0])).toEqual(["c"]);
    expect(dataOf(log.replay(beside)).map((data) => data[0])).toEqual(["b"]);
    log.append(second, "d".repeat(2000));
    expect(log.replay(beside)).toMatchObject({ frames: [], ended: false });
    log.append(first, "e");
    expect(dataOf(log.replay(before))).toEqual(["e"]);
    expect(evictions()).toBe(4);
  });

  test("counts bytes, however many characters they are", () => {
    const { log, evictions } = createLog({ replayBytesMax: 1_000 });
    const stream = log.openStream();
    const primed = log.prime(stream);
    for (const letter of ["a", "日", "b"]) log.append(stream, letter.repeat(250));
    // 250 characters of three bytes push the first frame out, and the next one pushes them out.
    expect(dataOf(log.replay(primed)).map((data) => data[0])).toEqual(["b"]);
    expect(evictions()).toBe(2);
  });

  test("never replays an old frame of a stream, though it looks for old ones only now and then", () => {
    const { clock, log } = createLog();
    const stream = log.openStream();
    const primed = log.prime(stream);
    log.append(stream, "old");
    clock.advance(limits.replayAgeMs - 1);
    log.endStream(log.openStream());
    log.append(stream, "new");
    expect(dataOf(log.replay(primed))).toEqual(["old", "new"]);
    clock.advance(2);
    expect(dataOf(log.replay(primed))).toEqual(["new"]);
  });

  test("drops frames by age, and ended streams with them", () => {
    const { clock, log, evictions } = createLog();
    const [open, ended] = [log.openStream(), log.openStream()];
    const [before, beside] = [log.prime(open), log.prime(ended)];
    log.append(open, "old");
    log.append(ended, "old");
    log.endStream(ended);
    clock.advance(limits.replayAgeMs - 1);
    log.append(open, "new");
    expect(dataOf(log.replay(before))).toEqual(["old", "new"]);
    clock.advance(2);
    log.dropAged();
    expect(dataOf(log.replay(before))).toEqual(["new"]);
    expect(log.replay(beside)).toBeUndefined();
    // They were kept for as long as they should be.
    expect(evictions()).toBe(0);
  });

  test("keeps a bounded number of streams, giving up the one that ended first", () => {
    const { log, evictions } = createLog();
    const [open, ...ended] = [1, 2, 3].map(() => log.openStream());
    const ids = ended.map((stream) => log.prime(stream));
    const kept = log.prime(open ?? 0);
    for (const stream of ended) {
      log.append(stream, "unread");
      log.endStream(stream);
    }
    log.openStream();
    expect(log.replay(ids[0] ?? "")).toBeUndefined();
    expect(evictions()).toBe(1);
    expect(log.replay(ids[1] ?? "")).toBeDefined();
    log.openStream();
    log.openStream();
    expect(log.replay(ids[1] ?? "")).toBeUndefined();
    expect(log.replay(kept)).toBeDefined();
    log.append(open ?? 0, "still open");
    expect(dataOf(log.replay(kept))).toEqual(["still open"]);
  });
});
