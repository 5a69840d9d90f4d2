/**
 * The contract of every kind of storage: each kind passes the same cases. Sessions also run the
 * same random operations, compared with a plain list. Further promises of one kind are in
 * session_store.test.ts, catalog_store.test.ts and credentials/store.test.ts.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGateway, defaultTables } from "../../src/app.ts";
import type { StoredKey } from "../../src/auth/key_store.ts";
import type { ProfileRow, RegistryRow } from "../../src/config/registry_store.ts";
import type { CredentialKey } from "../../src/credentials/provider.ts";
import { systemClock } from "../../src/clock.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import { logLevels } from "../../src/model.ts";
import type { UserRow } from "../../src/oauth/user_store.ts";
import type { SessionRecord } from "../../src/session/session_store.ts";
import { openStores } from "../../src/store/stores.ts";
import type { Catalog } from "../../src/upstream/deps.ts";
import { createRandom, createTestClock, type TestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { createTestLog } from "../support/log.ts";
import { describeLoginRecords } from "../support/login_record_cases.ts";
import { describeGrantStore } from "../support/grant_store_cases.ts";
import { describeOAuthStore } from "../support/oauth_store_cases.ts";
import { describePinStore } from "../support/pin_store_cases.ts";
import {
  engineOf,
  hasRedis,
  openTestEngine,
  type RedisServer,
  startRedis,
  whyNoRedis,
} from "../support/redis_server.ts";
import { contentOf, createRecord, openLateStore } from "../support/stores.ts";

const runtime = await createTestRuntime();

/** The default rows and one more. */
const kinds = { ...defaultTables.storeKinds, late: openLateStore };

/** A kind, where it keeps its data, and whether that outlives the process. */
interface Place {
  readonly name: string;
  readonly kind?: string;
  readonly directory?: string;
  readonly isKept: boolean;
  /** Whether it is an engine of its own, which outlives the folder too. */
  readonly isEngine?: boolean;
}

const places: readonly Place[] = [
  { name: "sqlite in a file", isKept: true },
  { name: "sqlite in memory", kind: "sqlite", directory: ":memory:", isKept: false },
  { name: "memory", kind: "memory", isKept: false },
  { name: "a kind that was added as one row", kind: "late", isKept: false },
  ...(hasRedis ? [{ name: "redis", kind: "redis", isKept: true, isEngine: true }] : []),
];

if (!hasRedis) test.skip(`the kind redis${whyNoRedis}`, () => {});

let redis: RedisServer | undefined;
beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(async () => await redis?.close());

let folder: string;
let clock: TestClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stores-"));
  clock = createTestClock();
});
afterEach(() => rm(folder, { recursive: true }));

/** The stores of a place. Each test has keys of its own in the engine. */
async function open({ kind, directory, isEngine }: Place, changes: Partial<Limits> = {}) {
  const limits = { ...defaultLimits, ...changes };
  const log = createTestLog();
  const engine = isEngine
    // The engine does not follow the test's clock: its answers would be late when that jumps.
    ? await openTestEngine({ server: redis, prefix: folder, clock: systemClock, limits, log })
    : undefined;
  const { stores } = await openStores({
    config: { dataDirectory: directory ?? folder, store: kind },
    kinds,
    runtime,
    clock,
    limits,
    log,
    engine,
  });
  const close = async (): Promise<void> => {
    await stores.close();
    await engine?.close();
  };
  return { ...stores, close };
}

