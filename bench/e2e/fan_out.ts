/** One notice of the server to many sessions, each with an open GET stream; a unit is one delivery. */
import { within } from "../../test/support/wait.ts";
import { announce, type OpenCaller } from "./callers.ts";
import { type NoticeStream, openNoticeStream } from "./notice_stream.ts";
import { type Connection, type Endpoint, endSession, openSession } from "./rpc_client.ts";

const method = "notifications/tools/list_changed";
const atOnce = 32;
const deliveryMsMax = 30_000;

/** Runs `work` for each item, a few at a time. */
async function forEachOf<T>(
  items: readonly T[],
  work: (item: T, at: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < items.length) {
      const at = next++;
      await work(items[at] as T, at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, run));
}

/** Opens many sessions. */
export async function openSessions(
  endpoint: Endpoint,
  count: number,
): Promise<Connection[]> {
  const sessions: Connection[] = [];
  await forEachOf(Array.from({ length: count }), async (_, at) => {
    sessions.push(await openSession(endpoint, at));
  });
  return sessions;
}

/** Opens a stream for each session, and reports by its number which one has had the notice. */
export async function openStreams(
  sessions: readonly Connection[],
  arrived: (subscriber: number) => void,
): Promise<NoticeStream> {
  const streams: NoticeStream[] = [];
  const close = () => {
    for (const stream of streams) stream.close();
  };
  try {
    await forEachOf(sessions, async (session, at) => {
      streams.push(await openNoticeStream(session, method, () => arrived(at)));
    });
  } catch (thrown) {
    close();
    throw thrown;
  }
  return { close };
}

/** Ends many sessions. */
export const endSessions = (sessions: readonly Connection[]): Promise<void> =>
  forEachOf(sessions, endSession);

/** Broadcasts, one after the other: each is over when every subscriber had it once. */
export const fanOutCaller = (count: number): OpenCaller => async (endpoint) => {
  const missing = new Set<number>();
  let stray: number | undefined;
  const keepStray = (subscriber: number) => void (stray ??= subscriber);
  let arrived: (subscriber: number) => void = keepStray;
  const sessions = await openSessions(endpoint, count);
  const streams = await openStreams(sessions, (subscriber) => arrived(subscriber));
  const speaker = await openSession(endpoint, 0);
  let id = 0;

  const work = async (record: (ms: number) => void) => {
    if (stray !== undefined) throw new Error(`Subscriber ${stray} had a notice that was not sent`);
    for (let at = 0; at < count; at += 1) missing.add(at);
    const begun = performance.now();
    const all = new Promise<void>((resolve, reject) => {
      arrived = (subscriber) => {
        if (!missing.delete(subscriber)) reject(new Error(`Subscriber ${subscriber} had it twice`));
        record(performance.now() - begun);
        if (missing.size === 0) resolve();
      };
    });
    // A rejection before the call is answered is seen below.
    all.catch(() => {});
    await announce(speaker, id += 1);
    await within(`a notice at ${missing.size} of ${count} streams`, all, deliveryMsMax);
    arrived = keepStray;
  };
  return {
    work,
    async close() {
      streams.close();
      await endSessions([...sessions, speaker]);
    },
  };
};
