/**
 * The contract of the platform, the same on all runtimes, and for both listeners.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { bytesToHex } from "../../src/bytes_text.ts";
import { openStoreDatabase, transact } from "../../src/store/database.ts";
import { defaultLimits } from "../../src/limits.ts";
import type {
  Child,
  Listener,
  Runtime,
  ServeOptions,
  SpawnFault,
} from "../../src/runtime/runtime.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { openRawSocket } from "../support/raw_socket.ts";
import { thisRuntime } from "../support/runtimes.ts";
import { startMsMax, within } from "../support/wait.ts";

const runtime: Runtime = await createTestRuntime();
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "runtime-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = process.env["PATH"] ?? "/usr/bin:/bin";

function shell(script: string, env: Record<string, string> = {}, cwd?: string): Child {
  return runtime.spawn({
    command: "/bin/sh",
    args: ["-c", script],
    env: { PATH: path, ...env },
    cwd,
  });
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text();
}

async function until(condition: () => boolean, ms: number = startMsMax): Promise<boolean> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return condition();
}

/** Gone, or a zombie that was never reaped. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

test("the next turn comes after all microtasks of this one, and once", async () => {
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  runtime.nextTurn(() => {
    order.push("turn");
    setTimeout(resolve, 0);
  });
  queueMicrotask(() => {
    order.push("microtask");
    queueMicrotask(() => order.push("its microtask"));
  });
  await promise;
  expect(order).toEqual(["microtask", "its microtask", "turn"]);
});

describe("children", () => {
  test("a child reads its stdin, writes both outputs and ends with its code", async () => {
    const child = shell("cat; echo problem >&2; exit 7");
    await child.stdin.write("héllo ");
    await child.stdin.write("world");
    child.stdin.close();
    expect(await readAll(child.stdout)).toBe("héllo world");
    expect(await readAll(child.stderr)).toBe("problem\n");
    expect(await child.exited).toEqual({ code: 7, signal: null });
  });

  test("H2 a child sees only the environment that it was given", async () => {
    process.env["RUNTIME_TEST_SECRET"] = "canary";
    try {
      const child = runtime.spawn({
        command: "/usr/bin/env",
        args: [],
        env: { GIVEN: "a b", PATH: path },
      });
      const lines = (await readAll(child.stdout)).trim().split("\n").sort();
      expect(lines).toEqual(["GIVEN=a b", `PATH=${path}`]);
    } finally {
      delete process.env["RUNTIME_TEST_SECRET"];
    }
  });

  test("a child that a signal ended reports the signal and no code", async () => {
    expect(await shell("kill -s KILL $$").exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("a child works in the directory it was given", async () => {
    const child = shell("pwd -P", {}, "/");
    expect(await readAll(child.stdout)).toBe("/\n");
  });

  test("E8 exited resolves when the process ends, even while a grandchild holds its pipes", async () => {
    const child = shell("sleep 60 & exit 3");
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(runtime.signalGroup(child.pid, "SIGKILL")).toBe(true);
  });

  test("E7 a group that ignores SIGTERM is gone after SIGKILL, grandchildren too", async () => {
    const child = shell(
      "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & wait",
    );
    const reader = child.stdout.getReader();
    const grandchild = Number(decoder.decode((await reader.read()).value));
    expect(runtime.signalGroup(child.pid, "SIGTERM")).toBe(true);
    expect(isGone(grandchild)).toBe(false);
    expect(runtime.signalGroup(child.pid, "SIGKILL")).toBe(true);
    expect((await child.exited).signal).toBe("SIGKILL");
    expect(await until(() => isGone(grandchild))).toBe(true);
    await reader.cancel();
  });

  test("a group that is gone, or not the gateway's, gets no signal", async () => {
    const child = shell("exit 0");
    await child.exited;
    expect(await until(() => !runtime.signalGroup(child.pid, "SIGTERM"))).toBe(true);
    for (const groupId of [1, 0, -1, Number.NaN]) {
      expect(runtime.signalGroup(groupId, "SIGTERM")).toBe(false);
    }
  });

  test("E9 a program that cannot start fails at once with the reason, and as permanent", () => {
    const program = join(folder, "not_executable");
    writeFileSync(program, "text", { mode: 0o644 });
    const script = join(folder, "stray_script");
    writeFileSync(script, "#!/nowhere/at/all\n", { mode: 0o755 });
    const env = { PATH: `${folder}:${path}` };
    const cases = [
      [{ command: "/nowhere/at/all" }, "ENOENT", /no such program/],
      [{ command: "surely-not-a-program" }, "ENOENT", /no such program/],
      [{ command: program }, "EACCES", /permissions/],
      [{ command: folder }, "EACCES", /permissions/],
      [{ command: script }, "ENOENT", /no such program/],
      [{ command: "stray_script", env }, "ENOENT", /no such program/],
      [{ command: "./stray_script", cwd: folder }, "ENOENT", /no such program/],
      [{ command: "/bin/sh", cwd: join(folder, "missing") }, "ENOENT", /directory ".*missing"/],
    ] as const;
    for (const [options, code, text] of cases) {
      let fault: SpawnFault | undefined;
      try {
        runtime.spawn({ args: [], env: { PATH: path }, ...options });
      } catch (thrown) {
        fault = thrown as SpawnFault;
      }
      expect(fault?.code).toBe(code);
      expect(fault?.permanent).toBe(true);
      expect(fault?.message).toMatch(text);
    }
  });

  test("E11 a child that does not read its stdin stops the writer, and its end fails the write", async () => {
    const child = shell("exec sleep 60");
    const chunk = "x".repeat(1024 * 1024);
    let written = 0;
    const fill = (async () => {
      for (;;) {
        await child.stdin.write(chunk);
        written += 1;
      }
    })().catch((fault) => fault);
    const settled = await Promise.race([
      fill,
      new Promise((r) => setTimeout(() => r("waits"), 300)),
    ]);
    expect(settled).toBe("waits");
    expect(written).toBeLessThan(3);
    runtime.signalGroup(child.pid, "SIGKILL");
    expect((await fill).code).toBe("EPIPE");
    await child.exited;
    expect((await child.stdin.write(chunk)?.catch((fault) => fault)).code).toBe("EPIPE");
  });

  test("E3 an unread flood waits in the child", async () => {
    const child = shell(
      "yes & pid=$!; sleep 0.5; cut -d ' ' -f 14 /proc/$pid/stat >&2; sleep 0.3; cut -d ' ' -f 14 /proc/$pid/stat >&2; kill $pid",
    );
    const [first, second] = (await readAll(child.stderr)).trim().split("\n");
    // User time of the writer stands still: it is blocked on its full pipe.
    expect(Number(second) - Number(first)).toBeLessThan(5);
    runtime.signalGroup(child.pid, "SIGKILL");
    await child.exited;
  });
});

describe("database", () => {
  const open = (name = "gateway.db") =>
    openStoreDatabase(runtime, join(folder, name), defaultLimits);

  test("values come back as they were stored, and a missing row is undefined", () => {
    const database = runtime.openDatabase(":memory:");
    database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    const insert = database.prepare("INSERT INTO t (v) VALUES (?)");
    const values = ["text", 1.5, 2 ** 40, null, new Uint8Array([0, 255])];
    for (const value of values) expect(insert.run(value).changes).toBe(1);
    const rows = database.prepare("SELECT v FROM t ORDER BY id").all();
    expect(rows.map((row) => row["v"])).toEqual(values);
    const select = database.prepare("SELECT v FROM t WHERE id = ?");
    expect(select.get(1)).toEqual({ v: "text" });
    expect(select.get(99)).toBe(undefined);
    database.close();
  });

  test("a fault carries SQLite's result code, and integers that do not fit are not rounded", () => {
    const database = runtime.openDatabase(":memory:");
    database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    let code: unknown;
    try {
      database.prepare("INSERT INTO t VALUES (?)").run(1);
    } catch (fault) {
      code = (fault as { sqliteCode?: number }).sqliteCode;
    }
    expect(code).toBe(1555);
    database.exec("INSERT INTO t VALUES (9007199254740993)");
    expect(() => database.prepare("SELECT MAX(id) FROM t").get()).toThrow();
    database.close();
  });

  test("a transaction that throws leaves nothing behind, and the next one works", () => {
    const database = runtime.openDatabase(":memory:");
    database.exec("CREATE TABLE t (v)");
    const insert = database.prepare("INSERT INTO t VALUES (?)");
    expect(() =>
      transact(database, () => {
        insert.run(1);
        throw new Error("no");
      })
    ).toThrow("no");
    expect(transact(database, () => insert.run(2).changes)).toBe(1);
    expect(database.prepare("SELECT v FROM t").all()).toEqual([{ v: 2 }]);
    database.close();
  });

  test("only the owner may read the file and the files next to it", () => {
    const database = open("deep/er/gateway.db");
    for (const name of ["deep/er/gateway.db", "deep/er/gateway.db-wal"]) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(join(folder, "deep")).mode & 0o777).toBe(0o700);
    database.close();
  });

  test("G6 a second gateway on the same data directory is refused, until the first has closed", () => {
    const first = open();
    expect(() => open()).toThrow(
      `Cannot open "${join(folder, "gateway.db")}": another gateway uses this data directory; ` +
        "stop that gateway, or choose another folder by MCP_DATA_DIR or --data",
    );
    first.close();
    open().close();
  });

  test("what was stored is there after the next opening", () => {
    const first = open();
    first.prepare("INSERT INTO catalogs VALUES (?, ?, ?, ?)").run("k", "files", "{}", 1);
    first.close();
    const second = open();
    expect(second.prepare("SELECT server FROM catalogs").all()).toEqual([{ server: "files" }]);
    second.close();
  });

  test("G3 a corrupt file is set aside and a new one starts", () => {
    const file = join(folder, "gateway.db");
    const damages = ["not a database at all, just some text", "header only"];
    for (const [at, damage] of damages.entries()) {
      const good = open();
      good.exec("INSERT INTO catalogs VALUES ('k', 's', 'b', 1)");
      good.close();
      const bytes = readFileSync(file);
      if (damage === "header only") writeFileSync(file, bytes.fill(0xff, 4096));
      else writeFileSync(file, damage);
      const fresh = open();
      expect(fresh.prepare("SELECT COUNT(*) AS n FROM catalogs").get()).toEqual({ n: 0 });
      fresh.close();
      expect(statSync(`${file}.corrupt-${at + 1}`).size).toBeGreaterThan(0);
    }
  });

  test("a file of a newer gateway is refused with a message and left unchanged", () => {
    const database = open();
    database.exec("PRAGMA user_version = 99");
    database.close();
    expect(() => open()).toThrow("newer version");
  });
});

describe("files", () => {
  test("of several that make a file at once one succeeds, and only its owner may read it", () => {
    const path = join(folder, "made/here/once.txt");
    expect(runtime.createText(path, "first 日本")).toBe(true);
    expect(runtime.createText(path, "second")).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("first 日本");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(join(folder, "a file"), "");
    expect(() => runtime.createText(join(folder, "a file/below"), "x")).toThrow();
    expect(runtime.pid).toBe(process.pid);
  });

  test("the size of a file is known, and that of none is not", () => {
    const path = join(folder, "sized.txt");
    expect(runtime.bytesOf(path)).toBe(undefined);
    writeFileSync(path, "");
    expect(runtime.bytesOf(path)).toBe(0);
    writeFileSync(path, "日本");
    expect(runtime.bytesOf(path)).toBe(6);
  });

  test("a file is not its copy, and keeps its id where it is moved", () => {
    const path = join(folder, "original.txt");
    expect(runtime.fileId(path)).toBe(undefined);
    writeFileSync(path, "text");
    const id = runtime.fileId(path);
    expect(typeof id).toBe("string");
    copyFileSync(path, `${path}.copy`);
    expect(runtime.fileId(`${path}.copy`)).not.toBe(id);
    expect(runtime.rename(path, `${path}.moved`)).toBe(true);
    expect(runtime.fileId(`${path}.moved`)).toBe(id);
  });

  test("a text is written atomically and privately, and replaces the old one", async () => {
    const file = join(folder, "a/b/key");
    expect(await runtime.readText(file)).toBe(undefined);
    await runtime.writeText(file, "one");
    await runtime.writeText(file, "two €");
    expect(await runtime.readText(file)).toBe("two €");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await expect(runtime.readText(folder)).rejects.toThrow();
    await expect(runtime.writeText(folder, "x")).rejects.toThrow();
  });

  test("text in the encodings of Windows is read", async () => {
    const file = join(folder, "text");
    const units = Uint16Array.from("\ufefftwo €", (character) => character.charCodeAt(0));
    const utf16 = new Uint8Array(units.buffer);
    const utf8 = new TextEncoder().encode("\ufefftwo €");
    for (const bytes of [utf8, utf16, utf16.slice(2)]) {
      writeFileSync(file, bytes);
      expect(await runtime.readText(file)).toBe("two €");
    }
  });

  test("a rename says whether the file existed", async () => {
    await runtime.writeText(join(folder, "a"), "1");
    expect(runtime.rename(join(folder, "a"), join(folder, "b"))).toBe(true);
    expect(runtime.rename(join(folder, "a"), join(folder, "b"))).toBe(false);
  });

  test("a file is removed, and one that does not exist is no fault", async () => {
    await runtime.writeText(join(folder, "a"), "1");
    runtime.remove(join(folder, "a"));
    runtime.remove(join(folder, "a"));
    expect(runtime.exists(join(folder, "a"))).toBe(false);
  });

  test("P15 a log rotates by size, keeps a number of old files, and loses no line", async () => {
    const file = join(folder, "logs/server.log");
    const log = runtime.openLog(file, { bytesMax: 30, filesMax: 2 });
    await Promise.all(Array.from({ length: 7 }, (_, index) => log.append(`line ${index} …………`)));
    await log.close();
    const texts = [`${file}.2`, `${file}.1`, file].map((name) => readFileSync(name, "utf8"));
    expect(texts.map((text) => text.trim())).toEqual(["line 4 …………", "line 5 …………", "line 6 …………"]);
    expect(() => statSync(`${file}.3`)).toThrow();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("a log that ends within a line, as its writer was killed, spoils no other line", async () => {
    const file = join(folder, "server.log");
    writeFileSync(file, "whole\ntor");
    const log = runtime.openLog(file, { bytesMax: 1_000, filesMax: 1 });
    await log.append("next");
    await log.append("last");
    await log.close();
    expect(readFileSync(file, "utf8")).toBe("whole\ntor\nnext\nlast\n");
  });

  test("a log that cannot be written loses its lines and does no other harm", async () => {
    writeFileSync(join(folder, "logs"), "in the way");
    const log = runtime.openLog(join(folder, "logs/server.log"), { bytesMax: 1_000, filesMax: 1 });
    expect(await log.append("lost")).toBe(false);
    rmSync(join(folder, "logs"));
    expect(await log.append("kept\nand more")).toBe(true);
    await log.close();
    expect(readFileSync(join(folder, "logs/server.log"), "utf8")).toBe("kept\nand more\n");
  });

  test("a watched file is reported when edited, replaced, removed and made again", async () => {
    const file = join(folder, "mcp.json");
    writeFileSync(file, "1");
    let changes = 0;
    const watcher = runtime.watch(file, () => changes += 1);
    const edits = [
      () => writeFileSync(file, "edited"),
      () => {
        writeFileSync(`${file}.new`, "replaced");
        renameSync(`${file}.new`, file);
      },
      () => rmSync(file),
      () => writeFileSync(file, "made again"),
    ];
    for (const [index, edit] of edits.entries()) {
      edit();
      expect(await until(() => changes === index + 1)).toBe(true);
    }
    writeFileSync(join(folder, "other.json"), "not ours");
    watcher.close();
    writeFileSync(file, "after the end");
    await new Promise((resolve) => setTimeout(resolve, 2 * defaultLimits.watchSettleMs));
    expect(changes).toBe(edits.length);
  });

  test("a watched file may lie in a folder that does not exist yet", async () => {
    const file = join(folder, "later/mcp.json");
    let changes = 0;
    const watcher = runtime.watch(file, () => changes += 1);
    await runtime.writeText(file, "here");
    expect(await until(() => changes === 1)).toBe(true);
    watcher.close();
  });

  test("a watched file is checked as often as the limits say", async () => {
    const file = join(folder, "later/mcp.json");
    let changes = 0;
    const limits = { watchSettleMs: 10, watchPollMs: 30 };
    const watcher = runtime.watch(file, () => changes += 1, limits);
    await runtime.writeText(file, "here");
    expect(await until(() => changes === 1, defaultLimits.watchPollMs / 2)).toBe(true);
    watcher.close();
  });
});

test("a text is hashed at once, with the result of WebCrypto", async () => {
  for (const text of ["", "a", "日本\u{1f4a9}", "a lone \ud800 surrogate", "x".repeat(100_000)]) {
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    expect(runtime.sha256(text)).toBe(bytesToHex(new Uint8Array(bytes)));
  }
});

test("the memory of the process is known in bytes", () => {
  const { residentBytes, heapBytes } = runtime.memory();
  // A runtime alone needs more than that.
  expect(heapBytes).toBeGreaterThan(100_000);
  expect(residentBytes).toBeGreaterThan(10_000_000);
  expect([residentBytes, heapBytes].every(Number.isSafeInteger)).toBe(true);
});

test("the addresses of this machine's interfaces are known, in the form for URLs", () => {
  const addresses = runtime.addresses();
  expect(addresses).toContain("127.0.0.1");
  for (const address of addresses) {
    const host = address.includes(":") ? `[${address}]` : address;
    expect([address, URL.canParse(`http://${host}:1/`)]).toEqual([address, true]);
  }
});

test("signals reach their handler until it is removed", async () => {
  const heard: string[] = [];
  const stop = runtime.onSignal((signal) => heard.push(signal));
  process.kill(process.pid, "SIGHUP");
  expect(await until(() => heard.length === 1)).toBe(true);
  stop();
  expect(heard).toEqual(["SIGHUP"]);
});

/** Sends bytes and gathers what comes back until the server closes or `enough` holds. */
function exchange(
  listener: Listener,
  text: string,
  enough: (text: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(listener.port, "127.0.0.1");
    let received = "";
    const finish = () => {
      socket.destroy();
      resolve(received);
    };
    socket.on("data", (chunk) => {
      received += decoder.decode(chunk as Uint8Array<ArrayBuffer>);
      if (enough(received)) finish();
    });
    socket.on("error", finish);
    socket.on("close", finish);
    socket.write(text);
  });
}