for (const place of places) {
  describe(`sessions, ${place.name}`, () => {
    test("finds what was created, as it was, and nothing else", async () => {
      const { sessions: store, close } = await open(place);
      const record = createRecord("a", { logLevel: "debug", subscriptions: ["x:1", ""] });
      expect(await store.find("a")).toBeUndefined();
      await store.create(record);
      expect(await store.find("a")).toEqual(record);
      expect(await store.find("A")).toBeUndefined();
      expect(await store.count()).toBe(1);
      await close();
    });

    test("refuses a key that is taken and keeps the first record", async () => {
      const { sessions: store, close } = await open(place);
      await store.create(createRecord("a", { principal: "first" }));
      await expect(store.create(createRecord("a", { principal: "second" }))).rejects.toThrow(
        "its key is taken",
      );
      expect((await store.find("a"))?.principal).toBe("first");
      await close();
    });

    test("C3 reports a removal once, and then the session is unknown", async () => {
      const { sessions: store, close } = await open(place);
      await store.create(createRecord("a"));
      expect(await store.remove("a")).toBe(true);
      expect(await store.remove("a")).toBe(false);
      expect(await store.update("a", { logLevel: "info" })).toBe(false);
      store.touch("a", Infinity);
      expect(await store.find("a")).toBeUndefined();
      expect(await store.count()).toBe(0);
      await close();
    });

    test("counts the sessions of each consumer, however they come and go", async () => {
      let opened = await open(place);
      const counts = async () =>
        await Promise.all(["ada", "bob", "eve"].map((one) => opened.sessions.countOf(one)));
      const rows = [["a", "ada", 100], ["b", "ada", 300], ["c", "bob", 200]] as const;
      for (const [key, consumer, activeAt] of rows) {
        await opened.sessions.create(createRecord(key, { consumer, activeAt }));
      }
      await opened.sessions.create(createRecord("a", { consumer: "eve" })).catch(() => {});
      expect(await counts()).toEqual([2, 1, 0]);
      expect(await opened.sessions.greediest(1)).toEqual(["ada"]);
      if (place.isKept) {
        await opened.close();
        opened = await open(place);
        expect(await counts()).toEqual([2, 1, 0]);
      }
      expect(await opened.sessions.expire(150)).toEqual(["a"]);
      expect(await counts()).toEqual([1, 1, 0]);
      await opened.sessions.remove("c");
      await opened.sessions.remove("c");
      expect(await counts()).toEqual([1, 0, 0]);
      expect(await opened.sessions.count()).toBe(1);
      await opened.close();
    });

    test("B15: the oldest session that was never used gives way, then the longest idle one", async () => {
      const { sessions: store, close } = await open(place);
      const at = (createdAt: number, activeAt = createdAt) => ({ createdAt, activeAt });
      const rows = {
        young: at(300),
        old: at(100),
        used: at(50, 60),
        touched: at(10),
        busy: at(5, 500),
      };
      for (const [key, times] of Object.entries(rows)) {
        await store.create(createRecord(key, { consumer: "ada", ...times }));
      }
      await store.create(createRecord("other", { consumer: "bob", ...at(1) }));
      store.touch("touched", 70);
      expect(await store.earliest()).toEqual({ used: 60, unused: 1 });
      expect(await store.earliest("ada")).toEqual({ used: 60, unused: 100 });
      expect(await store.giveWay("bob", "unused", 1)).toBeUndefined();
      const gone = [
        await store.giveWay("ada", "unused", 400),
        await store.giveWay("ada", "unused", 400),
      ];
      expect(gone).toEqual(["old", "young"]);
      expect(await store.giveWay("ada", "unused", 400)).toBeUndefined();
      const idle = [1, 2, 3].map(() => store.giveWay("ada", "every", 400));
      expect(await Promise.all(idle)).toEqual(["used", "touched", undefined]);
      expect([await store.countOf("ada"), await store.countOf("bob")]).toEqual([1, 1]);
      expect(await store.find("old")).toBeUndefined();
      await close();
    });

    test("C9: sessions that were never used expire sooner, whatever the wall clock did", async () => {
      const { sessions: store, close } = await open(place);
      if (store.origin !== undefined) return await close();
      const times = { createdAt: 100, activeAt: 100 };
      await store.create(createRecord("unused", times));
      await store.create(createRecord("used", times));
      store.touch("used", 101);
      await store.shift?.(1_000, 5_000);
      expect(await store.expire(1_050, 1_099)).toEqual([]);
      await store.shift?.(0, 1_090);
      expect(await store.expire(1_050, 1_095)).toEqual(["unused"]);
      expect(await store.count()).toBe(1);
      await close();
    });

    test("never moves activity backwards", async () => {
      const { sessions: store, close } = await open(place);
      await store.create(createRecord("a", { activeAt: 100 }));
      store.touch("a", 200);
      store.touch("a", 150);
      expect((await store.find("a"))?.activeAt).toBe(200);
      await close();
    });

    test("moves the activity of all sessions with the clock, none into the future, or has its own time", async () => {
      const { sessions: store, close } = await open(place);
      expect(store.shift === undefined).toBe(store.origin !== undefined);
      if (store.shift === undefined) return await close();
      for (const [key, activeAt] of [["old", 100], ["new", 200], ["touched", 50]] as const) {
        await store.create(createRecord(key, { activeAt }));
      }
      store.touch("touched", 250);
      const times = async () =>
        Object.values(await contentOf(store, ["old", "new", "touched"]))
          .map(({ activeAt }) => activeAt);
      await store.shift(1_000, 1_240);
      expect(await times()).toEqual([1_100, 1_200, 1_240]);
      await store.shift(-500, 740);
      expect(await times()).toEqual([600, 700, 740]);
      await store.shift(0, 650);
      expect(await times()).toEqual([600, 650, 650]);
      expect(await store.expire(650)).toEqual(["old"]);
      expect(await store.count()).toBe(2);
      await close();
    });

    test("expires only sessions that were last active before the time", async () => {
      const { sessions: store, close } = await open(place);
      for (const [key, activeAt] of [["old", 99], ["edge", 100], ["kept", 50]] as const) {
        await store.create(createRecord(key, { activeAt }));
      }
      store.touch("kept", 300);
      expect(await store.expire(100)).toEqual(["old"]);
      expect(await store.expire(100)).toEqual([]);
      expect(await store.find("old")).toBeUndefined();
      expect(await store.count()).toBe(2);
      await close();
    });

    for (const seed of [1, 2, 3, 4, 5]) {
      test(`agrees with a plain list over random operations, seed ${seed}`, async () => {
        await playRandomly(place, seed);
      });
    }
  });
}

