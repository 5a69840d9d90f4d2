/**
 * Local servers of either era, as real processes: the first answer shows the era, and the gateway
 * remembers it.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { StdioServerConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { isAlive } from "../support/processes.ts";
import {
  callerOf,
  callTool,
  createTestDeps,
  drain,
  failTool,
  hostileConfig,
  stateOf,
  type TestDeps,
  toolCall,
} from "../support/upstream_deps.ts";
import { until, within } from "../support/wait.ts";

const modern = callerOf("p:alice", {
  revision: "2026-07-28",
  asksByResult: true,
  sharesScope: true,
});
const session = callerOf("s1");

const opened: { upstream: Upstream; deps: TestDeps; folder: string }[] = [];

async function open(
  options: string[],
  limits: Partial<Limits> = {},
  overrides: Partial<StdioServerConfig> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "eras-"));
  const file = join(folder, "starts");
  const deps = await createTestDeps(limits);
  const config = hostileConfig([...options, `--start-file=${file}`], overrides);
  const upstream = createUpstream(config, deps);
  opened.push({ upstream, deps, folder });
  const starts = () => readFileSync(file, "utf8").trim().split("\n").map(Number);
  return { upstream, deps, starts };
}

afterEach(async () => {
  for (const { upstream, deps, folder } of opened.splice(0)) {
    await upstream.close();
    rmSync(folder, { recursive: true });
    expect([...deps.held]).toEqual([]);
    for (const pid of deps.everHeld) await until("the end of it", () => !isAlive(pid));
  }
});

describe("a server of the handshake era", () => {
  test("that dies of the probe is started again, and gets no probe while that is remembered", async () => {
    const { upstream, starts } = await open(["--probe=exit"]);
    expect(await callTool(upstream, "echo", { a: 1 }, modern)).toBe('{"a":1}');
    expect(starts().length).toBe(2);
    expect(await callTool(upstream, "echo", {}, { ...modern, scope: "p:bob" })).toBe("{}");
    expect(starts().length).toBe(3);
    expect(upstream.status()).toMatchObject({ state: "running", problem: undefined });
  });

  test("that dies with an error about the probe is started again at once", async () => {
    const { upstream, starts } = await open(["--probe=refuse"]);
    expect(await callTool(upstream, "echo", {}, modern)).toBe("{}");
    expect(starts().length).toBe(2);
  });

  test("that dies with another error counts as a failed start, and works at the next", async () => {
    const { upstream, starts } = await open(["--probe=crash"], { restartMsMin: 1 });
    expect((await failTool(upstream, "echo", {}, modern)).message).toContain("TypeError");
    expect(starts().length).toBe(1);
    const text = await until(
      "it answers",
      () => callTool(upstream, "echo", {}, modern).catch(() => undefined),
    );
    expect(text).toBe("{}");
    expect(starts().length).toBe(2);
  });

  test("that has died of a probe before is started again at once after another probe", async () => {
    const limits = { restartMsMin: 1, dialectKnownMs: 1 };
    const { upstream, starts } = await open(["--probe=crash"], limits);
    const call = (scope: string) => callTool(upstream, "echo", {}, { ...modern, scope });
    await until("it answers", () => call("p:alice").catch(() => undefined));
    await until("what it refuses to be forgotten", async () => {
      const before = starts().length;
      expect(await call(`p:${before}`)).toBe("{}");
      return starts().length === before + 2;
    });
  });

  test("that dies of the probe while the gateway stops is awaited, and not started again", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "eras-")), "grandchild");
    const options = ["--probe=exit", `--grandchild=${file}`];
    const { upstream, starts } = await open(options, { strayMs: 500 });
    const failed = failTool(upstream, "echo", {}, modern);
    const left = await until(
      "what it left behind",
      () => existsSync(file) && Number(readFileSync(file, "utf8")),
    );
    await until("the end of that", () => !isAlive(left));
    rmSync(dirname(file), { recursive: true });
    await within("the end of all", upstream.close());
    expect((await failed).message).toContain("being stopped");
    expect(starts().length).toBe(1);
  });

  test("that dies in other ways as well is a single failed start", async () => {
    const { upstream, starts } = await open(["--probe=exit", "--init=exit"]);
    const { message } = await failTool(upstream, "echo", {}, modern);
    expect(message).toContain("exited with code 3");
    expect(starts().length).toBe(2);
    expect((await failTool(upstream, "echo", {}, modern)).message).toContain("may be tried again");
    expect(starts().length).toBe(2);
  });

  test("that failed its trial is started once by a stateless client, whatever it prints", async () => {
    const { upstream, starts } = await open(["--probe=exit", "--init=exit"], { restartMsMin: 1 });
    await upstream.trial();
    expect(starts().length).toBe(1);
    await until("another start to be allowed", async () => {
      await failTool(upstream, "echo", {}, modern);
      return starts().length > 1;
    });
    expect(starts().length).toBe(2);
  });

  test("that does not answer the probe gets a handshake in the same process", async () => {
    const { upstream, starts } = await open(["--probe=never"], { probeMs: 50 });
    expect(await callTool(upstream, "echo", {}, modern)).toBe("{}");
    expect(starts().length).toBe(1);
  });

  test("that does not answer the probe gets no further probe with each call", async () => {
    const { upstream, starts } = await open(["--probe=never"], { probeMs: 50 });
    for (let call = 0; call < 3; call++) {
      const text = await within("the answer", callTool(upstream, "echo", { call }, modern));
      expect(text).toBe(`{"call":${call}}`);
    }
    expect(starts().length).toBe(1);
    // The process of another session needs no probe either.
    expect(await callTool(upstream, "echo", {}, { ...modern, scope: "p:bob" })).toBe("{}");
    expect(starts().length).toBe(2);
  });

  test("that answers the probe after the handshake keeps the dialect of the handshake", async () => {
    const { upstream } = await open(["--probe=late"], { probeMs: 50 });
    const caller = { ...modern, capabilities: { sampling: {} } };
    await callTool(upstream, "slow", { ms: 50 }, caller);
    const params = { messages: [], maxTokens: 1 };
    const call = toolCall("ask", { method: "sampling/createMessage", params }, caller);
    const { asks } = await drain(
      upstream.open(call),
      () => ({ kind: "answer", value: { model: "m" } }),
    );
    expect(asks.map(({ method }) => method)).toEqual(["sampling/createMessage"]);
  });

  test("that refuses the probe gets a handshake at once, in the same process", async () => {
    const { upstream, starts } = await open([], { probeMs: 20_000 });
    const { capabilities } = await stateOf(upstream, {
      ...modern,
      capabilities: { sampling: {}, elicitation: { form: {} } },
    });
    expect(capabilities).toEqual({ sampling: {}, elicitation: {} });
    expect(starts().length).toBe(1);
  });

  test("gets no probe for a session", async () => {
    const { upstream, starts } = await open(["--probe=exit"]);
    expect(await callTool(upstream, "echo", {}, session)).toBe("{}");
    expect(starts().length).toBe(1);
  });

  test("gets no probe if the configuration names its era", async () => {
    const { upstream, starts } = await open(["--probe=exit"], {}, { era: "legacy" });
    expect(await callTool(upstream, "echo", {}, modern)).toBe("{}");
    expect(starts().length).toBe(1);
  });

  test("cannot be used if the configuration names the other era, and gets no handshake", async () => {
    const { upstream, starts } = await open([], {}, { era: "modern" });
    expect((await failTool(upstream, "echo", {}, session)).message).toContain("server/discover");
    expect(starts().length).toBe(1);
  });
});

describe("a server that cannot start", () => {
  /** Counts its starts, says this and ends. */
  async function openFailing(words: string) {
    const folder = mkdtempSync(join(tmpdir(), "eras-"));
    const script = join(folder, "server.sh");
    const file = join(folder, "starts");
    writeFileSync(script, `echo $$ >> '${file}'\n${words}\nexit 1\n`);
    const deps = await createTestDeps({ restartMsMin: 1, restartMsMax: 1 });
    const config = { ...hostileConfig(), command: "/bin/sh", args: [script] };
    const upstream = createUpstream(config, deps);
    opened.push({ upstream, deps, folder });
    const starts = () => readFileSync(file, "utf8").trim().split("\n").length;
    return { call: () => failTool(upstream, "echo", {}, modern), starts };
  }

  test("and reports why is started once for a stateless client, each time", async () => {
    const { call, starts } = await openFailing("echo 'Error: no key is set' >&2");
    for (const count of [1, 2, 3]) {
      await until("another start", async () => {
        await call();
        return starts() >= count;
      });
      expect(starts()).toBe(count);
    }
  });

  test("and prints its usage after the reason is started once, whatever the usage says", async () => {
    const { call, starts } = await openFailing(
      "echo 'Error: no key is set' >&2; echo '  --stdin  JSON-RPC: expect a request message' >&2",
    );
    await call();
    expect(starts()).toBe(1);
  });

  test("and prints nothing may have died of the probe: the handshake is tried once, and the probe comes last", async () => {
    const { call, starts } = await openFailing("");
    await call();
    expect(starts()).toBe(2);
    await until("another start", async () => {
      await call();
      return starts() > 2;
    });
    expect(starts()).toBe(3);
  });
});

