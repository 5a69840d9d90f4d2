/**
 * What the SDKs' HTTP transports need to resume a stream: the events of one session, in memory, in
 * order. It serves the conformance fixtures alone; sessions of tests are short.
 */

/** Keeps what was sent on streams; the shape fits both SDKs' `EventStore`. */
export interface EventStore {
  storeEvent(streamId: string, message: object): Promise<string>;
  replayEventsAfter(
    lastEventId: string,
    to: { send: (eventId: string, message: object) => Promise<void> },
  ): Promise<string>;
}

/** Makes an empty store. */
export function createEventStore(): EventStore {
  const events: { streamId: string; message: object }[] = [];
  return {
    storeEvent: (streamId, message) =>
      Promise.resolve(String(events.push({ streamId, message }) - 1)),
    async replayEventsAfter(lastEventId, { send }) {
      const last = Number(lastEventId);
      const streamId = events[last]?.streamId;
      if (streamId === undefined) throw new Error(`No event ${JSON.stringify(lastEventId)}`);
      for (const [index, event] of events.entries()) {
        // A priming event is an empty object: there is nothing to send again.
        const isEmpty = Object.keys(event.message).length === 0;
        if (index <= last || event.streamId !== streamId || isEmpty) continue;
        await send(String(index), event.message);
      }
      return streamId;
    },
  };
}