const actions = [
  "create",
  "create",
  "touch",
  "update",
  "subscribe",
  "unsubscribe",
  "remove",
  "expire",
  "restart",
] as const;

/** Plays one random sequence; a store that keeps its records is closed and opened again now and then. */
async function playRandomly(place: Place, seed: number): Promise<void> {
  const random = createRandom(seed);
  const pick = <Value>(from: readonly Value[]): Value =>
    from[Math.floor(random() * from.length)] as Value;
  const keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
  let expected: SessionRecord[] = [];
  const change = (key: string, changes: Partial<SessionRecord>) => {
    expected = expected.map((record) => record.key === key ? { ...record, ...changes } : record);
  };
  let opened = await open(place);
  for (let step = 0; step < 300; step++) {
    const { sessions: store } = opened;
    const key = pick(keys);
    const known = expected.find((record) => record.key === key);
    const at = Math.floor(random() * 1000);
    const where = `seed ${seed}, step ${step}, key ${key}`;
    const action = pick(actions);
    if (action === "create") {
      const record = createRecord(key, { activeAt: at, revision: `${step}` });
      const created = await store.create(record).then(() => true, () => false);
      expect([where, created]).toEqual([where, known === undefined]);
      if (created) expected.push(record);
    } else if (action === "touch") {
      store.touch(key, at);
      if (known !== undefined && known.activeAt < at) change(key, { activeAt: at });
    } else if (action === "update") {
      const patch = pick([{ logLevel: pick(logLevels) }, { owner: `instance ${step}` }]);
      expect([where, await store.update(key, patch)]).toEqual([where, known !== undefined]);
      change(key, patch);
    } else if (action === "subscribe") {
      const uri = pick(["x:1", "x:2", "x:3", ""]);
      await store.subscribe(key, uri);
      const { subscriptions = [] } = known ?? {};
      if (!subscriptions.includes(uri)) change(key, { subscriptions: [...subscriptions, uri] });
    } else if (action === "unsubscribe") {
      const uri = pick(["x:1", "x:2", "x:3", ""]);
      await store.unsubscribe(key, uri);
      change(key, { subscriptions: (known?.subscriptions ?? []).filter((one) => one !== uri) });
    } else if (action === "remove") {
      expect([where, await store.remove(key)]).toEqual([where, known !== undefined]);
      expected = expected.filter((record) => record.key !== key);
    } else if (action === "expire") {
      const gone = expected.filter((record) => record.activeAt < at / 4).map(({ key }) => key);
      expect([where, [...await store.expire(at / 4)].sort()]).toEqual([where, gone.sort()]);
      expected = expected.filter((record) => !gone.includes(record.key));
    } else if (place.isKept) {
      await opened.close();
      opened = await open(place);
    } else {
      clock.advance(defaultLimits.activityFlushMs);
    }
    const content = await contentOf(opened.sessions, keys);
    const wanted = Object.fromEntries(expected.map((record) => [record.key, record]));
    expect([where, action, content]).toEqual([where, action, wanted]);
    expect([where, await opened.sessions.count()]).toEqual([where, expected.length]);
  }
  await opened.close();
}

