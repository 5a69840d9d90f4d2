/**
 * Servers that are added next to `mcp.json`: how both are merged, what is refused, and that a change
 * is stored before it counts.
 */
import { describe, expect, test } from "bun:test";
import type { ServersConfig } from "../../../src/config/config.ts";
import { readDefaultServers, type ReadServersOptions } from "../../../src/config/mcp_json.ts";
import { openSources } from "../../../src/config/registry.ts";
import { RegistryError } from "../../../src/config/registry_error.ts";
import type { RegistryStore } from "../../../src/config/registry_store.ts";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import { createMemoryProfiles } from "../../../src/store/memory_profiles.ts";
import { createMemoryRegistry } from "../../../src/store/memory_registry.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";
import { createTestClock } from "../../support/clock.ts";
import { failed, file, own, read, shell, stdio } from "./read.ts";

const npx = { command: "npx" };
const reading: ReadServersOptions = {
  path: file,
  env: shell,
  own,
  kinds: upstreamKinds,
  readText: () => Promise.resolve(undefined),
};

/** A registry next to an `mcp.json` with these servers. */
async function open(
  mcpServers: object | ServersConfig = {},
  store: RegistryStore = createMemoryRegistry(),
  limits: Partial<Limits> = {},
) {
  const base = "servers" in mcpServers ? mcpServers : await read({ mcpServers });
  const applied: ServersConfig[] = [];
  const sources = await openSources({
    store,
    profiles: createMemoryProfiles(),
    base,
    reading,
    clock: createTestClock(),
    limits: { ...defaultLimits, ...limits },
    apply: async (next) => void applied.push(next),
  });
  return { ...sources, store, applied };
}

const names = ({ servers }: ServersConfig) => servers.map(({ name }) => name);

/** The error of a command that is refused. */
async function refused(work: Promise<unknown>): Promise<RegistryError> {
  const error = await work.then(() => undefined, (thrown) => thrown);
  if (error instanceof RegistryError) return error;
  throw new Error(`Expected a refusal, got ${error}`);
}

describe("added servers", () => {
  test("come after those of mcp.json and are read like them", async () => {
    const { registry, current } = await open({ first: npx });
    const entry = { command: "./run", args: ["${USER}"], env: { KEY: "${USER}" } };
    expect(await registry.put("second", entry)).toEqual({ isNew: true, warnings: [] });
    expect(names(current())).toEqual(["first", "second"]);
    const server = stdio(current(), "second");
    expect([server.command, server.args, server.env, server.definedIn]).toEqual([
      "/etc/gateway/run",
      ["me"],
      { KEY: "me" },
      "registry",
    ]);
    expect(registry.list().map(({ entry }) => entry)).toEqual([entry]);
  });

  test("are applied after they are stored, and still there at the next start", async () => {
    const { registry, store, applied } = await open();
    await registry.put("a", npx);
    await registry.put("b", npx);
    expect(applied.map(names)).toEqual([["a"], ["a", "b"]]);
    expect(names((await open({}, store)).current())).toEqual(["a", "b"]);
    await registry.remove("a");
    expect(names(applied.at(-1)!)).toEqual(["b"]);
    expect(names((await open({}, store)).current())).toEqual(["b"]);
  });

  test("have the pin of mcp.json, unless their entry has one", async () => {
    const { registry, reload, current } = await open();
    await registry.put("a", npx);
    await registry.put("b", { ...npx, pin: "off" });
    await reload(await read({ pin: "quarantine", mcpServers: {} }));
    expect([stdio(current(), "a").pin, stdio(current(), "b").pin]).toEqual(["quarantine", "off"]);
  });

  test("stay when mcp.json is read again", async () => {
    const { registry, reload, current } = await open({ first: npx });
    await registry.put("added", npx);
    await reload(await read({ mcpServers: { other: npx } }));
    expect(names(current())).toEqual(["other", "added"]);
  });

  test("give way to a server of the same name in mcp.json, and one note says so", async () => {
    const { registry, reload, current } = await open({});
    await registry.put("a", npx);
    await reload(await read({ mcpServers: { a: { command: "from-the-file" } } }));
    expect(stdio(current(), "a").command).toBe("from-the-file");
    expect(current().notes).toEqual([
      'Server "a" of the registry is not used: mcp.json has a server of the same name',
    ]);
    await reload(await read({ mcpServers: {} }));
    expect([stdio(current(), "a").command, current().notes]).toEqual(["npx", undefined]);
  });

  test("replace the built-in servers, which return when the last one is removed", async () => {
    const { registry, current } = await open(await readDefaultServers(reading));
    expect(current().servers.map(({ definedIn }) => definedIn)).toEqual(["built-in"]);
    await registry.put("coingecko", { recipe: "coingecko", callTimeoutMs: 5_000 });
    await registry.put("a", npx);
    expect(names(current())).toEqual(["coingecko", "a"]);
    await registry.remove("a");
    await registry.remove("coingecko");
    expect(current().servers.map(({ definedIn }) => definedIn)).toEqual(["built-in"]);
  });

  test("fail if mcp.json later has a server with the same prefix", async () => {
    const { registry, reload, current } = await open();
    await registry.put("a.b", npx);
    await reload(await read({ mcpServers: { a_b: npx } }));
    expect(failed(current(), "a.b").problem).toContain('the same prefix "a_b"');
  });

  test("fail if they were sealed with another key, and can be added again", async () => {
    const store = createMemoryRegistry();
    const locked = { name: "a", entry: "unreadable", disabled: false, addedAt: 1 } as const;
    const { registry, current } = await open({}, { ...store, all: async () => [locked] });
    expect(failed(current(), "a").problem).toBe(
      "a in the registry: it was sealed with another key; restore the key, or add the server again",
    );
    await registry.put("a", npx);
    expect(stdio(current(), "a").command).toBe("npx");
  });
});

