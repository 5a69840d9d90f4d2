/**
 * Migrates the data directory of an older gateway, which stored a session's subscriptions as a
 * list.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStoreDatabase } from "../../src/store/database.ts";
import { defaultLimits } from "../../src/limits.ts";
import { openSqliteSessionStore } from "../../src/store/sqlite_sessions.ts";
import { createTestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { olderCredentials } from "../support/older_tables.ts";

const runtime = await createTestRuntime();

/** The tables as version 2 of the file had them. */
const older = `CREATE TABLE sessions (
     key TEXT PRIMARY KEY,
     surface TEXT NOT NULL,
     principal TEXT NOT NULL,
     revision TEXT NOT NULL,
     client_info TEXT NOT NULL,
     capabilities TEXT NOT NULL,
     log_level TEXT,
     subscriptions TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     active_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX sessions_active_at ON sessions (active_at);
   ${olderCredentials}
   PRAGMA user_version = 2;`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "session-migration-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("a database of an older gateway", () => {
  test("keeps its sessions and their subscriptions", async () => {
    const path = join(folder, "store.db");
    const before = runtime.openDatabase(path);
    before.exec(older);
    const insert = before.prepare(
      "INSERT INTO sessions VALUES (?, '/mcp', 'anonymous', '2025-11-25', ?, '{}', ?, ?, 5, 7)",
    );
    const info = JSON.stringify({ name: "日本", version: "1" });
    insert.run("plain", info, null, "[]");
    insert.run("subscribed", info, "error", '["x:2","x:1","x:2",7,"日本"]');
    insert.run("odd", info, null, '{"not":"a list');
    insert.run("fat", JSON.stringify({ name: "x".repeat(3_500_000) }), null, '["x:1"]');
    before.close();

    for (const turn of ["first start", "second start"]) {
      const database = openStoreDatabase(runtime, path, defaultLimits);
      const clock = createTestClock();
      const log = createTestLog();
      const store = openSqliteSessionStore({
        database,
        clock,
        limits: defaultLimits,
        log,
        nextTurn: runtime.nextTurn,
      });
      const record = {
        surface: "/mcp",
        principal: "anonymous",
        consumer: "local",
        revision: "2025-11-25",
        clientInfo: { name: "日本", version: "1" },
        capabilities: {},
        createdAt: 5,
        activeAt: 7,
        owner: "",
      };
      expect([turn, await store.count()]).toEqual([turn, 3]);
      expect(await store.find("plain")).toEqual({
        ...record,
        key: "plain",
        logLevel: null,
        subscriptions: [],
      });
      expect(await store.find("subscribed")).toEqual({
        ...record,
        key: "subscribed",
        logLevel: "error",
        subscriptions: ["x:2", "x:1", "日本"],
      });
      expect((await store.find("odd"))?.subscriptions).toEqual([]);
      expect(await store.find("fat")).toBeUndefined();
      if (turn === "second start") {
        // What belongs to a session ends with it, and the activity is where a sweep looks.
        expect([...await store.expire(8)].sort()).toEqual(["odd", "plain", "subscribed"]);
        expect(database.prepare("SELECT * FROM subscriptions").all()).toEqual([]);
      }
      await store.close();
      database.close();
    }
  });
});