const catalog: Catalog = {
  description: { capabilities: { tools: {} }, serverInfo: { name: "日本" }, instructions: "x" },
  lists: {
    tools: [{ name: "read", x: null }],
    prompts: [],
    resources: [],
    templates: [],
    skills: [],
  },
};
const bare: Catalog = { ...catalog, description: { capabilities: {} } };

/** A stored key. */
const keyOf = (name: string, changes: Partial<StoredKey> = {}): StoredKey => ({
  name,
  digest: `digest of ${name}`,
  roles: ["reader", "日本"],
  servers: undefined,
  tools: undefined,
  createdAt: 1_700_000_000_000,
  expiresAt: undefined,
  usedAt: undefined,
  ...changes,
});

for (const place of places) {
  describe(`catalogs, ${place.name}`, () => {
    test("come back as they were, the newest of each key", async () => {
      const { catalogs, close } = await open(place);
      await catalogs.save("a", "files", bare);
      await catalogs.save("a", "files", catalog);
      expect(await catalogs.load("a")).toEqual(catalog);
      expect(await catalogs.load("b")).toBeUndefined();
      await close();
    });

    test("are listed by server, the newest first", async () => {
      const { catalogs, close } = await open(place);
      for (const key of ["a", "b", "c", "a"]) {
        clock.advance(1);
        await catalogs.save(key, "files", bare);
      }
      expect(await catalogs.keys("files")).toEqual(["a", "c", "b"]);
      expect(await catalogs.keys("other")).toEqual([]);
      await close();
    });

    test("are bounded by server and in all: the newest are kept", async () => {
      const bounds = { catalogsPerServerMax: 2, catalogsMax: 3 };
      const { catalogs, close } = await open(place, bounds);
      for (const key of ["a1", "a2", "a3", "b1", "c1"]) {
        clock.advance(1);
        await catalogs.save(key, key.slice(0, 1), bare);
      }
      const kept = await Promise.all(["a", "b", "c"].map((server) => catalogs.keys(server)));
      expect(kept).toEqual([["a3"], ["b1"], ["c1"]]);
      await close();
    });

    test("that are too large are not kept, and an older one does not take their place", async () => {
      const { catalogs, close } = await open(place, { catalogCharsMax: 200 });
      await catalogs.save("a", "files", bare);
      const large = { ...bare, description: { capabilities: {}, instructions: "x".repeat(300) } };
      await catalogs.save("a", "files", large);
      expect(await catalogs.load("a")).toBeUndefined();
      await close();
    });
  });

  describe(`credentials, ${place.name}`, () => {
    const key: CredentialKey = { server: "far", principal: "p", kind: "oauth2", binding: "b" };
    const value = { token: "the-token", refreshToken: "日本", obtainedAt: 1 };

    test("come back as they were, only for the same key", async () => {
      const { credentials, close } = await open(place);
      expect(await credentials.load(key)).toBeUndefined();
      expect(await credentials.save(key, { token: "older" })).toBe(true);
      expect(await credentials.save(key, value)).toBe(true);
      expect(await credentials.load(key)).toEqual(value);
      const others: Partial<CredentialKey>[] = [
        { server: "near" },
        { principal: "" },
        { kind: "login" },
        { binding: "c" },
      ];
      for (const other of others) {
        expect(await credentials.load({ ...key, ...other })).toBeUndefined();
      }
      await close();
    });

    test("are bounded by server and in all: the newest are kept", async () => {
      const bounds = { credentialsPerServerMax: 2, credentialsMax: 4 };
      const { credentials, close } = await open(place, bounds);
      const names = ["a1", "a2", "a3", "b1", "c1", "d1"];
      const keyOf = (name: string) => ({ ...key, server: name.slice(0, 1), binding: name });
      for (const name of names) {
        clock.advance(1);
        await credentials.save(keyOf(name), value);
      }
      const loaded = await Promise.all(names.map((name) => credentials.load(keyOf(name))));
      expect(names.filter((_, at) => loaded[at] !== undefined)).toEqual(["a3", "b1", "c1", "d1"]);
      await close();
    });

    test("of one principal are not replaced by those of another", async () => {
      const { credentials, close } = await open(place, { credentialsPerServerMax: 1 });
      const keys = ["p", "q"].map((principal) => ({ ...key, principal }));
      for (const one of keys) await credentials.save(one, { token: one.principal });
      for (const one of keys) {
        expect(await credentials.load(one)).toEqual({ token: one.principal });
      }
      await close();
    });

    test("are used by one provider at a time", async () => {
      const { credentials, close } = await open(place);
      const steps: string[] = [];
      const work = (name: string) =>
        credentials.inTurn(key, async () => {
          steps.push(`${name} begins`);
          await new Promise((resolve) => setTimeout(resolve, 0));
          steps.push(`${name} ends`);
        });
      await Promise.all([work("one"), work("other")]);
      expect(steps).toEqual(["one begins", "one ends", "other begins", "other ends"]);
      await close();
    });

    test("scopes that were authenticated are known until they end or expire", async () => {
      const { credentials, close } = await open(place);
      const known = (server: string, scopes: readonly string[]) =>
        Promise.all(scopes.map((scope) => credentials.knowsScope(server, scope)));
      for (const scope of ["ended", "old", "used"]) await credentials.noteScope("far", scope);
      expect(await known("far", ["ended", "old", "used", "x"])).toEqual([true, true, true, false]);
      expect(await known("near", ["used"])).toEqual([false]);
      await credentials.forgetScope("far", "ended");
      clock.jump(defaultLimits.credentialScopeMs - 1);
      await credentials.noteScope("far", "used");
      clock.jump(2);
      await credentials.noteScope("far", "new");
      expect(await known("far", ["ended", "old", "used"])).toEqual([false, false, true]);
      await close();
    });

    test("a scope over the limit makes every scope of its server count as known", async () => {
      const { credentials, close } = await open(place, { credentialScopesMax: 2 });
      for (const scope of ["a", "b", "a"]) await credentials.noteScope("far", scope);
      expect(await credentials.knowsScope("far", "c")).toBe(false);
      await credentials.noteScope("far", "d");
      expect(await credentials.knowsScope("far", "c")).toBe(true);
      expect(await credentials.knowsScope("near", "c")).toBe(false);
      await close();
    });
  });

  describe(`the registry, ${place.name}`, () => {
    const entry = { command: "npx", env: { TOKEN: "a-secret-of-日本" } };
    const rowOf = (name: string, changes: Partial<RegistryRow> = {}) =>
      ({ name, entry, disabled: false, addedAt: 1_700_000_000_000, ...changes }) as const;

    test("keeps each server as it was put, in the order in which they were added", async () => {
      const { registry, close } = await open(place);
      expect(await registry.all()).toEqual([]);
      const rows = ["z", "日本", "a"].map((name) => rowOf(name));
      for (const row of rows) await registry.put({ ...row, entry });
      expect(await registry.all()).toEqual(rows);
      await close();
    });

    test("a replaced entry keeps its place and the time when it was added", async () => {
      const { registry, close } = await open(place);
      for (const name of ["a", "b"]) await registry.put({ ...rowOf(name), entry });
      const other = { url: "https://example.com/mcp" };
      await registry.put({ ...rowOf("a", { disabled: true, addedAt: 5 }), entry: other });
      expect(await registry.all()).toEqual([
        rowOf("a", { entry: other, disabled: true }),
        rowOf("b"),
      ]);
      await close();
    });

    test("disables, enables and removes only the server of that name", async () => {
      const { registry, close } = await open(place);
      for (const name of ["a", "b"]) await registry.put({ ...rowOf(name), entry });
      expect(await registry.setDisabled("a", true)).toBe(true);
      expect(await registry.setDisabled("A", true)).toBe(false);
      expect(await registry.all()).toEqual([rowOf("a", { disabled: true }), rowOf("b")]);
      await registry.setDisabled("a", false);
      expect((await registry.all())[0]).toEqual(rowOf("a"));
      expect(await registry.remove("a")).toBe(true);
      expect(await registry.remove("a")).toBe(false);
      expect(await registry.all()).toEqual([rowOf("b")]);
      await close();
    });
  });

  describe(`added profiles, ${place.name}`, () => {
    const entry = { servers: { "日本": { tools: { allow: ["a*"] } } } };
    const rowOf = (name: string, changes: Partial<ProfileRow> = {}): ProfileRow => ({
      name,
      entry,
      addedAt: 1_700_000_000_000,
      ...changes,
    });

    test("come back as they were put, in the order in which they were added", async () => {
      const { profiles, close } = await open(place);
      expect(await profiles.all()).toEqual([]);
      const rows = ["z", "日本", "a"].map((name) => rowOf(name));
      for (const row of rows) await profiles.put(row);
      expect(await profiles.all()).toEqual(rows);
      await close();
    });

    test("a replaced entry keeps its place and the time when it was added", async () => {
      const { profiles, close } = await open(place);
      for (const name of ["a", "b"]) await profiles.put(rowOf(name));
      const other = { servers: ["x"] };
      await profiles.put(rowOf("a", { entry: other, addedAt: 5 }));
      expect(await profiles.all()).toEqual([rowOf("a", { entry: other }), rowOf("b")]);
      await close();
    });

    test("only the profile of that name is removed", async () => {
      const { profiles, registry, close } = await open(place);
      for (const name of ["a", "b"]) await profiles.put(rowOf(name));
      await registry.put({ name: "a", entry: { url: "u" }, disabled: false, addedAt: 1 });
      expect([await profiles.remove("A"), await profiles.remove("a"), await profiles.remove("a")])
        .toEqual([false, true, false]);
      expect(await profiles.all()).toEqual([rowOf("b")]);
      expect(await registry.all()).toHaveLength(1);
      await close();
    });
  });

  describe(`keys, ${place.name}`, () => {
    test("come back as they were added, by name and by digest", async () => {
      const { keys, close } = await open(place);
      const limited = { servers: ["files", "docs*"], tools: [], expiresAt: 1_800_000_000_000 };
      const added = [keyOf("a", limited), keyOf("b", { usedAt: 5 })];
      for (const key of [...added].reverse()) expect(await keys.add(key)).toBe(true);
      expect(await keys.all()).toEqual(added);
      expect(await keys.find("digest of a")).toEqual(keyOf("a", limited));
      expect(await keys.find("digest of A")).toBeUndefined();
      await close();
    });

    test("are refused where the name or the digest is taken", async () => {
      const { keys, close } = await open(place);
      await keys.add(keyOf("a"));
      expect(await keys.add(keyOf("a", { digest: "another" }))).toBe(false);
      expect(await keys.add(keyOf("b", { digest: "digest of a" }))).toBe(false);
      expect(await keys.all()).toEqual([keyOf("a")]);
      await close();
    });

    test("are removed once, and their names can be used again", async () => {
      const { keys, close } = await open(place);
      await keys.add(keyOf("a"));
      expect(await keys.remove("A")).toBe(false);
      expect(await keys.remove("a")).toBe(true);
      expect(await keys.remove("a")).toBe(false);
      expect(await keys.find("digest of a")).toBeUndefined();
      expect(await keys.add(keyOf("a", { digest: "another" }))).toBe(true);
      await close();
    });

    test("keep their last use, which never moves backwards", async () => {
      const { keys, close } = await open(place);
      for (const name of ["a", "b", "c"]) await keys.add(keyOf(name));
      await keys.noteUse(new Map([["a", 200], ["b", 200], ["none", 7]]));
      await keys.noteUse(new Map([["a", 100], ["b", 300]]));
      const times = (await keys.all()).map(({ usedAt }) => usedAt);
      expect(times).toEqual([200, 300, undefined]);
      await close();
    });
  });

  test(`process groups, ${place.name}: each is known until it is removed`, async () => {
    const { processGroups: groups, close } = await open(place);
    await groups.add({ groupId: 7, identity: "boot 1", server: "files" });
    await groups.add({ groupId: 8, identity: "boot 2", server: "files" });
    await groups.add({ groupId: 7, identity: "boot 3", server: "日本" });
    await groups.remove(8);
    await groups.remove(9);
    expect(await groups.all()).toEqual([{ groupId: 7, identity: "boot 3", server: "日本" }]);
    await close();
  });

  test(`all of it, ${place.name}: survives a restart only in a persistent kind`, async () => {
    const key: CredentialKey = { server: "far", principal: "p", kind: "oauth2", binding: "b" };
    const before = await open(place);
    await before.sessions.create(createRecord("a"));
    await before.catalogs.save("a", "files", catalog);
    await before.credentials.save(key, { token: "x" });
    await before.credentials.noteScope("far", "a");
    await before.processGroups.add({ groupId: 7, identity: "boot", server: "files" });
    await before.keys.add(keyOf("a"));
    await before.registry.put({ name: "x", entry: { url: "u" }, disabled: true, addedAt: 1 });
    const profile = { name: "x", entry: { servers: [] }, addedAt: 1 };
    await before.profiles.put(profile);
    expect(await before.problem()).toBeUndefined();
    await before.close();
    const after = await open(place);
    expect([
      await after.sessions.count(),
      (await after.catalogs.keys("files")).length,
      await after.credentials.load(key) !== undefined,
      await after.credentials.knowsScope("far", "a"),
      (await after.processGroups.all()).length,
      await after.keys.all(),
      await after.registry.all(),
      await after.profiles.all(),
    ]).toEqual(
      place.isKept
        ? [1, 1, true, true, 1, [keyOf("a")], [{
          name: "x",
          entry: { url: "u" },
          disabled: true,
          addedAt: 1,
        }], [profile]]
        : [0, 0, false, false, 0, [], [], []],
    );
    await after.close();
  });

  test(`a copy of everything, ${place.name}: is a store of its own, or is refused`, async () => {
    const stores = await open(place);
    await stores.sessions.create(createRecord("a"));
    const copies = join(folder, "copies");
    await mkdir(copies);
    const path = join(copies, "mcp-wrapper.db");
    if (!place.isKept || place.isEngine) {
      await expect(stores.backup(path)).rejects.toThrow(
        place.isEngine ? "stores in the engine of MCP_STORE" : "keeps everything in memory",
      );
      expect(await readdir(copies)).toEqual([]);
      return await stores.close();
    }
    await stores.backup(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (const wrong of [path, "mcp-wrapper.db", join(copies, "none", "x"), `${copies}/a\0b`]) {
      await expect(stores.backup(wrong)).rejects.toThrow("Cannot copy the database to ");
    }
    await stores.sessions.create(createRecord("b"));
    await stores.close();
    const copied = await open({ ...place, directory: copies });
    expect([await copied.sessions.find("a") !== undefined, await copied.sessions.count()])
      .toEqual([true, 1]);
    await copied.close();
  });

  test(`a gateway, ${place.name}: opens no more sessions at once than allowed`, async () => {
    const gateway = await createGateway({
      config: {
        servers: [],
        names: "auto",
        warnings: [],
        files: [],
        secrets: [],
        host: "127.0.0.1",
        port: 8999,
        dataDirectory: place.directory ?? folder,
        store: place.kind,
        engine: place.isEngine ? engineOf(redis, folder) : undefined,
        secret: "a secret that all instances have",
        sessionTimeoutMs: 3_600_000,
        allowedOrigins: [],
        allowedHosts: [],
        logLevel: "INFO",
        debug: false,
      },
      runtime,
      limits: { sessionsMax: 3 },
      storeKinds: kinds,
      instance: "one-instance",
    });
    // One of several instances serves when the others know where it is.
    await gateway.internal?.open("http://127.0.0.1:1");
    const statuses = await Promise.all(Array.from({ length: 8 }, async () => {
      const body = JSON.stringify(initialize("2025-11-25"));
      const headers = { ...jsonHeaders, host: "127.0.0.1:8999" };
      const url = "http://127.0.0.1:8999/mcp";
      const response = await gateway.fetch(new Request(url, { method: "POST", headers, body }));
      await response.text();
      return response.status;
    }));
    expect(statuses.filter((status) => status === 200).length).toBe(3);
    await gateway.drain();
    await gateway.close();
    const stores = await open(place);
    expect(await stores.sessions.count()).toBe(place.isKept ? 3 : 0);
    await stores.close();
  });
}

for (const place of places) describeOAuthStore(place.name, () => open(place), place.isKept);
for (const place of places) {
  describeGrantStore(place.name, (changes) => open(place, changes), place.isKept);
  describePinStore(place.name, (changes) => open(place, changes), place.isKept);
  describeLoginRecords(place.name, () => open(place), (ms) => clock.advance(ms));
}

const user: UserRow = { name: "ann", roles: ["a"], groups: [], createdAt: 1_700_000_000_000 };

for (const place of places) {
  describe(`users, ${place.name}`, () => {
    test("are found as they were added, by their exact names, and listed by name", async () => {
      const { users, close } = await open(place);
      const bob = { ...user, name: "bob", password: "hash", usedAt: 1_700_000_000_001 };
      expect(await users.add(bob)).toBe(true);
      expect(await users.add(user)).toBe(true);
      expect(await users.add({ ...user, roles: ["other"] })).toBe(false);
      expect(await users.all()).toEqual([user, bob]);
      expect(await users.find("ann")).toEqual(user);
      expect(await users.find("Ann")).toBeUndefined();
      await close();
      if (!place.isKept) return;
      const again = await open(place);
      expect(await again.users.all()).toEqual([user, bob]);
      await again.close();
    });

    test("are changed in one step, and removed once", async () => {
      const { users, close } = await open(place);
      await users.add(user);
      const link = { digest: "d", expiresAt: 5 };
      expect(await users.update("ann", (row) => ({ ...row, link }))).toBe(true);
      expect(await users.find("ann")).toEqual({ ...user, link });
      const take = () =>
        users.update("ann", ({ link: found, ...row }) => found === undefined ? undefined : row);
      expect((await Promise.all([take(), take()])).sort()).toEqual([false, true]);
      expect(await users.find("ann")).toEqual(user);
      expect(await users.update("bob", (row) => row)).toBe(false);
      expect(await users.remove("ann")).toBe(true);
      expect(await users.remove("ann")).toBe(false);
      expect(await users.all()).toEqual([]);
      await close();
    });
  });
}

test("an unknown kind is refused with a message that names the others", async () => {
  await expect(open({ name: "", kind: "tape", isKept: true })).rejects.toThrow(
    'Cannot open the store "tape": expected one of sqlite, memory, redis, late',
  );
});

test("secrets of added servers are in no file, and another key leaves their names", async () => {
  const kept: Place = { name: "", isKept: true };
  const before = await open(kept);
  const entry = { command: "npx", env: { TOKEN: "plain-text-secret" } };
  await before.registry.put({ name: "a", entry, disabled: false, addedAt: 1 });
  await before.close();
  const files = await readdir(folder);
  expect(files).toContain("mcp-wrapper.db");
  for (const file of files) {
    expect((await readFile(join(folder, file), "latin1")).includes("plain-text-secret")).toBe(
      false,
    );
  }
  await writeFile(join(folder, "secret.key"), "another key");
  const after = await open(kept);
  expect(await after.registry.all()).toEqual([
    { name: "a", entry: "unreadable", disabled: false, addedAt: 1 },
  ]);
  expect(await after.registry.remove("a")).toBe(true);
  await after.close();
});

test("P3 a database that another process uses for a moment is waited for", async () => {
  const kept: Place = { name: "", isKept: true };
  const first = await open(kept);
  const times: number[] = [];
  const second = openStores({
    config: { dataDirectory: folder },
    kinds,
    runtime,
    clock: {
      ...systemClock,
      random: () => 0.5,
      after(ms, run) {
        times.push(ms);
        if (times.length === 4) void first.close();
        return systemClock.after(ms, run);
      },
    },
    limits: { ...defaultLimits, databaseLockedMs: 60_000 },
    log: createTestLog(),
  });
  const { stores } = await second;
  // Each wait is half of a span that doubles.
  expect(times.slice(0, 4)).toEqual([10, 20, 40, 80]);
  await stores.close();
});
