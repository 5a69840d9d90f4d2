/** The log as its reader sees it: what a line holds, and what it never shows. */
import { describe, expect, test } from "bun:test";
import { createLog, type LogOptions, type LogSink, Shortened } from "../../../src/log.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { oneLine } from "../../../src/one_line.ts";
import { createTestClock } from "../../support/clock.ts";
import { until } from "../../support/wait.ts";

interface Recorder {
  readonly log: LogSink;
  readonly shown: string[];
  /** What the file holds once all that waits was handed to it. */
  lines(): Promise<string[]>;
  last(): Promise<Record<string, unknown>>;
  everything(): Promise<string>;
}

function record(changes: Partial<LogOptions> = {}): Recorder {
  const shown: string[] = [];
  const stored: string[] = [];
  const log = createLog({
    level: "INFO",
    console: (line) => shown.push(line),
    file: {
      append(text) {
        stored.push(...text.split("\n"));
        return Promise.resolve(true);
      },
      close: async () => {},
    },
    clock: createTestClock(),
    limits: defaultLimits,
    secrets: [],
    ...changes,
  });
  const lines = async () => {
    // The test's file answers at once: one turn of the loop hands it everything.
    await new Promise((resolve) => setTimeout(resolve, 0));
    return stored;
  };
  return {
    log,
    shown,
    lines,
    last: async () => JSON.parse((await lines()).at(-1) ?? ""),
    everything: async () => [...shown, ...await lines()].join("\n"),
  };
}

const shortened = (text: string) => new Shortened(text, (whole) => oneLine(whole, 100));

describe("a record", () => {
  test("P15 has time, level and source, as one JSON line in the file and readable on the console", async () => {
    const { log, shown, last } = record();
    log.source("upstream.files").warn("Restarted", {
      attempt: 2,
      reason: "it died",
      server: "files",
    });
    expect(await last()).toEqual({
      time: "2023-11-14T22:13:20.000Z",
      level: "WARN",
      source: "upstream.files",
      message: "Restarted",
      attempt: 2,
      reason: "it died",
      server: "files",
    });
    expect(shown).toEqual([
      '2023-11-14T22:13:20.000Z WARN  upstream.files Restarted attempt=2 reason="it died" server=files',
    ]);
  });

  test("below the level is not written", async () => {
    const { log, lines } = record({ level: "WARN" });
    log.debug("no");
    log.info("no");
    log.warn("yes");
    log.source("x").error("yes");
    expect((await lines()).length).toBe(2);
  });

  test("keeps its own members when a field has the same name", async () => {
    const { log, last } = record();
    log.info("real", { level: "forged", message: "forged" });
    expect(await last()).toMatchObject({ level: "INFO", message: "real", level_: "forged" });
  });

  test("H3 shows errors by their messages, and the stack only when debugging", async () => {
    const fault = new Error("outer", { cause: new Error("inner") });
    const calm = record();
    calm.log.error("failed", { fault });
    expect((await calm.last())["fault"]).toBe("outer: inner");
    const debugging = record({ level: "DEBUG" });
    debugging.log.error("failed", { fault });
    expect(String((await debugging.last())["fault"])).toMatch(/outer[^]*log\.test\.ts/);
  });

  test("shows any value without throwing", async () => {
    const { log, lines, last } = record();
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const trap = {
      get bad() {
        throw new Error("trap");
      },
    };
    log.info("odd", {
      cycle,
      big: 2n ** 70n,
      none: undefined,
      at: new Date(0),
      list: [undefined, 1],
    });
    expect((await last())["big"]).toBe("1180591620717411303424");
    expect((await last())["list"]).toEqual([null, 1]);
    log.info("odd", { trap });
    log.info("still here", { nan: Number.NaN, bytes: new Uint8Array(3) });
    expect((await lines()).length).toBe(2);
    expect(await last()).toMatchObject({ nan: "NaN", bytes: "3 bytes" });
  });

  test("is bounded however much it is given", async () => {
    const { log, lines } = record();
    log.info("x".repeat(1_000_000), { a: "y".repeat(1_000_000), list: Array(10_000).fill("zz") });
    expect((await lines())[0]?.length).toBeLessThan(2 * defaultLimits.logCharsMax);
  });
});

describe("H4 one line per event", () => {
  test("whatever the text holds", async () => {
    const { log, shown, lines } = record();
    const nasty = "a\r\nb\u001b[2Jc\u0085d\u2028e\u202ef\u0000";
    log.source(nasty).info(nasty, { [nasty]: nasty, deep: { [nasty]: [nasty] } });
    for (const line of [shown[0], (await lines())[0]]) {
      const codes = [...line ?? ""].map((character) => character.charCodeAt(0));
      const forging = (code: number) =>
        code < 32 || (code >= 127 && code < 160) || code === 0x2028 || code === 0x202e;
      expect(codes.filter(forging)).toEqual([]);
    }
    expect(JSON.parse((await lines())[0] ?? "").message).toBe(nasty);
  });
});

