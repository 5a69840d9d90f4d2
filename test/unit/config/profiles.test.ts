/**
 * Profiles in `mcp.json` and in the registry: what each entry means, what is said of wrong ones, and
 * which of two counts.
 */
import { describe, expect, test } from "bun:test";
import { logServers } from "../../../src/config/config_lines.ts";
import type { ServersConfig } from "../../../src/config/config.ts";
import { reportProfiles } from "../../../src/config/profiles.ts";
import { openSources } from "../../../src/config/registry.ts";
import { RegistryError } from "../../../src/config/registry_error.ts";
import { isOffered, narrowFilter, withholds } from "../../../src/config/tool_filter.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createMemoryProfiles } from "../../../src/store/memory_profiles.ts";
import { createMemoryRegistry } from "../../../src/store/memory_registry.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog } from "../../support/log.ts";
import { file, own, read, refusal, shell, stdio } from "./read.ts";

const npx = { command: "npx" };
const mcpServers = { files: npx, tickets: npx, off: { ...npx, disabled: true } };
const readProfiles = async (profiles: unknown, more: object = {}) =>
  await read({ mcpServers, profiles, ...more });
const problemsIn = ({ profiles = [] }: ServersConfig) =>
  profiles.map(({ name, problem }) => [name, problem]);

/** What the log says of a configuration. */
function linesOf(config: ServersConfig): readonly string[] {
  const log = createTestLog();
  logServers(log, config);
  return log.records.map(({ severity, message }) => `${severity} ${message}`);
}

describe("an entry of profiles", () => {
  test("says which tools of which servers are offered, and how", async () => {
    const entry = {
      description: "Reading",
      servers: {
        files: {
          tools: { allow: ["read_*"], deny: ["x"], rename: { a: "b" }, describe: { a: "c" } },
        },
        tickets: {},
      },
      names: "bare",
      tools: "search",
      pinned: ["read"],
      prompts: false,
      resources: false,
      card: "public",
    };
    const { profiles, warnings } = await readProfiles({ work: entry });
    expect(warnings).toEqual([]);
    expect(profiles).toEqual([{
      name: "work",
      description: "Reading",
      servers: [
        {
          name: "files",
          tools: {
            allow: ["read_*"],
            deny: ["x"],
            rename: Object.assign(Object.create(null), { a: "b" }),
            describe: Object.assign(Object.create(null), { a: "c" }),
          },
        },
        { name: "tickets", tools: {} },
      ],
      names: "bare",
      search: { pinned: ["read"] },
      prompts: false,
      resources: false,
      card: "public",
      definedIn: "file",
      entry,
    }]);
  });

  test("may be a list of servers, each of which counts once", async () => {
    const { profiles } = await readProfiles({ all: { servers: ["files", "tickets", "files"] } });
    expect(profiles?.[0]).toMatchObject({
      servers: [{ name: "files", tools: {} }, { name: "tickets", tools: {} }],
      names: "auto",
    });
    expect(profiles?.[0]?.search).toBe(undefined);
  });

  test("stands next to VS Code's servers, too", async () => {
    const config = await read({
      servers: { files: npx },
      profiles: { one: { servers: ["files"] } },
    });
    expect(config.profiles?.map(({ name }) => name)).toEqual(["one"]);
    expect(config.warnings).toEqual([]);
  });

  test("that is wrong fails alone, with the place and the expectation", async () => {
    const config = await readProfiles({
      text: "files",
      none: {},
      wrong: { servers: { files: { tools: { rename: { a: "not a name" } } } } },
      word: { servers: ["files"], names: "short" },
      mode: { servers: ["files"], tools: "serch" },
      pins: { servers: ["files"], pinned: ["a"] },
      "a/b": { servers: ["files"] },
      ["n".repeat(129)]: { servers: ["files"] },
      "": { servers: ["files"] },
      "..": { servers: ["files"] },
    });
    expect(problemsIn(config)).toEqual([
      ["text", "profiles.text in mcp.json: expected an object, got a string"],
      [
        "none",
        "profiles.none.servers in mcp.json: expected an object of servers by name, or a list of " +
        "their names",
      ],
      [
        "wrong",
        "profiles.wrong.servers.files.tools.rename.a in mcp.json: expected a name of 1 to 64 " +
        "letters, digits, _ and -",
      ],
      [
        "word",
        'profiles.word.names in mcp.json: expected "auto", "bare" or "prefixed", got "short"',
      ],
      ["mode", 'profiles.mode.tools in mcp.json: expected "list" or "search", got a string'],
      [
        "pins",
        'profiles.pins.pinned in mcp.json: has no meaning without "tools": "search"; remove it',
      ],
      ["a/b", undefined],
      [
        "n".repeat(129),
        `profiles.${"n".repeat(129)} in mcp.json: expected a name of at most 128 characters`,
      ],
      ["", 'profiles[""] in mcp.json: expected a name that can be part of a URL'],
      ["..", 'profiles[".."] in mcp.json: expected a name that can be part of a URL'],
    ]);
    expect(linesOf(config).filter((line) => line.startsWith("ERROR"))).toHaveLength(9);
    expect(config.servers.map(({ name }) => name)).toEqual(["files", "tickets"]);
  });

  test("with unknown keys gets a warning for each, with the nearest name", async () => {
    const { warnings } = await readProfiles({
      work: {
        servers: { files: { tool: ["a"], tools: { alow: ["a"] } } },
        pined: [],
        prompt: false,
      },
    });
    expect(warnings).toEqual([
      'Ignored profiles.work.pined of mcp.json: unknown key; did you mean "pinned"?',
      'Ignored profiles.work.prompt of mcp.json: unknown key; did you mean "prompts"?',
      'Ignored profiles.work.servers.files.tool of mcp.json: unknown key; did you mean "tools"?',
      'Ignored profiles.work.servers.files.tools.alow of mcp.json: unknown key; did you mean "allow"?',
    ]);
  });

  test("that names a server which is not configured gets a warning; a disabled one does not", async () => {
    const config = await readProfiles({ work: { servers: ["fils", "off", "tickets"] } });
    expect(linesOf(config)).toEqual([
      'WARN Profile "work" names server "fils", which is not configured; did you mean "files"?',
    ]);
    expect(reportProfiles(config)).toEqual([{
      name: "work",
      source: "file",
      entry: { servers: ["fils", "off", "tickets"] },
      missing: ["fils"],
    }]);
  });
});

