/** Case G3: a database that is empty or corrupt never keeps the gateway from starting. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import {
  clearStorage,
  closeGateways,
  newDataFolder,
  startStored,
} from "../support/stored_gateway.ts";

afterEach(clearStorage);

const fileName = "mcp-wrapper.db";

/** A data folder as a gateway with some sessions leaves it. */
async function usedFolder(sessions = 40): Promise<string> {
  const folder = newDataFolder();
  const gateway = await startStored(await createTestRuntime(), folder);
  for (let count = 0; count < sessions; count += 1) await gateway.open();
  await closeGateways();
  return folder;
}

/** Starts a gateway on a damaged folder; it must serve. Returns its loud lines. */
async function startDamaged(folder: string) {
  const gateway = await startStored(await createTestRuntime(), folder);
  expect((await gateway.open()).status).toBe(200);
  return gateway.lines.filter((line) => / (?:WARN|ERROR) /.test(line));
}

const corruptFiles = (folder: string) =>
  readdirSync(folder).filter((name) => name.includes(".corrupt-")).sort();

describe("G3: a database", () => {
  test("of no bytes is set aside with its log, overwriting nothing, and a loud line says so", async () => {
    const folder = await usedFolder();
    for (const count of [1, 2, 3]) {
      writeFileSync(join(folder, fileName), "");
      writeFileSync(join(folder, `${fileName}-wal`), `log ${count}`);
      const loud = await startDamaged(folder);
      expect(loud.length).toBe(1);
      expect(loud[0]).toContain("ERROR");
      expect(loud[0]).toContain(`${fileName}.corrupt-${count}`);
      await closeGateways();
    }
    for (const count of [1, 2, 3]) {
      expect(statSync(join(folder, `${fileName}.corrupt-${count}`)).size).toBe(0);
      const log = join(folder, `${fileName}.corrupt-${count}-wal`);
      expect(readFileSync(log, "utf8")).toBe(`log ${count}`);
    }
  });

  test("that is damaged at any of 20 places lets the gateway start, at most once with a new file", async () => {
    const folder = await usedFolder();
    const path = join(folder, fileName);
    const sound = readFileSync(path);
    const step = Math.floor(sound.length / 20);
    const before = corruptFiles(folder).length;
    for (let place = 0; place < 20; place += 1) {
      const bytes = Buffer.from(sound);
      for (let at = place * step; at < Math.min(place * step + 1024, bytes.length); at += 1) {
        bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      }
      writeFileSync(path, bytes);
      const asideBefore = corruptFiles(folder).length;
      const loud = await startDamaged(folder);
      await closeGateways();
      const aside = corruptFiles(folder).length - asideBefore;
      expect([place, aside <= 1, loud.length]).toEqual([place, true, aside]);
      // What was set aside is what was there.
      if (aside === 1) {
        expect(readFileSync(join(folder, `${fileName}.corrupt-${asideBefore + 1}`)).equals(bytes))
          .toBe(true);
      }
    }
    expect(corruptFiles(folder).length).toBeGreaterThan(before);
  });

  test("without its header or its tables, cut off, or of another program is set aside", async () => {
    const folder = await usedFolder();
    const path = join(folder, fileName);
    const sound = readFileSync(path);
    const text = sound.toString("latin1").replaceAll("CREATE TABLE users", "CREATE nothing 1 2");
    const broken = Buffer.from(text, "latin1");
    const damages: Readonly<Record<string, Uint8Array>> = {
      "zero header": Buffer.concat([Buffer.alloc(100), sound.subarray(100)]),
      "broken tables": broken,
      "cut off": sound.subarray(0, sound.length - 5_000),
      "text": Buffer.from("This is no database.".repeat(500)),
    };
    for (const [at, [how, bytes]] of Object.entries(damages).entries()) {
      writeFileSync(path, bytes);
      const loud = await startDamaged(folder);
      expect([how, loud.length, corruptFiles(folder).length]).toEqual([how, 1, at + 1]);
      await closeGateways();
    }
  });

  test("whose log is cut off keeps what was stored before", async () => {
    const folder = newDataFolder();
    const runtime = await createTestRuntime();
    const first = await startStored(runtime, folder);
    const session = (await first.open()).headers.get("mcp-session-id") ?? "";
    // A copy of the files while the gateway runs is what kill -9 leaves; its lock would name this
    // process, which lives.
    const copy = newDataFolder();
    for (const name of readdirSync(folder).filter((one) => one !== "gateway.lock")) {
      if (statSync(join(folder, name)).isFile()) {
        writeFileSync(join(copy, name), readFileSync(join(folder, name)), { mode: 0o600 });
      }
    }
    await first.open();
    await closeGateways();
    const log = join(copy, `${fileName}-wal`);
    writeFileSync(log, Buffer.concat([readFileSync(log), Buffer.alloc(4_000, 7)]));
    const again = await startStored(runtime, copy);
    expect(await again.ping(session)).toBe(200);
    await closeGateways();
    expect(corruptFiles(copy)).toEqual([]);
    if (existsSync(log)) truncateSync(log, 100);
    await startDamaged(copy);
  });

  test("that is locked or cannot be read is never set aside", async () => {
    for (
      const fault of [
        createSqlFault(10, "disk I/O error"),
        createSqlFault(14, "unable to open database file"),
        createSqlFault(8, "attempt to write a readonly database"),
      ]
    ) {
      const folder = await usedFolder(1);
      const runtime = createFaultyRuntime(await createTestRuntime());
      runtime.failAlways("sql", fault);
      const start = startStored(runtime, folder).then(() => "started", (thrown: Error) => thrown);
      expect(String(await start)).toContain(fault.message);
      expect(corruptFiles(folder)).toEqual([]);
    }
  });

  test("is kept when a hundred were set aside already: the disk has to be looked at", async () => {
    const folder = await usedFolder(1);
    for (let count = 1; count <= 100; count += 1) {
      writeFileSync(join(folder, `${fileName}.corrupt-${count}`), `${count}`);
    }
    writeFileSync(join(folder, fileName), "no database, and long enough for one".repeat(200));
    const start = startStored(await createTestRuntime(), folder);
    await expect(start).rejects.toThrow("check the disk");
    expect(corruptFiles(folder).length).toBe(100);
    expect(statSync(join(folder, fileName)).size).toBeGreaterThan(0);
  });
});