describe("H1 a secret", async () => {
  const secret = "s3cr3t/vàlue+&=x";

  test("never appears: as it is, in a URL, in JSON, in base64 after any user name", async () => {
    const { log, everything, lines } = record({ secrets: [secret] });
    const utf8 = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
    const forms = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify({ secret }),
      ...["", "u:", "us:", "usr:"].map((user) => btoa(utf8(`${user}${secret}`))),
      btoa(utf8(`x:${secret}`)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
    ];
    for (const form of forms) {
      log.info(`it is ${form} here`, {
        plain: form,
        [form]: 1,
        list: [{ deep: form }],
        fault: new Error(form),
      });
    }
    expect((await lines()).length).toBe(forms.length);
    for (const form of forms) {
      // The ends of a base64 text depend on its neighbours; its middle must be gone.
      expect(await everything()).not.toContain(form.slice(8, -4));
    }
  });

  test("learned later is hidden from then on, in sources made before too", async () => {
    const { log, everything } = record();
    const source = log.source("early");
    log.addSecrets(["learned-later"]);
    source.info("got learned-later");
    expect(await everything()).not.toContain("learned-later");
    expect(await everything()).toContain("[redacted]");
  });

  test("that comes and goes is hidden too: those used last, while the configured ones stay", async () => {
    const limits = { ...defaultLimits, passingSecretsMax: 2 };
    const { log, last } = record({ secrets: ["always-known"], limits });
    const shown = async () => {
      log.info("always-known token-aaaa token-bbbb token-cccc");
      return (await last())["message"];
    };
    log.addPassingSecrets(["token-aaaa"]);
    log.addPassingSecrets(["token-bbbb"]);
    expect(await shown()).toBe("[redacted] [redacted] [redacted] token-cccc");
    log.addPassingSecrets(["token-aaaa"]);
    log.addPassingSecrets(["token-cccc"]);
    expect(await shown()).toBe("[redacted] [redacted] token-bbbb [redacted]");
  });

  test("does not show its beginning where a long text is cut", async () => {
    const limits = { ...defaultLimits, logCharsMax: 100 };
    for (let before = 80; before < 120; before += 1) {
      const { log, everything } = record({ secrets: [secret], limits });
      log.info("x".repeat(before) + secret + "y".repeat(200));
      expect(await everything()).not.toContain(secret.slice(0, 6));
    }
  });

  test("does not show its beginning where a reason is cut to one short line", async () => {
    for (let before = 80; before < 120; before += 1) {
      const { log, last } = record({ secrets: [secret] });
      const text = `${"x".repeat(before)} ${secret} and more`.repeat(200);
      log.info("Call failed", { reason: shortened(text), code: "tool_error" });
      const { reason, code } = await last();
      expect(String(reason).length).toBeLessThanOrEqual(100);
      expect(String(reason)).toMatch(/^x{80,}.*…$/);
      expect(String(reason)).not.toContain(secret.slice(0, 1));
      expect(code).toBe("tool_error");
    }
  });

  test("is found in a short line with its own blanks", async () => {
    const words = "correct  horse\tbattery";
    const { log, last } = record({ secrets: [words] });
    log.info("Call failed", { reason: shortened(`no:\n ${words}`) });
    expect((await last())["reason"]).toBe("no: [redacted]");
  });

  test("that is too short is not searched for", async () => {
    const { log, last } = record({ secrets: ["", "abc"] });
    log.info("abc alphabet");
    expect((await last())["message"]).toBe("abc alphabet");
  });
});

test("H1 members whose names speak of secrets lose their values, the others keep them", async () => {
  const { log, last } = record();
  const names = ["Authorization", "set-cookie", "access_token", "apiKey", "API_KEY", "password"];
  names.push("client_secret", "Mcp-Session-Id", "privateKey");
  log.info("headers", { headers: Object.fromEntries(names.map((name) => [name, "unseen-value"])) });
  expect(JSON.stringify(await last())).not.toContain("unseen-value");
  const harmless = { maxTokens: 100, progressToken: 0, path: "/mcp", author: "me", key: "k" };
  log.info("others", harmless);
  expect(await last()).toMatchObject(harmless);
});