test("profiles that are no object make the whole file unusable", async () => {
  expect(await refusal(readProfiles([])))
    .toBe("Cannot use profiles in mcp.json: expected an object, got a list");
});

test("a misspelt key for profiles is named", async () => {
  const { warnings, profiles } = await read({ mcpServers, profile: {} });
  expect([profiles, warnings])
    .toEqual([undefined, ['Ignored profile of mcp.json: unknown key; did you mean "profiles"?']]);
});

test("the filter of a server can describe tools", async () => {
  const config = await read({ mcpServers: { files: { ...npx, tools: { describe: { a: "b" } } } } });
  expect({ ...stdio(config).tools.describe }).toEqual({ a: "b" });
});

describe("a filter within another one", () => {
  const outer = { allow: ["read_*", "write_*"], deny: ["write_all"], rename: { read_a: "x" } };

  test("offers what both offer", () => {
    const inner = narrowFilter(outer, { allow: ["*_a", "*_all"], deny: ["read_all"] });
    const names = ["read_a", "read_b", "read_all", "write_a", "write_all", "list_a"];
    expect(names.filter((name) => isOffered(inner, name))).toEqual(["read_a", "write_a"]);
    expect([withholds(narrowFilter({}, {})), withholds(narrowFilter(outer, {}))])
      .toEqual([false, true]);
  });

  test("keeps the outer one's names unless it gives them away", () => {
    const rename = (inner: Record<string, string>) => ({
      ...narrowFilter(outer, { rename: inner }).rename,
    });
    expect(rename({})).toEqual({ read_a: "x" });
    expect(rename({ read_a: "y" })).toEqual({ read_a: "y" });
    expect(rename({ read_b: "x" })).toEqual({ read_b: "x" });
  });
});

