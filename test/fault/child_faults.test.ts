/** Children that misbehave (cases E1 to E13, P1, P5): one broken server or call never hurts another. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { StdioServerConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import type { Child, Runtime } from "../../src/runtime/runtime.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { createFaultyRuntime, createTestRuntime } from "../support/fake_runtime.ts";
import { canReadProcesses, isAlive, residentBytes } from "../support/processes.ts";
import {
  callerOf,
  callTool,
  createTestDeps,
  drain,
  failTool,
  hostileConfig,
  stateOf,
  type TestDeps,
  textOf,
  toolCall,
  watchScope,
} from "../support/upstream_deps.ts";
import { until, within } from "../support/wait.ts";

const opened: { upstream: Upstream; deps: TestDeps }[] = [];
const folders: string[] = [];

async function open(
  options: string[] = [],
  overrides: Partial<StdioServerConfig> = {},
  limits: Partial<Limits> = {},
  runtime?: Runtime,
): Promise<{ upstream: Upstream; deps: TestDeps }> {
  const deps = await createTestDeps(limits, runtime === undefined ? {} : { runtime });
  const pair = { upstream: createUpstream(hostileConfig(options, overrides), deps), deps };
  opened.push(pair);
  return pair;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "child-faults-"));
  folders.push(path);
  return path;
}

const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n").filter(Boolean);

afterEach(async () => {
  for (const { upstream, deps } of opened.splice(0)) {
    await upstream.close();
    expect([...deps.held]).toEqual([]);
  }
  for (const path of folders.splice(0)) rmSync(path, { recursive: true });
});

describe("a child that dies", () => {
  for (const how of ["exit", "SIGSEGV", "SIGKILL"]) {
    test(`E1 a child that crashes mid-call (${how}) fails its calls at once, and the session lives on`, async () => {
      const counted = join(folder(), "count");
      const { upstream } = await open([`--count-file=${counted}`]);
      const watch = watchScope(upstream, "a");
      const first = await stateOf(upstream);
      const beside = upstream.open(toolCall("hang"));
      const crash = await within(
        "the crash is reported",
        failTool(upstream, "crash", { how }),
      );
      expect(crash).toMatchObject({
        code: -32603,
        data: { reason: "upstream_exited", server: "hostile", outcome: "unknown" },
      });
      const { end } = await within("the other call ends", drain(beside));
      expect(end.kind === "failure" && end.error.code).toBe("upstream_exited");
      expect((await stateOf(upstream)).pid).not.toBe(first.pid);
      expect(watch.methods()).toContain("notifications/message");
      // What was under way was not done a second time.
      expect(linesOf(counted).filter((name) => name === "crash").length).toBe(1);
    });
  }

  test("E1 the death of one session's child does not affect another's", async () => {
    const { upstream } = await open();
    const slow = upstream.open(toolCall("slow", { ms: 300 }, callerOf("b")));
    await stateOf(upstream, callerOf("b"));
    await failTool(upstream, "crash", { how: "SIGKILL" }, callerOf("a"));
    expect(textOf((await drain(slow)).end)).toBe("done");
  });

  test("E1 an answer written just before the end is still delivered", async () => {
    const { upstream } = await open();
    const last = upstream.open(toolCall("say", { text: "x", bytes: 200_000 }));
    const crash = upstream.open(toolCall("crash", { how: "flush" }));
    expect(textOf((await drain(last)).end).length).toBe(200_000);
    expect((await drain(crash)).end.kind).toBe("failure");
  });
});

describe("a child that does not answer", () => {
  test("E2 a call without an answer fails in time, is cancelled at the child, and a late answer is dropped", async () => {
    const { upstream, deps } = await open([], { callTimeoutMs: 500 });
    await stateOf(upstream);
    const error = await failTool(upstream, "slow", { ms: 1_200 });
    expect(error).toMatchObject({ code: -32603, data: { reason: "upstream_timeout" } });
    expect((await stateOf(upstream)).cancelled.length).toBe(1);
    // An answer that comes in spite of it fits no open request.
    await failTool(upstream, "bad", { how: "late", ms: 1_200 });
    await until(
      "it is dropped",
      () => deps.lines.some(({ message }) => message.includes("it answers no open request")),
    );
    expect(await callTool(upstream, "echo", { still: "here" })).toBe('{"still":"here"}');
  });

  test("E2 progress and log lines keep a call alive, up to its hard limit", async () => {
    const { upstream } = await open([], { callTimeoutMs: 600 }, { callMsMax: 2_500 });
    const busy = (steps: number) =>
      drain(upstream.open(toolCall("progress", { steps, ms: 100 }, callerOf("a"), true)));
    expect((await busy(8)).end.kind).toBe("result");
    const endless = await busy(10_000);
    expect(endless.end.kind === "failure" && endless.end.error.code).toBe("upstream_timeout");
    expect(endless.notices.length).toBeGreaterThan(8);
  });

  test("E10 H3 a child that never completes its handshake is stopped and removed, and none accumulate", async () => {
    const { upstream, deps } = await open(
      ["--init=never"],
      { startTimeoutMs: 150 },
      { restartMsMin: 1, restartMsMax: 2 },
    );
    for (let round = 0; round < 4; round++) {
      const error = await failTool(upstream, "echo");
      expect(error.data["reason"]).toBe("upstream_unavailable");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const error = await failTool(upstream, "echo");
    expect(error.message).toContain(
      "did not answer its first message within 150 ms; raise startTimeoutMs",
    );
    await until("all are gone", () => deps.held.size === 0);
    expect(deps.everHeld.filter(isAlive)).toEqual([]);
  });

  test("E11 a child that does not read its input fails further calls; others go on", async () => {
    const { upstream } = await open(["--deaf"], {}, { writeBytesMax: 256 * 1024 });
    const caller = callerOf("a");
    const waiting = upstream.open(toolCall("hang", {}, caller));
    await until("it runs", () => upstream.status().state === "running");
    const text = "x".repeat(64 * 1024);
    const calls = Array.from(
      { length: 40 },
      () => drain(upstream.open(toolCall("echo", { text }, caller))),
    );
    const refused = await within(
      "a call is refused",
      Promise.any(calls.map(async (call) => {
        const { end } = await call;
        if (end.kind === "failure" && end.error.code === "overloaded") return end;
        throw new Error("not refused");
      })),
    );
    expect(refused.kind).toBe("failure");
    upstream.endScope("a");
    expect((await drain(waiting)).end.kind).toBe("failure");
    await Promise.all(calls);
  });
});

describe("a child that writes garbage", () => {
  test("E4 banners, binary data, empty lines, CR LF and split characters do no harm", async () => {
    for (
      const options of [["--banner"], ["--crlf"], ["--split"], ["--banner", "--crlf", "--split"]]
    ) {
      const { upstream } = await open(options);
      expect(await callTool(upstream, "echo", { text: "zażółć 😀" })).toBe('{"text":"zażółć 😀"}');
    }
  });

  for (const how of ["garbage", "half", "two-on-a-line", "batch"]) {
    test(`E4 the answer is found in spite of noise around it (${how})`, async () => {
      const { upstream } = await open();
      expect(await callTool(upstream, "bad", { how })).toBe("good");
      expect(await callTool(upstream, "echo")).toBe("{}");
    });
  }

  for (const how of ["wrong-id", "duplicate"]) {
    test(`E12 answers that fit no request are dropped and counted (${how})`, async () => {
      const { upstream, deps } = await open();
      expect(await callTool(upstream, "bad", { how })).toBe("good");
      expect(await callTool(upstream, "echo")).toBe("{}");
      expect(deps.lines.some(({ message }) => message.startsWith("Ignored a line"))).toBe(true);
    });
  }

  test("E12 an answer whose id is text is accepted", async () => {
    const { upstream } = await open();
    expect(await callTool(upstream, "bad", { how: "string-id" })).toBe("foul");
    expect(await callTool(upstream, "echo")).toBe("{}");
  });

  test("E12 an error without an id fails the only open call in the server's words", async () => {
    const { upstream } = await open();
    const error = await failTool(upstream, "bad", { how: "error-without-id" });
    expect(error).toMatchObject({ code: -32603, message: "who asked?" });
    expect(await callTool(upstream, "echo")).toBe("{}");
  });

  test("E12 an answer of the wrong shape fails its own call at once", async () => {
    const { upstream } = await open();
    const error = await failTool(upstream, "bad", { how: "not-object" });
    expect(error).toMatchObject({ code: -32603, data: { reason: "bad_upstream_response" } });
  });

  test("E5 lines of 100 MB fail their calls, and memory does not grow with them", async () => {
    const { upstream } = await open();
    await stateOf(upstream);
    const before = canReadProcesses ? residentBytes(process.pid) : 0;
    for (let line = 0; line < 4; line++) {
      const error = await failTool(upstream, "bad", { how: "long-line" });
      expect(error.data["reason"]).toBe("bad_upstream_response");
    }
    const after = canReadProcesses ? residentBytes(process.pid) : 0;
    // Half of what was sent: what a collector has not come round to must not fail this.
    expect((after - before) / 1024 / 1024).toBeLessThan(200);
    expect(await callTool(upstream, "echo")).toBe("{}");
  });

  test("E5 a long line without an id is skipped", async () => {
    const { upstream } = await open();
    expect(await callTool(upstream, "bad", { how: "endless-line" })).toBe("good");
  });

  test(
    "E3 a child that floods its output is paced, then stopped; its neighbour does not notice",
    async () => {
      const limits = { outputWindowMs: 100, outputWindowsMax: 5, outputLinesMax: 1_000 };
      const flood = await open(["--flood=stdout"], {}, limits);
      const good = await open();
      await stateOf(good.upstream);
      const stuck = flood.upstream.open(toolCall("hang"));
      const ended = drain(stuck);
      for (let round = 0; round < 20; round++) {
        await within("the neighbour answers", callTool(good.upstream, "echo"));
      }
      const { end } = await within("the flood is stopped", ended);
      expect(end.kind === "failure" && end.error.toRpc().message).toContain("floods");
      await until("it is gone", () => flood.deps.held.size === 0);
    },
  );

  test("E3 a flood of notices is paced and costs no memory", async () => {
    const { upstream } = await open(["--flood=notices"], {}, {
      outputWindowMs: 100,
      outputLinesMax: 1_000,
    });
    const exchange = upstream.open(toolCall("slow", { ms: 300 }));
    const { end } = await within("it answers in spite of it", drain(exchange));
    expect(end.kind).toBe("result");
  });

  test("E6 stderr without end never blocks a call", async () => {
    const { upstream, deps } = await open(["--flood=stderr"]);
    expect(await callTool(upstream, "slow", { ms: 200 })).toBe("done");
    const logged = deps.lines.filter(({ message }) => message.startsWith("stderr:"));
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.length).toBeLessThan(60);
  });
});

describe("a child that does not exit", () => {
  test("E7 one that ignores the end of its input and SIGTERM is killed", async () => {
    const { upstream, deps } = await open(["--trap-term", "--ignore-eof"]);
    const { pid } = await stateOf(upstream);
    await upstream.close();
    expect(isAlive(pid)).toBe(false);
    expect(deps.lines.some(({ message }) => message.startsWith("Killing the child"))).toBe(true);
  });

  test("E7 one that ends by itself when its input ends is not signalled", async () => {
    const { upstream, deps } = await open();
    const { pid } = await stateOf(upstream);
    await upstream.close();
    expect(isAlive(pid)).toBe(false);
    expect(deps.lines.some(({ message }) => message.startsWith("Killing"))).toBe(false);
  });

  test("E8 a grandchild that keeps the pipes open delays nothing and is ended", async () => {
    const file = join(folder(), "grandchild");
    const { upstream, deps } = await open([`--grandchild=${file}`]);
    await stateOf(upstream);
    const grandchild = Number(readFileSync(file, "utf8"));
    expect(isAlive(grandchild)).toBe(true);
    await within("the crash is reported", failTool(upstream, "crash", { how: "exit" }));
    await until("the group is gone", () => deps.held.size === 0);
    await until("the grandchild is gone", () => !isAlive(grandchild));
  });
});

describe("a child whose grandchild leaves the group", () => {
  test("E8 a process that called setsid is reported when the server stops", async () => {
    const file = join(folder(), "grandchild");
    const { upstream, deps } = await open([`--grandchild=${file}`, "--setsid"]);
    await stateOf(upstream);
    const grandchild = Number(readFileSync(file, "utf8"));
    try {
      await upstream.close();
      const reported = deps.lines.find(({ message }) => message.includes("left its group"));
      expect(reported?.fields["pid"]).toBe(grandchild);
    } finally {
      process.kill(grandchild, "SIGKILL");
    }
  });
});

describe("a child that cannot be started", () => {
  test(
    "P5 E9 failed starts: the backoff grows, calls in between fail fast, the third is an error in the log",
    async () => {
      const starts = join(folder(), "starts");
      const { upstream, deps } = await open(
        ["--exit=1", `--start-file=${starts}`, "--stderr=no database"],
        {},
        { restartMsMin: 200 },
      );
      const waits: number[] = [];
      for (let failures = 1; failures <= 3; failures++) {
        const error = await until("a start was tried", async () => {
          const told = await failTool(upstream, "echo");
          return linesOf(starts).length === failures ? told : undefined;
        });
        expect(error.data["reason"]).toBe("upstream_unavailable");
        expect(error.message).toContain("exited with code 1");
        expect(error.message).toContain("the gateway's log has what it printed");
        expect(deps.lines.some(({ fields }) => fields["printed"] === "no database")).toBe(true);
        waits.push(Number(error.data["retryAfterMs"]));
      }
      const [first = 0, second = 0, third = 0] = waits;
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThanOrEqual(first / 2);
      expect(third).toBeGreaterThan(first);
      // Calls while the pause lasts start nothing.
      for (let round = 0; round < 50; round++) await failTool(upstream, "echo");
      expect(linesOf(starts).length).toBe(3);
      expect(upstream.status()).toMatchObject({ state: "crash_loop", connections: 0 });
      expect(upstream.status().problem).toContain("exited with code 1");
      const loud = deps.lines.filter(({ severity }) => severity === "error");
      expect(loud.length).toBe(1);
      expect(loud[0]?.message).toContain("3 starts failed in a row");
    },
  );

  test("P5 a child that dies at each first call is not started again by every call", async () => {
    const starts = join(folder(), "starts");
    const { upstream } = await open([`--start-file=${starts}`], {}, { restartMsMin: 10_000 });
    for (let round = 0; round < 10; round++) await failTool(upstream, "crash", { how: "exit" });
    expect(linesOf(starts).length).toBe(2);
    const error = await failTool(upstream, "echo");
    expect(error.message).toContain("soon after it was ready");
    expect(Number(error.data["retryAfterMs"])).toBeGreaterThan(0);
  });

  test("P5 a server that recovers is used again, and its failures are forgotten", async () => {
    const starts = join(folder(), "starts");
    const { upstream } = await open(
      [`--start-file=${starts}`, "--exit-until=4"],
      {},
      { restartMsMin: 5 },
    );
    await until("it answers", () => callTool(upstream, "echo").catch(() => undefined));
    expect(linesOf(starts).length).toBe(4);
    expect(upstream.status()).toMatchObject({ state: "running", connections: 1 });
    expect(upstream.status().problem).toBe(undefined);
  });

  test("P5 sessions that fail at the same time count as one failure", async () => {
    const { upstream, deps } = await open(["--exit=1"], {}, { restartMsMin: 10_000, startsMax: 8 });
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => failTool(upstream, "echo", {}, callerOf(`${index}`))),
    );
    expect(upstream.status().state).not.toBe("crash_loop");
    expect(deps.everHeld.length).toBeLessThanOrEqual(8);
  });

  test("E9 a command that does not exist or may not be run is not tried again", async () => {
    for (const command of ["/no/such/command", "/etc/passwd"]) {
      const faulty = createFaultyRuntime(await createTestRuntime());
      const { upstream } = await open([], { command }, { restartMsMin: 1 }, faulty);
      const error = await failTool(upstream, "echo");
      expect(error.data["reason"]).toBe("upstream_unavailable");
      for (let round = 0; round < 10; round++) {
        await failTool(upstream, "echo");
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      expect(faulty.counts.spawn).toBe(1);
      expect(upstream.status().state).toBe("failed");
    }
  });

  test("E9 exit codes of a shell that cannot run a command are permanent too", async () => {
    const { upstream } = await open(["--exit=127"], {}, { restartMsMin: 1 });
    await failTool(upstream, "echo");
    expect(upstream.status().state).toBe("failed");
  });

  test("E9 a spawn that fails for a moment is tried again", async () => {
    const faulty = createFaultyRuntime(await createTestRuntime());
    const again = Object.assign(new Error("no more processes"), {
      code: "EAGAIN",
      permanent: false,
    });
    const { upstream } = await open([], {}, { restartMsMin: 1 }, faulty);
    faulty.failAt("spawn", 1, again);
    expect((await failTool(upstream, "echo")).message)
      .toContain("the system refused to start it (EAGAIN)");
    await until("it answers", () => callTool(upstream, "echo").catch(() => undefined));
  });

  test("E9 whichever write toward a child fails, its call ends and the next one works", async () => {
    for (let nth = 1; nth <= 4; nth++) {
      const faulty = createFaultyRuntime(await createTestRuntime());
      const { upstream, deps } = await open([], {}, { restartMsMin: 1 }, faulty);
      faulty.failAt("stdin", nth, new Error("EPIPE"));
      for (let round = 0; round < 3; round++) {
        await within("the call ends", drain(upstream.open(toolCall("echo"))));
      }
      await until("it answers", () => callTool(upstream, "echo").catch(() => undefined));
      expect(deps.everHeld.length).toBe(2);
    }
  });

  for (const init of ["error", "bad", "exit"]) {
    test(`E10 a handshake that goes wrong (${init}) fails the call with the reason`, async () => {
      const { upstream, deps } = await open([`--init=${init}`]);
      const error = await failTool(upstream, "echo");
      expect(error.data["reason"]).toBe("upstream_unavailable");
      const reason = { error: "no licence", bad: "protocol version", exit: "exited with code 3" };
      expect(error.message).toContain(reason[init as keyof typeof reason]);
      await until("it is gone", () => deps.held.size === 0);
    });
  }

  test("E10 a server of a revision that is not served is refused", async () => {
    const { upstream } = await open(["--revision=1999-01-01"]);
    expect((await failTool(upstream, "echo")).message).toContain("1999-01-01");
  });

  test("E13 nothing that a client or a configuration says is run by a shell", async () => {
    const marker = join(folder(), "injected");
    const evil = `; touch ${marker} $(touch ${marker}) \`touch ${marker}\``;
    const { upstream } = await open([`--x=${evil}`], { name: evil });
    const caller = callerOf(evil);
    const state = await stateOf(upstream, caller);
    expect(state.argv).toEqual([`--x=${evil}`]);
    expect(await callTool(upstream, "echo", { evil }, caller)).toBe(JSON.stringify({ evil }));
    await drain(upstream.open(toolCall(evil, {}, caller)));
    expect(() => readFileSync(marker)).toThrow();
  });
});

describe("P1 a stdout whose reads fail", () => {
  /** The real child, whose reads throw as `plan` says: true throws. */
  async function withReadFaults(plan: () => boolean): Promise<Runtime> {
    const real = await createTestRuntime();
    const faulty = (stream: Child["stdout"]): Child["stdout"] =>
      ({
        getReader() {
          const reader = stream.getReader();
          return {
            read: () => plan() ? Promise.reject(new Error("input/output error")) : reader.read(),
            cancel: () => reader.cancel(),
          };
        },
      }) as unknown as Child["stdout"];
    return {
      ...real,
      spawn(options) {
        const child = real.spawn(options);
        return { ...child, stdout: faulty(child.stdout) };
      },
    };
  }

  test("P1 a failing read does not end the reader: it is counted, logged and tried again", async () => {
    let reads = 0;
    const runtime = await withReadFaults(() => reads++ % 3 !== 2);
    const { upstream, deps } = await open([], {}, { readRetryMsMin: 1 }, runtime);
    for (let round = 0; round < 5; round++) expect(await callTool(upstream, "echo")).toBe("{}");
    expect(deps.everHeld.length).toBe(1);
    expect(deps.lines.some(({ message }) => message.startsWith("Cannot read"))).toBe(true);
  });

  test("P1 after five failures in a row a new child replaces it", async () => {
    let failures = 0;
    const runtime = await withReadFaults(() => failures > 0 && failures-- > 0);
    const { upstream, deps } = await open([], {}, { readRetryMsMin: 1 }, runtime);
    await stateOf(upstream);
    const hanging = drain(upstream.open(toolCall("hang")));
    failures = 5;
    // The read that waits already still goes well; the next five do not.
    await callTool(upstream, "echo");
    const { end } = await within("the open call ends", hanging);
    expect(end.kind === "failure" && end.error.code).toBe("upstream_exited");
    expect(deps.lines.filter(({ message }) => message.startsWith("Cannot read from")).length)
      .toBe(5);
    expect(await callTool(upstream, "echo")).toBe("{}");
    expect(deps.everHeld.length).toBe(2);
  });
});