describe("a disabled server", () => {
  test("of the registry is in no list, and keeps its entry", async () => {
    const { registry, store, current } = await open();
    await registry.put("a", npx);
    await registry.setDisabled("a", true);
    expect([names(current()), current().disabled]).toEqual([
      [],
      [{ name: "a", kind: "stdio", definedIn: "registry" }],
    ]);
    expect((await open({}, store)).current().disabled?.length).toBe(1);
    await registry.setDisabled("a", false);
    expect([names(current()), current().disabled]).toEqual([["a"], undefined]);
  });

  test("may be added as such, by the key of any program", async () => {
    const { registry, current } = await open();
    await registry.put("a", { ...npx, disabled: true });
    await registry.put("b", { url: "https://example.com/mcp", enabled: false });
    expect(current().disabled?.map(({ kind }) => kind)).toEqual(["stdio", "http"]);
    await registry.setDisabled("a", false);
    expect(names(current())).toEqual(["a"]);
  });

  test("of mcp.json is known by name and kind", async () => {
    const off = { disabled: true };
    const { current } = await open({
      a: { ...npx, ...off },
      b: { url: "https://example.com/mcp", ...off },
      c: { recipe: "coingecko", ...off },
      d: off,
    });
    expect(names(current())).toEqual([]);
    expect(current().disabled?.map(({ name, kind }) => [name, kind])).toEqual([
      ["a", "stdio"],
      ["b", "http"],
      ["c", "rest"],
      ["d", "stdio"],
    ]);
  });
});