describe("the registry of profiles", () => {
  const entry = { servers: ["files"] };

  async function open(profiles: unknown = {}, store = createMemoryProfiles(), limits = {}) {
    const applied: ServersConfig[] = [];
    const sources = await openSources({
      store: createMemoryRegistry(),
      profiles: store,
      base: await readProfiles(profiles),
      reading: {
        path: file,
        env: shell,
        own,
        kinds: upstreamKinds,
        readText: () => Promise.resolve(undefined),
      },
      clock: createTestClock(),
      limits: { ...defaultLimits, ...limits },
      apply: (next) => Promise.resolve(void applied.push(next)),
    });
    return { ...sources, store, applied };
  }

  const refused = async (work: Promise<unknown>): Promise<RegistryError> => {
    const error = await work.then(() => undefined, (thrown) => thrown);
    if (error instanceof RegistryError) return error;
    throw new Error(`Expected a refusal, got ${error}`);
  };

  test("adds, replaces and removes, and each change is stored and applied", async () => {
    const { profiles, store, applied, current } = await open();
    expect(await profiles.put("one", entry)).toEqual({ isNew: true, warnings: [] });
    expect(await profiles.put("two", { servers: ["fils"], pined: [] })).toEqual({
      isNew: true,
      warnings: [
        'Ignored profiles.two.pined of the registry: unknown key; did you mean "pinned"?',
        'Profile "two" names server "fils", which is not configured; did you mean "files"?',
      ],
    });
    const other = { servers: ["tickets"] };
    expect((await profiles.put("one", other)).isNew).toBe(false);
    expect(reportProfiles(current()).map((one) => [one.name, one.source, one.entry])).toEqual([
      ["one", "registry", other],
      ["two", "registry", { servers: ["fils"], pined: [] }],
    ]);
    await profiles.remove("two");
    expect(applied.map((one) => one.profiles?.length)).toEqual([1, 2, 2, 1]);
    const again = await open({}, store);
    expect(again.current().profiles?.map(({ name }) => name)).toEqual(["one"]);
  });

  test("gives way to a profile of mcp.json, which no command changes", async () => {
    const store = createMemoryProfiles();
    await store.put({ name: "work", entry: { servers: ["tickets"] }, addedAt: 1 });
    const { current, profiles, reload } = await open({ work: entry }, store);
    expect(reportProfiles(current())).toMatchObject([{ name: "work", source: "file", entry }]);
    expect(current().notes).toEqual([
      'Profile "work" of the registry is not used: mcp.json has a profile of the same name',
    ]);
    for (const change of [profiles.put("work", entry), profiles.remove("work")]) {
      const { code, message } = await refused(change);
      expect([code, message])
        .toEqual(["in_file", `Cannot change profile "work": it is in ${file}; edit that file`]);
    }
    await reload(await readProfiles({}));
    expect(reportProfiles(current())).toMatchObject([{ name: "work", source: "registry" }]);
  });

  test("refuses what it could not use, and then nothing has changed", async () => {
    const { profiles, applied, store } = await open({}, createMemoryProfiles(), {
      registryProfilesMax: 1,
      registryEntryCharsMax: 100,
    });
    const wrong: readonly (readonly [string, unknown, string, string])[] = [
      ["a", { servers: 5 }, "invalid", "profiles.a.servers in the registry: expected an object"],
      ["a", [], "invalid", "expected an object, got a list"],
      ["..", entry, "invalid", "expected a name that can be part of a URL"],
      ["a", { servers: ["x".repeat(200)] }, "invalid", "expected at most 100"],
    ];
    for (const [name, given, code, words] of wrong) {
      const error = await refused(profiles.put(name, given));
      expect([code, error.code, error.message.includes(words)]).toEqual([code, code, true]);
    }
    expect((await refused(profiles.remove("a"))).code).toBe("unknown");
    await profiles.put("a", entry);
    expect((await refused(profiles.put("b", entry))).code).toBe("full");
    await profiles.put("a", { servers: [] });
    store.put = () => Promise.reject(new Error("the disk is full"));
    const { code, message } = await refused(profiles.put("a", entry));
    expect([code, message])
      .toEqual(["store_unavailable", "Cannot write the registry: the disk is full"]);
    expect(applied.length).toBe(2);
    expect(profiles.list().map((row) => row.entry)).toEqual([{ servers: [] }]);
  });

  test("keeps its profiles while servers are added and removed", async () => {
    const { profiles, registry, current } = await open();
    await profiles.put("work", { servers: ["later"] });
    await registry.put("later", npx);
    expect(reportProfiles(current())[0]).toMatchObject({ name: "work" });
    expect(reportProfiles(current())[0]?.missing).toBe(undefined);
    await registry.remove("later");
    expect(reportProfiles(current())[0]?.missing).toEqual(["later"]);
  });
});
