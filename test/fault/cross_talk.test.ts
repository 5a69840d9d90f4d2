/** Sessions that call at once never see each other's answers, progress or questions (cases A10, D1, D2, D6, A11). */
import { afterEach, describe, expect, test } from "bun:test";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  callerOf,
  callTool,
  createTestDeps,
  drain,
  hostileConfig,
  stateOf,
  textOf,
  toolCall,
} from "../support/upstream_deps.ts";
import { until } from "../support/wait.ts";

const opened: Upstream[] = [];

async function open(isolation: "session" | "shared", options: string[] = []): Promise<Upstream> {
  const deps = await createTestDeps();
  const upstream = createUpstream(hostileConfig(options, { isolation }), deps);
  opened.push(upstream);
  return upstream;
}

afterEach(async () => {
  for (const upstream of opened.splice(0)) await upstream.close();
});

describe("cross-talk", () => {
  test("D1 fifty sessions share one child: no answer reaches a foreign session", async () => {
    const upstream = await open("shared");
    const sessions = Array.from({ length: 50 }, (_, index) => callerOf(`session ${index}`));
    let foreign = 0;
    for (let round = 0; round < 40; round++) {
      await Promise.all(sessions.map(async (caller) => {
        const nonce = `${caller.scope} ${round}`;
        if (await callTool(upstream, "nonce", { nonce }, caller) !== nonce) foreign++;
      }));
    }
    expect(foreign).toBe(0);
    expect(await callTool(upstream, "count")).toBe("2001");
  });

  test("D1 sessions with children of their own do not mix, either", async () => {
    const upstream = await open("session");
    const sessions = Array.from({ length: 6 }, (_, index) => callerOf(`session ${index}`));
    const answers = await Promise.all(
      sessions.flatMap((caller) =>
        Array.from({ length: 100 }, async (_, round) => {
          const nonce = `${caller.scope} ${round}`;
          return [nonce, await callTool(upstream, "nonce", { nonce }, caller)];
        })
      ),
    );
    expect(answers.filter(([sent, got]) => sent !== got)).toEqual([]);
    expect(upstream.status().connections).toBe(6);
  });

  test("D2 progress of several sessions on one child reaches its own call only", async () => {
    const upstream = await open("shared");
    const calls = ["a", "b", "c"].map((scope) =>
      drain(
        upstream.open(
          toolCall("progress", { steps: 20, ms: 1, label: scope }, callerOf(scope), true),
        ),
      ).then(({ notices }) => [
        notices.length,
        notices.every(({ params }) => String(params["message"]).endsWith(` of ${scope}`)),
      ])
    );
    expect(await Promise.all(calls)).toEqual([[20, true], [20, true], [20, true]]);
  });

  test("D6 a child cannot answer, cancel or report progress for calls of another child", async () => {
    const upstream = await open("session");
    const victim = upstream.open(toolCall("slow", { ms: 400 }, callerOf("victim"), true));
    await stateOf(upstream, callerOf("attacker"));
    // The victim's only call has an id among these in its own process.
    for (let id = 0; id < 5; id++) {
      const { end } = await drain(
        upstream.open(toolCall("bad", { how: "answer-others", id }, callerOf("attacker"))),
      );
      expect(["good", "foul"]).toContain(textOf(end));
    }
    const { notices, end } = await drain(victim);
    expect(notices).toEqual([]);
    expect(textOf(end)).toBe("done");
  });

  test("A11 prototype keys in arguments pass through as data and change nothing", async () => {
    const upstream = await open("session");
    const args = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":2}}}');
    expect(await callTool(upstream, "echo", args)).toBe(JSON.stringify(args));
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test("A11 scopes and tools may be named like prototype members", async () => {
    const upstream = await open("session");
    for (const scope of ["__proto__", "constructor", "toString"]) {
      expect(await callTool(upstream, "nonce", { nonce: scope }, callerOf(scope))).toBe(scope);
      const { end } = await drain(upstream.open(toolCall(scope, {}, callerOf(scope))));
      expect(end.kind === "failure" && end.error.toRpc().code).toBe(-32602);
    }
    expect(upstream.status().connections).toBe(3);
    for (const scope of ["__proto__", "constructor", "toString"]) upstream.endScope(scope);
    await until("all are gone", () => upstream.status().connections === 0);
  });
});