describe("a change is refused", () => {
  test("for servers of mcp.json, disabled ones included, with the path of the file", async () => {
    const { registry, applied } = await open({ a: npx, off: { ...npx, disabled: true } });
    for (const name of ["a", "off"]) {
      for (
        const work of [
          registry.put(name, npx),
          registry.remove(name),
          registry.setDisabled(name, true),
        ]
      ) {
        const { code, message } = await refused(work);
        expect([code, message]).toEqual([
          "in_file",
          `Cannot change server "${name}": it is in ${file}; edit that file`,
        ]);
      }
    }
    expect([registry.list(), applied]).toEqual([[], []]);
  });

  test("for servers that are not there", async () => {
    const { registry } = await open();
    for (const work of [registry.remove("x"), registry.setDisabled("x", true)]) {
      expect((await refused(work)).code).toBe("unknown");
    }
  });

  const wrong: Readonly<Record<string, readonly [string, unknown, string]>> = {
    "no object": ["a", "npx", "expected an object, got a string"],
    "a list": ["a", [npx], "expected an object, got a list"],
    "a value of the wrong kind": ["a", { command: 5 }, "a.command in the registry: expected"],
    "nothing to start": ["a", {}, "in the registry"],
    "an unset variable": ["a", { command: "x", args: ["${NOT_SET}"] }, "NOT_SET"],
    "an unset variable of a disabled server": [
      "a",
      { command: "x", args: ["${NOT_SET}"], disabled: true },
      "NOT_SET",
    ],
    "a name that is no part of a URL": ["..", npx, "a name that can be part of a URL"],
    "a long name": ["n".repeat(200), npx, "at most 128 characters"],
    "a prefix that is taken": ["in file", npx, 'the same prefix "in_file" as those of "in_file"'],
    "an endless entry": ["a", { command: "x".repeat(100_000) }, "expected at most 65536"],
  };
  for (const [what, [name, entry, words]] of Object.entries(wrong)) {
    test(`for ${what}, in the words of the reader`, async () => {
      const base = what === "a prefix that is taken" ? { in_file: npx } : {};
      const { registry, store, applied } = await open(base);
      const { code, message } = await refused(registry.put(name, entry));
      expect(code).toBe("invalid");
      expect(message).toContain(words);
      expect([await store.all(), applied, registry.list()]).toEqual([[], [], []]);
    });
  }

  test("for a server that would take back its prefix from one that was added meanwhile", async () => {
    const { registry, current } = await open();
    await registry.put("a.b", { ...npx, disabled: true });
    await registry.put("a_b", npx);
    for (const work of [() => registry.setDisabled("a.b", false), () => registry.put("a.b", npx)]) {
      const { code, message } = await refused(work());
      expect(code).toBe("invalid");
      expect(message).toContain('the same prefix "a_b" as those of "a_b"');
    }
    expect(stdio(current(), "a_b").command).toBe("npx");
    expect(registry.list().map(({ disabled }) => disabled)).toEqual([true, false]);
  });

  test("when the registry is full; known servers can still be replaced", async () => {
    const { registry } = await open({}, undefined, { registryServersMax: 1 });
    await registry.put("a", npx);
    expect((await refused(registry.put("b", npx))).code).toBe("full");
    expect(await registry.put("a", { command: "uvx" })).toEqual({ isNew: false, warnings: [] });
  });

  test("when it cannot be stored; then nothing changes", async () => {
    const store = createMemoryRegistry();
    const { registry, applied, current } = await open({}, {
      ...store,
      put: () => Promise.reject(new Error("disk is full")),
    });
    const { code, message } = await refused(registry.put("a", npx));
    expect([code, message]).toEqual([
      "store_unavailable",
      "Cannot write the registry: disk is full",
    ]);
    expect([applied, names(current()), registry.list()]).toEqual([[], [], []]);
  });
});

test("a warning about an added entry is given once", async () => {
  const { registry } = await open({ a: { ...npx, wrong: 1 } });
  const { warnings } = await registry.put("b", { ...npx, argz: [] });
  expect(warnings).toEqual(['Ignored b.argz of the registry: unknown key; did you mean "args"?']);
  expect((await registry.put("c", npx)).warnings).toEqual([]);
});

test("changes at the same time are made one after the other", async () => {
  const { registry, reload, current } = await open();
  const works = Array.from({ length: 20 }, (_, n) => registry.put(`s${n}`, npx));
  const reloaded = reload(await read({ mcpServers: { f: npx } }));
  const removed = registry.remove("s3");
  const [twice, again] = await Promise.allSettled([registry.remove("s4"), registry.remove("s4")]);
  await Promise.all([...works, reloaded, removed]);
  expect([twice.status, again.status]).toEqual(["fulfilled", "rejected"]);
  expect(names(current()).length).toBe(19);
  expect(names(current())[0]).toBe("f");
});
