/**
 * Event streams of sessions in SQLite, for clients that resume them after the gateway was killed.
 * Each batch is one transaction; the frames of a stream in it are one encrypted value. What a live
 * session no longer keeps is removed with the next batch; what an earlier run left is removed by its
 * age, and with its session. All streams together have a bound, and the oldest go first. Not here:
 * the tables (schema_steps.ts).
 */
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RequestId } from "../model.ts";
import type { SqlDatabase, SqlValue } from "../runtime/runtime.ts";
import type { Sealer } from "../seal.ts";
import type {
  EventStore,
  StoredFrame,
  StoredStream,
  StreamChange,
} from "../session/event_store.ts";
import { transact } from "./database.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteEventOptions {
  readonly database: SqlDatabase;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "replayAgeMs" | "storedStreamsMax" | "storedFramesBytesMax">;
  readonly log: Log;
}

/** The state of the open store. */
interface SqliteEvents extends SqliteEventOptions {
  readonly sql: ReturnType<typeof prepare>;
  /** Not less than what the tables have; counted again before anything is removed by it. */
  streams: number;
  bytes: number;
  sweptAt: number;
}

const purpose = "frames";
/** Sweeps of old streams within one `replayAgeMs`. */
const sweepsPerAge = 10;
/** The part of a bound that stays: one removal makes room for many batches. */
const keptPart = 0.9;

/** Opens the store. Throws when the tables cannot be read. */
export function openSqliteEvents(options: SqliteEventOptions): EventStore {
  const sql = prepare(options.database);
  const events: SqliteEvents = { ...options, sql, streams: 0, bytes: 0, sweptAt: -Infinity };
  return {
    async save(changes) {
      const sealed = await Promise.all(changes.map((change) => seal(options.sealer, change)));
      transact(options.database, () => {
        for (const [at, change] of changes.entries()) write(events, change, sealed[at]);
        if (isDue(events)) sweep(events);
      });
    },
    find: (session, stream) => find(events, session, stream),
  };
}

/** The frames of a change as they are stored; undefined if there are none. */
async function seal(
  sealer: SqliteEventOptions["sealer"],
  { frames, session, stream }: StreamChange,
): Promise<string | undefined> {
  if (frames.length === 0) return undefined;
  const decoder = new TextDecoder();
  const texts = frames.map((frame) => typeof frame === "string" ? frame : decoder.decode(frame));
  return await sealer.encrypt(purpose, { frames: texts }, bindingOf(session, stream));
}

function bindingOf(session: string, stream: string): string {
  return `${session} ${stream}`;
}

function write(events: SqliteEvents, change: StreamChange, sealed: string | undefined): void {
  const { sql, clock } = events;
  const { session, stream, first, frames, droppedTo } = change;
  if (change.isForgotten) {
    sql.forgetFrames.run(session, stream);
    sql.forget.run(session, stream);
    return;
  }
  const now = clock.wall();
  const requests = JSON.stringify(change.requests);
  const isThere = sql.put.run(session, stream, now, Number(change.isCall), requests, session);
  // The session has ended meanwhile.
  if (isThere.changes === 0) return;
  events.streams += 1;
  if (droppedTo > 0) sql.drop.run(session, stream, droppedTo);
  if (sealed === undefined) return;
  const last = first + frames.length - 1;
  sql.add.run(session, stream, first, last, now, sealed.length, sealed);
  events.bytes += sealed.length;
}

async function find(
  { sql, sealer, log }: SqliteEvents,
  session: string,
  stream: string,
): Promise<StoredStream | undefined> {
  try {
    const row = sql.find.get(session, stream);
    if (row === undefined) return undefined;
    const chunks = sql.frames.all(session, stream);
    const frames: StoredFrame[] = [];
    for (const chunk of chunks) {
      const text = String(chunk["sealed"]);
      const opened = await sealer.decrypt(purpose, text, bindingOf(session, stream));
      frames.push(...toFrames(opened?.["frames"], Number(chunk["first"])));
    }
    return {
      isCall: row["is_call"] === 1,
      requests: toRequests(row["requests"]),
      frames,
    };
  } catch (fault) {
    log.error("Cannot read a stream of a session", { fault });
    throw new GatewayError("store_unavailable", undefined, { cause: fault });
  }
}