const hasBody = (text: string) => /\r\n\r\n[^]*\}/.test(text);

for (const kind of ["fast", "hardened"] as const) {
  describe(`listener ${kind}`, () => {
    const listen = (fetch: Parameters<Runtime["serve"]>[0]["fetch"]) =>
      runtime.serve({ hostname: "127.0.0.1", port: 0, listener: kind, fetch });

    test("a request arrives whole, and its answer too", async () => {
      const listener = await listen(async (request, context) => {
        const { pathname, search } = new URL(request.url);
        const seen = {
          method: request.method,
          path: pathname + search,
          header: request.headers.get("x-test"),
          host: request.headers.get("host"),
          from: context?.remoteAddress,
          body: await request.text(),
        };
        return Response.json(seen, { status: 201, headers: { "x-answer": "a, b" } });
      });
      const url = `http://127.0.0.1:${listener.port}/a/b?c=%20d`;
      const body = "€".repeat(500_000);
      const response = await fetch(url, { method: "POST", body, headers: { "x-test": "1" } });
      expect(response.status).toBe(201);
      expect(response.headers.get("x-answer")).toBe("a, b");
      const seen = await response.json() as Record<string, unknown>;
      expect(seen["body"] === body).toBe(true);
      const shown: Record<string, unknown> = { ...seen, body: "" };
      expect(shown).toEqual({
        method: "POST",
        path: "/a/b?c=%20d",
        header: "1",
        host: `127.0.0.1:${listener.port}`,
        from: "127.0.0.1",
        body: "",
      });
      for (const method of ["GET", "HEAD", "DELETE", "OPTIONS"]) {
        const other = await fetch(url, { method });
        expect(other.status).toBe(201);
        const text = await other.text();
        if (method !== "HEAD") expect(JSON.parse(text).method).toBe(method);
      }
      await listener.close(1_000);
    });

    test("the client's address is looked up when it is asked for, at any time of the request", async () => {
      const listener = await listen(async (request, context = {}) => {
        // It may be a member of the context's class.
        const member = Object.getOwnPropertyDescriptor(context, "remoteAddress") ??
          Object.getOwnPropertyDescriptor(Object.getPrototypeOf(context), "remoteAddress");
        await request.text();
        await new Promise((resolve) => setTimeout(resolve, 0));
        const addresses = [context.remoteAddress, context.remoteAddress];
        return Response.json({ isLazy: member?.get !== undefined, addresses });
      });
      const body = "x".repeat(100_000);
      const response = await fetch(`http://127.0.0.1:${listener.port}/`, { method: "POST", body });
      expect(await response.json())
        .toEqual({ isLazy: true, addresses: ["127.0.0.1", "127.0.0.1"] });
      await listener.close(1_000);
    });

    test("a JSON answer states its length and arrives whole", async () => {
      const text = JSON.stringify({ text: "é".repeat(100_000) });
      const listener = await listen(() => {
        const headers = { "content-type": "application/json" };
        return Promise.resolve(new Response(text, { headers }));
      });
      for (let turn = 0; turn < 2; turn += 1) {
        const response = await fetch(`http://127.0.0.1:${listener.port}/`);
        expect(response.headers.get("content-length")).toBe(String(encoder.encode(text).length));
        expect(await response.text()).toBe(text);
      }
      await listener.close(1_000);
    });

    test("P9 frames reach the client one by one, at once", async () => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const listener = await listen((_request, context) => {
        context?.holdOpen?.();
        const headers = { "content-type": "text/event-stream" };
        return Promise.resolve(new Response(readable, { headers }));
      });
      const writer = writable.getWriter();
      // Bun sends the head of a response with its first bytes.
      const first = writer.write(encoder.encode("data: 0\n\n"));
      const response = await fetch(`http://127.0.0.1:${listener.port}/`);
      const reader = response.body?.getReader();
      expect(decoder.decode((await reader?.read())?.value)).toBe("data: 0\n\n");
      await first;
      for (let index = 1; index < 5; index += 1) {
        // The next frame is written only once this one was read: buffering would hang here.
        const sent = writer.write(encoder.encode(`data: ${index}\n\n`));
        expect(decoder.decode((await reader?.read())?.value)).toBe(`data: ${index}\n\n`);
        await sent;
      }
      await writer.close();
      expect((await reader?.read())?.done).toBe(true);
      await listener.close(1_000);
    });

    // What is idle when they close, Bun and Deno's own listener cut by themselves.
    const cutsNew = thisRuntime === "bun" || (thisRuntime === "deno" && kind === "fast");
    test.skipIf(cutsNew)(
      "G7: a connection that was opened before the close gets an answer to its first request",
      async () => {
        const listener = await listen(() => Promise.resolve(new Response("at last")));
        const socket = await openRawSocket(listener.port);
        // The listener takes connections in their order.
        await (await fetch(`http://127.0.0.1:${listener.port}/`)).text();
        const closing = listener.close(10_000);
        socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(await socket.closed()).toContain("at last");
        await closing;
      },
    );

    test("a client that leaves cancels the stream, idle or not", async () => {
      let cancelled = 0;
      const listener = await listen(() =>
        Promise.resolve(
          new Response(
            new ReadableStream<Uint8Array>({
              start: (controller) => controller.enqueue(encoder.encode(": open\n\n")),
              cancel: () => void (cancelled += 1),
            }),
            { headers: { "content-type": "text/event-stream" } },
          ),
        )
      );
      await exchange(
        listener,
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        (text) => text.includes(": open"),
      );
      expect(await until(() => cancelled === 1)).toBe(true);
      await listener.close(1_000);
    });

    test("a client that leaves before its answer aborts its request", async () => {
      for (const head of ["GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 2\r\n"]) {
        const arrived = Promise.withResolvers<void>();
        let isAborted = false;
        const listener = await listen(async (request) => {
          await request.text();
          const left = new Promise((resolve) =>
            request.signal.addEventListener("abort", resolve, { once: true })
          );
          arrived.resolve();
          await left;
          isAborted = true;
          return new Response("too late");
        });
        const socket = connect(listener.port, "127.0.0.1");
        socket.on("error", () => {});
        socket.write(`${head}Host: x\r\n\r\n{}`);
        await arrived.promise;
        socket.destroy();
        expect(await until(() => isAborted)).toBe(true);
        await listener.close(1_000);
      }
    });

    test("a client that leaves after a longer body is noticed before its answer, or when it begins", async () => {
      const arrived = Promise.withResolvers<void>();
      let isSeen = false;
      const listener = await listen(async (request, context) => {
        await request.text();
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(encoder.encode(": open\n\n")),
          cancel: () => void (isSeen = true),
        });
        if (context?.disconnectHidden !== true) {
          await new Promise((resolve) => {
            request.signal.addEventListener("abort", resolve, { once: true });
            arrived.resolve();
          });
          isSeen = true;
        }
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      });
      const socket = connect(listener.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.once("data", () => arrived.resolve());
      socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n", () => {
        socket.write("x".repeat(3_000));
      });
      await arrived.promise;
      socket.destroy();
      expect(await until(() => isSeen)).toBe(true);
      await listener.close(1_000);
    });

    test("a stream that begins after its client left is cancelled", async () => {
      const arrived = Promise.withResolvers<void>();
      let isCancelled = false;
      const listener = await listen(async (request) => {
        const left = new Promise((resolve) =>
          request.signal.addEventListener("abort", resolve, { once: true })
        );
        arrived.resolve();
        await left;
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(encoder.encode(": open\n\n")),
          cancel: () => void (isCancelled = true),
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      });
      const socket = connect(listener.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await arrived.promise;
      socket.destroy();
      expect(await until(() => isCancelled)).toBe(true);
      await listener.close(1_000);
    });

    test("a client that leaves a TransformStream fails its writer", async () => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const writer = writable.getWriter();
      let closed = false;
      writer.closed.catch(() => closed = true);
      const listener = await listen(() => Promise.resolve(new Response(readable)));
      writer.write(encoder.encode(": open\n\n")).catch(() => {});
      await exchange(
        listener,
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        (text) => text.includes(": open"),
      );
      expect(await until(() => closed)).toBe(true);
      await listener.close(1_000);
    });

    test("a client that stops reading pauses the body", async () => {
      let made = 0;
      const listener = await listen(() =>
        Promise.resolve(
          new Response(
            new ReadableStream<Uint8Array>({
              pull(controller) {
                made += 1;
                controller.enqueue(new Uint8Array(65_536));
              },
            }),
          ),
        )
      );
      const socket = connect(listener.port, "127.0.0.1");
      socket.pause();
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      expect(await until(() => made > 0)).toBe(true);
      let before = -1;
      expect(
        await until(() => {
          const still = made === before;
          before = made;
          return still;
        }),
      ).toBe(true);
      expect(made).toBeLessThan(1_000);
      socket.destroy();
      await listener.close(1_000);
    });

    test("B3 a malformed Host gets 400; two Hosts get 400 or the handler sees both", async () => {
      const listener = await listen((request) => {
        const twice = request.headers.get("host") === "x, y";
        return Promise.resolve(new Response(request.url, { status: twice ? 400 : 200 }));
      });
      const heads = ["GET /a HTTP/1.1\r\nHost: a b/c", "GET /a HTTP/1.1\r\nHost: x\r\nHost: y"];
      for (const head of heads) {
        const text = await exchange(listener, `${head}\r\nConnection: close\r\n\r\n`);
        expect(text).toMatch(/^HTTP\/1\.1 400 /);
        expect(text).not.toMatch(/<html|at .*\.ts/i);
      }
      await listener.close(1_000);
    });

    test("a handler that throws gives a 500 without the reason", async () => {
      const listener = await listen(() => Promise.reject(new Error("secret path /etc/x")));
      const response = await fetch(`http://127.0.0.1:${listener.port}/`);
      expect(response.status).toBe(500);
      expect(await response.text()).not.toMatch(/secret|\.ts/);
      await listener.close(1_000);
    });

    test("A2 a body may be answered before it has arrived, and the listener goes on", async () => {
      const listener = await listen(() =>
        Promise.resolve(new Response("{early}", { status: 413 }))
      );
      const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx";
      expect(await exchange(listener, head, hasBody)).toMatch(/^HTTP\/1\.1 413 /);
      expect((await fetch(`http://127.0.0.1:${listener.port}/`)).status).toBe(413);
      await listener.close(1_000);
    });

    test("a port in use, and an address of another machine, are refused with a message", async () => {
      const listener = await listen(() => Promise.resolve(new Response("")));
      const serve = (hostname: string, port: number, variables?: ServeOptions["variables"]) =>
        runtime.serve({
          hostname,
          port,
          variables,
          listener: kind,
          fetch: () => Promise.resolve(new Response()),
        });
      await expect(serve("127.0.0.1", listener.port)).rejects.toThrow(/Cannot listen on .*in use/);
      await expect(serve("127.0.0.1", listener.port)).rejects.toMatchObject({ isTaken: true });
      await expect(serve("203.0.113.9", 0)).rejects.toMatchObject({ isTaken: false });
      await expect(serve("203.0.113.9", 0)).rejects.toThrow(/Cannot listen on .*MCP_HOST/);
      const own = { host: "OTHER_HOST", port: "OTHER_PORT" };
      await expect(serve("203.0.113.9", 0, own)).rejects.toThrow(/check OTHER_HOST$/);
      await expect(serve("127.0.0.1", listener.port, own)).rejects.toThrow(/another OTHER_PORT$/);
      await listener.close(1_000);
    });

    test("G7 closing lets a running request finish", async () => {
      let release = () => {};
      let entered = false;
      const listener = await listen(async () => {
        entered = true;
        await new Promise<void>((resolve) => release = resolve);
        return new Response("finished");
      });
      const running = fetch(`http://127.0.0.1:${listener.port}/`).then((response) =>
        response.text()
      );
      expect(await until(() => entered)).toBe(true);
      const closing = listener.close(10_000);
      release();
      expect(await running).toBe("finished");
      await closing;
      await expect(fetch(`http://127.0.0.1:${listener.port}/`)).rejects.toThrow();
    });

    test("G7 closing waits for no connection without a request", async () => {
      const listener = await listen(() => Promise.resolve(new Response("{}")));
      const whole = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
      const half = "GET / HTTP/1.1\r\nHo";
      const silent = connect(listener.port, "127.0.0.1").on("error", () => {});
      const kept = [exchange(listener, half)];
      let answered = 0;
      for (const more of ["", half]) {
        const socket = connect(listener.port, "127.0.0.1");
        kept.push(new Promise((resolve) => socket.on("close", () => resolve("closed"))));
        socket.on("error", () => {});
        socket.once("data", () => {
          socket.write(more);
          answered += 1;
        });
        socket.write(whole);
      }
      expect(await until(() => answered === 2)).toBe(true);
      // Behind what was sent before it on another connection.
      await (await fetch(`http://127.0.0.1:${listener.port}/`)).text();
      await within("the listener to close", listener.close(600_000));
      await within("the connections to close", Promise.all(kept));
      silent.destroy();
    });

    test("G7 closing lets a slow reader have all of its answer", async () => {
      const bytes = 20_000_000;
      const listener = await listen(() =>
        Promise.resolve(new Response(new Uint8Array(bytes).fill(97)))
      );
      const socket = connect(listener.port, "127.0.0.1");
      let received = 0;
      const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await new Promise<void>((resolve) => socket.once("readable", () => resolve()));
      const closing = listener.close(600_000);
      socket.on("data", (chunk: Uint8Array) => {
        received += chunk.length;
        socket.pause();
        setTimeout(() => socket.resume(), 1);
      });
      await within("the listener to close", closing);
      await within("the connection to close", ended);
      expect(received).toBeGreaterThan(bytes);
    });

    test("G7 closing cuts requests that do not finish in time", async () => {
      const listener = await listen(() =>
        Promise.resolve(
          new Response(new ReadableStream({ start: (c) => c.enqueue(encoder.encode("x}")) })),
        )
      );
      let begun = false;
      const stream = exchange(listener, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", (text) => {
        begun = text.includes("x}");
        return false;
      });
      const other = await fetch(`http://127.0.0.1:${listener.port}/`);
      expect(await until(() => begun)).toBe(true);
      await listener.close(100);
      expect(await stream).toMatch(/^HTTP\/1\.1 200/);
      await other.text().catch(() => {});
    });
  });
}