test("H1 URLs lose their userinfo and their secret query values", async () => {
  const { log, last } = record();
  log.info("GET https://me:pw@example.com/a?x=1&api_key=unseen1#f then --token=unseen2 end", {
    url: new URL("https://u:unseen3@h/?access_token=unseen4&q=ok"),
    header: "Bearer abcdefghijklmnopqrst",
  });
  expect((await last())["message"]).toBe(
    "GET https://[redacted]@example.com/a?x=1&api_key=[redacted]#f then --token=[redacted] end",
  );
  expect((await last())["url"]).toBe("https://[redacted]@h/?access_token=[redacted]&q=ok");
  expect((await last())["header"]).toBe("Bearer [redacted]");
});

test("redaction stays quick on text made to be slow", async () => {
  const { log, lines } = record();
  const started = performance.now();
  for (const piece of ["a", "a.", "://", "?", "=", "a=", "bearer ", "x://a", "&token"]) {
    log.info(piece.repeat(defaultLimits.logCharsMax));
  }
  expect((await lines()).length).toBe(9);
  // A regular expression that backtracks would need minutes.
  expect(performance.now() - started).toBeLessThan(30_000);
});

describe("a slow disk", () => {
  test("never delays the caller; dropped lines are counted and reported", async () => {
    const stored: string[] = [];
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => release = resolve);
    const file = {
      append: async (text: string) => {
        await held;
        stored.push(...text.split("\n"));
        return true;
      },
      close: async () => {},
    };
    const { log, shown } = record({ file, limits: { ...defaultLimits, logRecordsMax: 3 } });
    for (let index = 0; index < 10; index += 1) log.info(`record ${index}`);
    expect(shown.length).toBe(10);
    release();
    await until(
      "the report of what was dropped",
      () => stored.some((line) => /Dropped/.test(line)),
    );
    await log.close();
    const messages = stored.map((line) => JSON.parse(line).message);
    expect(messages.filter((message) => message.startsWith("record ")).length).toBe(4);
    expect(messages).toContain("Dropped 6 records: the log file could not be written in time");
  });

  test("that never answers does not keep the log from closing", async () => {
    const clock = createTestClock();
    const file = { append: () => new Promise<boolean>(() => {}), close: async () => {} };
    const { log } = record({ file, clock });
    log.info("stuck");
    let closed = false;
    const closing = log.close().then(() => closed = true);
    clock.advance(defaultLimits.stopMs - 1);
    await Promise.resolve();
    expect(closed).toBe(false);
    clock.advance(1);
    await closing;
  });

  test("is written out when the log closes", async () => {
    const stored: string[] = [];
    const file = {
      append: async (text: string) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        stored.push(...text.split("\n"));
        return true;
      },
      close: () => Promise.resolve(void stored.push("closed")),
    };
    const { log } = record({ file });
    for (let index = 0; index < 5; index += 1) log.info(`record ${index}`);
    await log.close();
    expect(stored.length).toBe(6);
    expect(stored.at(-1)).toBe("closed");
  });
});

test("a console that is gone breaks nothing, and the file still has the record", async () => {
  const { log, last } = record({
    console: () => {
      throw new Error("EPIPE");
    },
  });
  log.info("hello");
  expect((await last())["message"]).toBe("hello");
});

describe("a repeated message", () => {
  const limits = { ...defaultLimits, logRepeatsMax: 3, logRepeatsMs: 1_000, logMessagesMax: 2 };
  const messages = (shown: readonly string[]) =>
    shown.map((line) => line.replace(/^.*? (INFO|WARN) +gateway /, ""));

  test("is written so many times in a while, then counted; others are written meanwhile", () => {
    const clock = createTestClock();
    const { log, shown } = record({ clock, limits });
    for (let call = 0; call < 1_000; call += 1) log.info("Call failed", { call });
    log.info("Client connected");
    clock.advance(1_000);
    log.info("Call failed");
    clock.advance(10_000);
    expect(messages(shown)).toEqual([
      "Call failed call=0",
      "Call failed call=1",
      "Call failed call=2",
      "Client connected",
      "Call failed: 997 more were not logged notLogged=997",
      "Call failed",
    ]);
  });

  test("is counted at the end of the log, and however many others there are", async () => {
    const { log, shown } = record({ limits });
    for (let line = 0; line < 100; line += 1) {
      log.warn("Refused");
      log.info(`line ${line}`);
    }
    await log.close();
    expect(shown.filter((line) => line.endsWith("Refused")).length).toBe(3);
    expect(messages(shown).at(-1)).toBe("Refused: 97 more were not logged notLogged=97");
  });

  test("is written every time at level DEBUG", () => {
    const { log, shown } = record({ limits, level: "DEBUG" });
    for (let call = 0; call < 10; call += 1) log.info("Call failed");
    expect(shown.length).toBe(10);
  });
});
