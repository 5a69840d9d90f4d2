/**
 * The cost of a session look-up. Each request pays for the one in memory, which is compared with a
 * bare Map. The first request of a session that is not in memory pays for the store, which is
 * compared with SQLite alone. Also the same with activity noted.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anonymous } from "../src/auth/none.ts";
import { createInProcessBus } from "../src/bus/in_process.ts";
import { systemClock } from "../src/clock.ts";
import { localConsumer } from "../src/consumers.ts";
import { openStoreDatabase } from "../src/store/database.ts";
import { defaultLimits } from "../src/limits.ts";
import { createHeartbeats } from "../src/http/heartbeat.ts";
import { createKeepAlive } from "../src/http/keep_alive.ts";
import {
  closeSessions,
  createSessions as createTable,
  findSession,
} from "../src/http/legacy/session_table.ts";
import { sha256 } from "../src/runtime/digest.ts";
import { createMemorySessionStore } from "../src/store/memory_sessions.ts";
import { toRecord } from "../src/store/session_row.ts";
import { openSqliteSessionStore } from "../src/store/sqlite_sessions.ts";
import type { SessionRecord } from "../src/session/session_store.ts";
import { createFakeGateway } from "../test/support/fake_gateway.ts";
import { createTestRuntime } from "../test/support/fake_runtime.ts";
import { createTestRates } from "../test/support/rates.ts";
import { createTestLog } from "../test/support/log.ts";
import { createSessions } from "./fixtures.ts";
import type { Suite } from "./suite.ts";

type LookUp = (key: string) => SessionRecord | undefined | Promise<SessionRecord | undefined>;
type Touch = (key: string, at: number) => void;

/** Three ways to store the same sessions. */
export interface LookUps {
  readonly sessions: readonly SessionRecord[];
  readonly kinds: readonly {
    readonly name: string;
    readonly find: LookUp;
    readonly touch: Touch;
  }[];
  close(): Promise<void>;
}

/** Fills the three with the same sessions; each of the two on disk has its own file. */
export async function openLookUps(count: number): Promise<LookUps> {
  const folder = await mkdtemp(join(tmpdir(), "bench-session-"));
  const runtime = await createTestRuntime();
  const open = (name: string) => openStoreDatabase(runtime, join(folder, name), defaultLimits);
  const database = open("ours.db");
  const alone = open("alone.db");
  const sessions = await createSessions(count, 1);
  const bare = new Map<string, SessionRecord>();
  const store = openSqliteSessionStore({
    database,
    clock: systemClock,
    limits: defaultLimits,
    log: createTestLog(),
    nextTurn: runtime.nextTurn,
  });
  for (const session of sessions) {
    bare.set(session.key, session);
    await store.create(session);
  }
  // The same rows, through the store, which then leaves the file to plain statements.
  const filler = openSqliteSessionStore({
    database: alone,
    clock: systemClock,
    limits: defaultLimits,
    log: createTestLog(),
    nextTurn: runtime.nextTurn,
  });
  for (const session of sessions) await filler.create(session);
  await filler.close();
  const select = alone.prepare("SELECT * FROM sessions WHERE key = ?");
  const subscriptions = alone.prepare("SELECT uri FROM subscriptions WHERE session = ?");
  const update = alone.prepare("UPDATE sessions SET active_at = ? WHERE key = ?");

  return {
    sessions,
    kinds: [
      {
        name: "bare Map",
        find: (key) => bare.get(key),
        touch(key, at) {
          const record = bare.get(key);
          if (record !== undefined) bare.set(key, { ...record, activeAt: at });
        },
      },
      { name: "our store in SQLite", find: store.find, touch: store.touch },
      {
        name: "SQLite alone",
        find(key) {
          const row = select.get(key);
          return row && toRecord(row, subscriptions.all(key).map(({ uri }) => String(uri)));
        },
        touch: (key, at) => void update.run(at, key),
      },
    ],
    async close() {
      await store.close();
      database.close();
      alone.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Sessions in memory, which nearly every request finds. */
async function openLive(count: number): Promise<Suite> {
  const limits = { ...defaultLimits, idleSessionsInMemoryMax: count };
  const store = createMemorySessionStore();
  const table = createTable({
    gateway: createFakeGateway(),
    rates: createTestRates(),
    sessions: store,
    bus: createInProcessBus({ limits, log: createTestLog() }),
    limits,
    clock: systemClock,
    log: createTestLog(),
    emit: () => {},
    identity: { name: "bench", version: "1" },
    sessionTimeoutMs: limits.timerMsMax,
    heartbeats: createHeartbeats(systemClock, limits),
    keepAlive: createKeepAlive(systemClock, limits),
    owner: "bench",
    sha256,
  });
  const bare = new Map<string, SessionRecord>();
  for (const record of await createSessions(count, 1)) {
    const id = crypto.randomUUID();
    bare.set(id, record);
    await store.create({ ...record, key: sha256(id), activeAt: systemClock.wall() });
    await findSession(table, id, {
      surface: record.surface,
      principal: anonymous,
      consumer: localConsumer,
    });
  }
  const ids = [...bare.keys()];
  const owner = { surface: "/mcp", principal: anonymous, consumer: localConsumer };
  let turn = 0;
  const nextId = () => ids[turn++ % ids.length]!;
  return {
    title: `session in memory, with activity, ${count} sessions`,
    unit: "request",
    units: 1,
    candidates: [
      { name: "bare Map", work: () => Promise.resolve(bare.get(nextId())) },
      { name: "our table", work: () => findSession(table, nextId(), owner) },
    ],
    close: () => closeSessions(table),
  };
}

/** The suites of this file. */
export async function openSuites(): Promise<Suite[]> {
  const lookUps = await openLookUps(10_000);
  const { sessions, kinds, close } = lookUps;
  let turn = 0;
  const nextKey = () => sessions[turn++ % sessions.length]!.key;
  let at = sessions[0]!.createdAt * 2;
  return [
    await openLive(10_000),
    {
      title: `session look-up, ${sessions.length} sessions`,
      unit: "look-up",
      units: 1,
      candidates: kinds.map(({ name, find }) => ({ name, work: () => find(nextKey()) })),
      close: () => {},
    },
    {
      title: `session look-up and activity, ${sessions.length} sessions`,
      unit: "request",
      units: 1,
      candidates: kinds.map(({ name, find, touch }) => ({
        name,
        work() {
          const key = nextKey();
          touch(key, ++at);
          return find(key);
        },
      })),
      close,
    },
  ];
}