test("B9 the hardened listener disconnects clients that send head or body too slowly", async () => {
  const listener = await runtime.serve({
    hostname: "127.0.0.1",
    port: 0,
    listener: "hardened",
    limits: { headersMs: 200, bodyMs: 400, slowCheckMs: 50 },
    fetch: async (request) => new Response(await request.text()),
  });
  const closed = await Promise.all([
    exchange(listener, "GET / HTTP/1.1\r\nHost"),
    exchange(listener, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx"),
  ]);
  for (const text of closed) expect(text).not.toMatch(/^HTTP\/1\.1 2/);
  await listener.close(1_000);
});

test("B9: the hardened listener disconnects clients that read nothing of their answer", async () => {
  const bytes = 20_000_000;
  let cancelled = 0;
  const listener = await runtime.serve({
    hostname: "127.0.0.1",
    port: 0,
    listener: "hardened",
    limits: { unreadMs: 200, slowCheckMs: 50 },
    fetch: (request) => {
      const text = "x".repeat(bytes);
      if (new URL(request.url).pathname === "/whole") {
        const headers = { "content-type": "application/json" };
        return Promise.resolve(new Response(text, { headers }));
      }
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(encoder.encode(text)),
        cancel: () => void (cancelled += 1),
      });
      return Promise.resolve(new Response(body));
    },
  });
  const sockets = ["/whole", "/stream"].map((path) => {
    const socket = connect(listener.port, "127.0.0.1").on("error", () => {});
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket;
  });
  expect(await until(() => cancelled === 1)).toBe(true);
  // It waits for running requests, and so for the other one.
  await within("the listener to close", listener.close(600_000));
  for (const socket of sockets) {
    let received = 0;
    socket.on("data", (chunk: Uint8Array) => void (received += chunk.length));
    socket.resume();
    await within("the end", new Promise<void>((resolve) => socket.on("close", () => resolve())));
    expect(received).toBeLessThan(bytes);
  }
});