describe("a server of the stateless era", () => {
  test("is one process for sessions and stateless clients alike", async () => {
    const { upstream, starts } = await open(["--stateless"]);
    const scopes = ["s1", "s2", "s3"].map((scope) => callerOf(scope));
    const pids = await Promise.all(
      [...scopes, modern].map(async (caller) => (await stateOf(upstream, caller)).pid),
    );
    expect(new Set(pids).size).toBe(1);
    upstream.endScope("s1");
    expect((await stateOf(upstream, scopes[1])).pid).toBe(pids[0] as number);
    // The first of them may each have found out for itself.
    for (const pid of starts()) {
      if (pid !== pids[0]) await until("the end of those that found out", () => !isAlive(pid));
    }
  });

  test("that dies is started again by the next call, in the same era", async () => {
    const { upstream, starts } = await open(["--stateless"]);
    const { pid } = await stateOf(upstream, session);
    expect((await failTool(upstream, "crash", { how: "exit" }, session)).message)
      .toContain("whether it took effect is unknown");
    const next = await stateOf(upstream, modern);
    expect(next.pid).not.toBe(pid);
    expect(starts().length).toBe(2);
  });

  test("gets the cancellation of a call", async () => {
    const { upstream } = await open(["--stateless"]);
    await stateOf(upstream, session);
    const exchange = upstream.open({
      method: "tools/call",
      params: { name: "hang" },
      wantsProgress: false,
      caller: session,
    });
    exchange.cancel("gone");
    expect((await stateOf(upstream, modern)).cancelled.length).toBe(1);
  });
});