/** The frames of a stored value; those of another key, or of a damaged row, are lost. */
function toFrames(value: unknown, first: number): StoredFrame[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((frame: unknown, at) =>
    typeof frame === "string" ? [{ position: first + at, frame }] : []
  );
}

function toRequests(text: SqlValue | undefined): RequestId[] {
  const value: unknown = JSON.parse(String(text));
  return Array.isArray(value)
    ? value.filter((id) => typeof id === "string" || typeof id === "number")
    : [];
}

/** Whether there may be too much, or something too old. */
function isDue({ clock, limits, streams, bytes, sweptAt }: SqliteEvents): boolean {
  return streams > limits.storedStreamsMax || bytes > limits.storedFramesBytesMax ||
    clock.monotonic() - sweptAt >= limits.replayAgeMs / sweepsPerAge;
}

/** Removes what is too old, then the oldest of what is too much. */
function sweep(events: SqliteEvents): void {
  const { sql, clock, limits } = events;
  events.sweptAt = clock.monotonic();
  const before = clock.wall() - limits.replayAgeMs;
  sql.dropAged.run(before);
  // An open request needs its honest end however late its client comes back.
  sql.forgetAged.run(before);
  const sizes = sql.sizes.get();
  events.streams = Number(sizes?.["streams"] ?? 0);
  events.bytes = Number(sizes?.["bytes"] ?? 0);
  if (events.streams > limits.storedStreamsMax) {
    const excess = Math.ceil(events.streams - limits.storedStreamsMax * keptPart);
    events.streams -= sql.forgetOldest.run(excess).changes;
    sql.dropLoose.run();
  }
  if (events.bytes > limits.storedFramesBytesMax) {
    events.bytes -= dropOldest(events, events.bytes - limits.storedFramesBytesMax * keptPart);
  }
}

/** Removes the oldest frames of so many bytes; returns how many they were. */
function dropOldest({ sql }: SqliteEvents, bytes: number): number {
  let dropped = 0;
  for (const row of sql.oldest.all(bytes)) {
    sql.dropOne.run(Number(row["id"]));
    dropped += Number(row["bytes"]);
  }
  return dropped;
}

function prepare(database: SqlDatabase) {
  return {
    put: database.prepare(
      `INSERT INTO streams (session, name, saved_at, is_call, requests)
         SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM sessions WHERE key = ?)
         ON CONFLICT (session, name) DO UPDATE
           SET saved_at = excluded.saved_at, requests = excluded.requests`,
    ),
    add: database.prepare(
      `INSERT OR IGNORE INTO stream_frames (session, stream, first, last, saved_at, bytes, sealed)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    drop: database.prepare(
      "DELETE FROM stream_frames WHERE session = ? AND stream = ? AND last <= ?",
    ),
    forget: database.prepare("DELETE FROM streams WHERE session = ? AND name = ?"),
    forgetFrames: database.prepare("DELETE FROM stream_frames WHERE session = ? AND stream = ?"),
    find: database.prepare("SELECT * FROM streams WHERE session = ? AND name = ?"),
    frames: database.prepare(
      `SELECT first, last, sealed FROM stream_frames WHERE session = ? AND stream = ?
         ORDER BY first`,
    ),
    dropAged: database.prepare("DELETE FROM stream_frames WHERE saved_at < ?"),
    forgetAged: database.prepare("DELETE FROM streams WHERE requests = '[]' AND saved_at < ?"),
    sizes: database.prepare(
      `SELECT (SELECT count(*) FROM streams) AS streams,
         (SELECT coalesce(sum(bytes), 0) FROM stream_frames) AS bytes`,
    ),
    forgetOldest: database.prepare(
      `DELETE FROM streams WHERE (session, name) IN
         (SELECT session, name FROM streams ORDER BY saved_at LIMIT ?)`,
    ),
    dropLoose: database.prepare(
      `DELETE FROM stream_frames WHERE NOT EXISTS (SELECT 1 FROM streams
         WHERE streams.session = stream_frames.session AND streams.name = stream_frames.stream)`,
    ),
    oldest: database.prepare(
      `SELECT id, bytes FROM (
         SELECT id, bytes, sum(bytes) OVER (ORDER BY saved_at, id) - bytes AS before
           FROM stream_frames
       ) WHERE before < ?`,
    ),
    dropOne: database.prepare("DELETE FROM stream_frames WHERE id = ?"),
  };
}