test("the hardened listener refuses a head beyond its limit", async () => {
  const listener = await runtime.serve({
    hostname: "127.0.0.1",
    port: 0,
    listener: "hardened",
    limits: { headerBytesMax: 2_000 },
    fetch: async () => new Response("{}"),
  });
  const ask = (chars: number) =>
    exchange(
      listener,
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: ${"x".repeat(chars)}\r\n\r\n`,
    );
  expect(await ask(1_000)).toMatch(/^HTTP\/1\.1 200/);
  expect(await ask(4_000)).toMatch(/^HTTP\/1\.1 431/);
  await listener.close(1_000);
});

test.skipIf(thisRuntime !== "bun")(
  "Bun's own listener enforces the limits that it can",
  async () => {
    const listener = await runtime.serve({
      hostname: "127.0.0.1",
      port: 0,
      listener: "fast",
      limits: { headersMs: 900, listenerBodyBytesMax: 10 },
      fetch: async (request) => new Response(await request.text()),
    });
    const post = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ";
    expect(await exchange(listener, `${post}10\r\n\r\n0123456789`)).toMatch(/^HTTP\/1\.1 200/);
    expect(await exchange(listener, `${post}11\r\n\r\n0123456789x`)).toMatch(/^HTTP\/1\.1 413/);
    // A body that stops arriving: Bun looks every 4 s, and the default would let it live for longer.
    const begun = performance.now();
    expect(await exchange(listener, `${post}10\r\n\r\n0`)).not.toMatch(/^HTTP\/1\.1 2/);
    expect(performance.now() - begun).toBeLessThan(defaultLimits.headersMs);
    await listener.close(1_000);
  },
);

test.skipIf(thisRuntime !== "bun")(
  "B9: Bun's own listener disconnects a client that reads nothing of a held stream",
  async () => {
    const cancelled = Promise.withResolvers<void>();
    const listener = await runtime.serve({
      hostname: "127.0.0.1",
      port: 0,
      listener: "fast",
      limits: { unreadMs: 900 },
      fetch: (_request, context) => {
        context?.holdOpen?.();
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new Uint8Array(20_000_000)),
          cancel: () => cancelled.resolve(),
        });
        return Promise.resolve(new Response(body));
      },
    });
    const socket = connect(listener.port, "127.0.0.1").on("error", () => {});
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await within("the stream to be cancelled", cancelled.promise);
    socket.destroy();
    await listener.close(1_000);
  },
);

test("B7 the hardened listener turns no path into another one", async () => {
  const seen: string[] = [];
  const listener = await runtime.serve({
    hostname: "127.0.0.1",
    port: 0,
    listener: "hardened",
    fetch: (request) => {
      seen.push(new URL(request.url).pathname);
      return Promise.resolve(new Response("{}"));
    },
  });
  const ask = async (target: string) => {
    const head = `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    return (await exchange(listener, head)).slice("HTTP/1.1 ".length).slice(0, 3);
  };
  const elsewhere = [
    "/mcp/.",
    "/mcp/..",
    "/x/../mcp",
    "/./mcp",
    "/%2e/mcp",
    "/mcp/%2E.?x",
    "/x\\mcp",
  ];
  for (const target of [...elsewhere, "http://x/y/../mcp"]) {
    expect([target, await ask(target)]).toEqual([target, "400"]);
  }
  const plain = ["/mcp", "/mcp/", "/.well-known/x", "/a..b/...", "/mcp?x=/../y", "/%2Fmcp"];
  for (const target of plain) expect([target, await ask(target)]).toEqual([target, "200"]);
  expect(seen).toEqual(plain.map((target) => target.replace(/\?.*/, "")));
  await listener.close(1_000);
});
