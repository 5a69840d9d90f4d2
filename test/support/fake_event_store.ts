/** A store of event streams in memory, which outlives the gateways of a test, and which can fail. */
import type { EventStore, StoredFrame, StreamChange } from "../../src/session/event_store.ts";

/** The store, and what happened to it. */
export interface FakeEventStore extends EventStore {
  /** Every batch, in order. */
  readonly batches: readonly (readonly StreamChange[])[];
  /** Whether the next batches fail. */
  isFull: boolean;
}

/** Makes an empty store. */
export function createFakeEventStore(): FakeEventStore {
  const streams = new Map<string, { change: StreamChange; frames: StoredFrame[] }>();
  const batches: (readonly StreamChange[])[] = [];
  const decoder = new TextDecoder();
  const take = (change: StreamChange): void => {
    const key = `${change.session} ${change.stream}`;
    if (change.isForgotten) return void streams.delete(key);
    const frames = (streams.get(key)?.frames ?? []).filter((one) =>
      one.position > change.droppedTo
    );
    for (const [at, frame] of change.frames.entries()) {
      const text = typeof frame === "string" ? frame : decoder.decode(frame);
      frames.push({ position: change.first + at, frame: text });
    }
    streams.set(key, { change, frames });
  };
  return {
    batches,
    isFull: false,
    save(changes) {
      if (this.isFull) return Promise.reject(new Error("disk full"));
      batches.push(changes);
      for (const change of changes) take(change);
      return Promise.resolve();
    },
    find(session, stream) {
      const found = streams.get(`${session} ${stream}`);
      if (found === undefined) return Promise.resolve(undefined);
      const { change: { isCall, requests }, frames } = found;
      return Promise.resolve({ isCall, requests, frames });
    },
  };
}
