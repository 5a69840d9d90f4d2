/**
 * A gateway that is started again on its data folder ends the term of the process before it, and
 * never that of an instance that may live.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTermNotes } from "../../src/app/earlier_term.ts";
import type { OwnerTable } from "../../src/instances/owner_table.ts";
import { defaultLimits } from "../../src/limits.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { createTestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { createMemoryOwners } from "../support/memory_owners.ts";

let runtime: Runtime;
let folder: string;
let table: OwnerTable;
const clock = createTestClock();

beforeEach(async () => {
  runtime = await createTestRuntime();
  folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-term-"));
  writeFileSync(join(folder, "mcp-wrapper.db"), "rows");
  table = createMemoryOwners({ clock, limits: defaultLimits });
});
afterEach(() => {
  for (const path of [folder, `${folder}.copy`]) rmSync(path, { recursive: true, force: true });
});

const notesIn = (directory: string, name = "new", platform: Partial<Runtime> = {}) =>
  openTermNotes({
    runtime: { ...runtime, ...platform },
    directory,
    name,
    clock,
    limits: defaultLimits,
    log: createTestLog(),
  });
/** The platform in a later boot of the machine, or on one without /proc. */
const booted = (boot: string | undefined): Pick<Runtime, "readText"> => ({
  readText: (path) => path.endsWith("boot_id") ? Promise.resolve(boot) : runtime.readText(path),
});
const joinAs = (name: string) =>
  table.join({ name, url: "", isDraining: false, startedAt: 1, owned: 0, calls: 0 }, 10_000);
/** A process begins a term on a folder. */
const begin = async (name: string, platform: Partial<Runtime> = {}) => {
  const notes = await notesIn(folder, name, platform);
  const term = await joinAs(name);
  notes.note(term);
  await notes.settled();
  return { notes, term };
};
const isAlive = async (name: string) => await table.instance(name) !== undefined;
const machine = booted("one boot");

describe("a gateway that starts on a data folder", () => {
  test("ends the term of the process before it", async () => {
    await begin("old", machine);
    await (await notesIn(folder, "new", machine)).endEarlier(table);
    expect(await isAlive("old")).toBe(false);
  });

  test("ends the latest term of a process that had several", async () => {
    const { notes } = await begin("old", machine);
    notes.note(await joinAs("old"));
    await notes.settled();
    await (await notesIn(folder, "new", machine)).endEarlier(table);
    expect(await isAlive("old")).toBe(false);
  });

  test("ends it though the folder was moved", async () => {
    await begin("old", machine);
    renameSync(folder, `${folder}.copy`);
    await (await notesIn(`${folder}.copy`, "new", machine)).endEarlier(table);
    expect(await isAlive("old")).toBe(false);
  });

  test("ends no term of the folder that its own is a copy of", async () => {
    await begin("old", machine);
    cpSync(folder, `${folder}.copy`, { recursive: true });
    await (await notesIn(`${folder}.copy`, "new", machine)).endEarlier(table);
    expect(await isAlive("old")).toBe(true);
  });

  test("ends no term of another machine or another boot", async () => {
    await begin("old", machine);
    await (await notesIn(folder, "new", booted("another boot"))).endEarlier(table);
    expect(await isAlive("old")).toBe(true);
  });

  test("ends no term of another instance that has the same name", async () => {
    await begin("same", machine);
    await joinAs("same");
    await (await notesIn(folder, "same", machine)).endEarlier(table);
    expect(await isAlive("same")).toBe(true);
  });

  test("notes and ends nothing where the system does not say which boot it is", async () => {
    await begin("old", booted(undefined));
    expect(await runtime.readText(join(folder, "term.json"))).toBe(undefined);
    await begin("old", machine);
    await (await notesIn(folder, "new", booted(undefined))).endEarlier(table);
    expect(await isAlive("old")).toBe(true);
  });

  test("starts though the note is torn, or the table does not answer", async () => {
    await begin("old", machine);
    const away = { leave: () => Promise.reject(new Error("away")) };
    await (await notesIn(folder, "new", machine)).endEarlier(away);
    const path = join(folder, "term.json");
    writeFileSync(path, readFileSync(path, "utf8").slice(0, 20));
    await (await notesIn(folder, "new", machine)).endEarlier(table);
    expect(await isAlive("old")).toBe(true);
  });
});
