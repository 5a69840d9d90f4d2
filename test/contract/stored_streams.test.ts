/**
 * The event streams of sessions in the database: what a new run finds, what no one can read in the
 * file, what is removed by age, by the bounds of all streams, and with its session.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { SqlDatabase } from "../../src/runtime/runtime.ts";
import { createSealer } from "../../src/seal.ts";
import type { StreamChange } from "../../src/session/event_store.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { schemaSteps } from "../../src/store/schema_steps.ts";
import { openSqliteEvents } from "../../src/store/sqlite_events.ts";
import { openSqliteSessionStore } from "../../src/store/sqlite_sessions.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { createRecord } from "../support/stores.ts";

const runtime = await createTestRuntime();
/** The version that had no streams yet. */
const version = schemaSteps.findIndex((step) => step.includes("CREATE TABLE streams"));
const encoder = new TextEncoder();

let folder: string;
let clock: TestClock;
const opened: SqlDatabase[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stored-streams-"));
  clock = createTestClock();
});
afterEach(async () => {
  for (const database of opened.splice(0)) database.close();
  await rm(folder, { recursive: true });
});

/** A run on the folder's database. */
async function open(changes: Partial<Limits> = {}, key = "a key") {
  for (const database of opened.splice(0)) database.close();
  const limits = { ...defaultLimits, ...changes };
  const database = openStoreDatabase(runtime, join(folder, "store.db"), limits);
  opened.push(database);
  const log = createTestLog();
  const shared = { database, clock, limits, log };
  const sessions = openSqliteSessionStore({ ...shared, nextTurn: runtime.nextTurn });
  const events = openSqliteEvents({ ...shared, sealer: await createSealer(key) });
  const count = (table: string) =>
    Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
  return { database, sessions, events, count };
}

const change = (stream: string, changes: Partial<StreamChange> = {}): StreamChange => ({
  session: "s",
  stream,
  isCall: true,
  requests: [1],
  frames: [],
  first: 1,
  droppedTo: 0,
  isForgotten: false,
  ...changes,
});

describe("stored streams", () => {
  test("G4 are what they were in the next run: frames and requests", async () => {
    const { sessions, events } = await open();
    await sessions.create(createRecord("s"));
    const wide = encoder.encode("id: e-2\ndata: 日本\n\n");
    await events.save([
      change("a", { requests: ["x", 2], frames: ["id: e-1\ndata: 1\n\n", wide] }),
    ]);
    await events.save([
      change("a", { requests: [2], frames: ["three"], first: 3 }),
      change("alone", { isCall: false, requests: [] }),
    ]);
    const { events: next } = await open();
    expect(await next.find("s", "a")).toEqual({
      isCall: true,
      requests: [2],
      frames: [
        { position: 1, frame: "id: e-1\ndata: 1\n\n" },
        { position: 2, frame: "id: e-2\ndata: 日本\n\n" },
        { position: 3, frame: "three" },
      ],
    });
    expect(await next.find("s", "alone")).toMatchObject({ isCall: false, frames: [] });
    expect(await next.find("other", "a")).toBeUndefined();
    expect(await next.find("s", "b")).toBeUndefined();
  });

  test("H1 cannot be read in the file, nor with another key", async () => {
    const { sessions, events, database } = await open();
    await sessions.create(createRecord("s"));
    await events.save([change("a", { frames: ["a canary in a result"] })]);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    const bytes = await readFile(join(folder, "store.db"));
    expect(bytes.includes("streams")).toBe(true);
    expect(bytes.includes("canary")).toBe(false);
    const { events: other } = await open({}, "another key");
    // The request is still open there, so that its end can be sent.
    expect(await other.find("s", "a")).toMatchObject({ requests: [1], frames: [] });
  });

  test("C3 end with their session, and are not written after it", async () => {
    const { sessions, events, count } = await open();
    await sessions.create(createRecord("s"));
    await events.save([change("a", { frames: ["one"] })]);
    await sessions.remove("s");
    expect([count("streams"), count("stream_frames")]).toEqual([0, 0]);
    await events.save([change("a", { frames: ["two"], first: 2 })]);
    expect([count("streams"), count("stream_frames")]).toEqual([0, 0]);
  });

  test("C8 lose what the session dropped and forgot", async () => {
    const { sessions, events, count } = await open();
    await sessions.create(createRecord("s"));
    await events.save([change("a", { frames: ["1", "2"] })]);
    await events.save([change("a", { frames: ["3"], first: 3, droppedTo: 1 })]);
    expect(count("stream_frames")).toBe(2);
    await events.save([change("a", { first: 4, droppedTo: 2 })]);
    expect((await events.find("s", "a"))?.frames).toEqual([{ position: 3, frame: "3" }]);
    await events.save([change("a", { isForgotten: true })]);
    expect([count("streams"), count("stream_frames")]).toEqual([0, 0]);
  });

  test("C8 of an earlier run are removed by age, but not the open requests", async () => {
    const { sessions, events } = await open();
    await sessions.create(createRecord("s"));
    await events.save([
      change("open", { frames: ["1"] }),
      change("answered", { requests: [], frames: ["1"] }),
    ]);
    clock.advance(defaultLimits.replayAgeMs + 1);
    const { events: next, count } = await open();
    await next.save([change("new")]);
    expect(count("stream_frames")).toBe(0);
    expect(await next.find("s", "answered")).toBeUndefined();
    expect(await next.find("s", "open")).toMatchObject({ requests: [1], frames: [] });
  });

  test("C8 have bounds for all sessions together, and the oldest go first", async () => {
    const bounds = { storedStreamsMax: 20, storedFramesBytesMax: 20_000 };
    const { sessions, events, count, database } = await open(bounds);
    await sessions.create(createRecord("s"));
    for (let at = 0; at < 100; at += 1) {
      await events.save([change(`stream ${at}`, { frames: ["x".repeat(1_000)] })]);
      clock.advance(1);
    }
    const bytes = database.prepare("SELECT sum(bytes) AS n FROM stream_frames").get()?.["n"];
    expect(count("streams")).toBeLessThanOrEqual(20);
    expect(Number(bytes)).toBeLessThanOrEqual(20_000);
    expect(count("stream_frames")).toBeGreaterThan(5);
    expect((await events.find("s", "stream 99"))?.frames.length).toBe(1);
    expect(await events.find("s", "stream 0")).toBeUndefined();
  });

  test("fit into the database of an older gateway, which keeps what it had", async () => {
    const path = join(folder, "store.db");
    const before = runtime.openDatabase(path);
    for (const step of schemaSteps.slice(0, version)) before.exec(step);
    before.exec(`INSERT INTO sessions (key, active_at, created_at, surface, principal, revision,
        client_info, capabilities, log_level, owner)
        VALUES ('s', 7, 5, '/mcp', 'anonymous', '2025-11-25', '{}', '{}', NULL, '');
      INSERT INTO subscriptions (session, uri) VALUES ('s', 'x:1');
      PRAGMA user_version = ${version};`);
    before.close();
    for (const turn of ["first start", "second start"]) {
      const { sessions, events } = await open();
      expect([turn, (await sessions.find("s"))?.subscriptions]).toEqual([turn, ["x:1"]]);
      await events.save([change(turn)]);
      expect(await events.find("s", turn)).toBeDefined();
    }
    const { sessions, count } = await open();
    await sessions.remove("s");
    expect([count("subscriptions"), count("streams")]).toEqual([0, 0]);
  });
});
