/** The JSON-RPC correspondent: own ids, first answer wins, limits of calls, questions of the upstream (A11, E2, E12). */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import { GatewayError } from "../../../src/errors.ts";
import type { Clock } from "../../../src/clock.ts";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import type { Answer, JsonObject, Notice, Reply } from "../../../src/model.ts";
import { legacyUpstreamCodec } from "../../../src/protocol/legacy/upstream_facing.ts";
import type { GatewayEvent } from "../../../src/telemetry/events.ts";
import type { LinkRequest } from "../../../src/upstream/link/link.ts";
import { createOutputGuard } from "../../../src/upstream/link/output_guard.ts";
import { createPeer } from "../../../src/upstream/link/peer.ts";
import { modern } from "../../support/codecs.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog } from "../../support/upstream_deps.ts";

const seed = Number(process.env["MCP_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** An output guard; how many lines it dropped by its events, and how many came too late. */
function createCountingGuard(
  options: { readonly limits: Limits; readonly clock: Clock },
  giveUp: (reason: string) => void,
) {
  const drops = { faulty: 0, late: 0 };
  const emit = (event: GatewayEvent) => {
    if (event.type !== "dropped") return;
    drops[event.what === "late_message" ? "late" : "faulty"] += 1;
  };
  const guard = createOutputGuard("x", { ...options, log: createTestLog([]), emit }, giveUp);
  return { ...guard, count: () => drops.faulty, lateCount: () => drops.late };
}

function make(answer: (params: JsonObject) => Promise<Answer> = () => new Promise(() => {})) {
  const clock = createTestClock();
  const limits = { ...defaultLimits, callMsMax: 1_000, asksMax: 2 };
  const sent: JsonObject[] = [];
  const notices: Notice[] = [];
  const signals: AbortSignal[] = [];
  const state = { reads: true, drops: false };
  const dropped: string[] = [];
  const guard = createCountingGuard({ limits, clock }, () => {});
  const peer = createPeer({
    server: "x",
    codec: legacyUpstreamCodec,
    limits,
    clock,
    guard,
    send(line) {
      if (state.reads) sent.push(JSON.parse(line));
      return state.reads;
    },
    events: {
      notice: (notice) => {
        notices.push(notice);
        return true;
      },
      drops(method) {
        if (state.drops) dropped.push(method);
        return state.drops;
      },
      ask({ params }, signal) {
        signals.push(signal);
        return answer(params);
      },
    },
  });
  const receive = (...messages: unknown[]) =>
    void peer.receive(
      messages.map((message) => typeof message === "string" ? message : JSON.stringify(message)),
    );
  const request = (overrides: Partial<LinkRequest> = {}) => {
    const ends: Reply[] = [];
    const progress: Notice[] = [];
    const open = peer.request({
      method: "tools/call",
      params: { name: "t" },
      wantsProgress: true,
      timeoutMs: 100,
      cancellable: true,
      notice: (notice) => {
        progress.push(notice);
        return true;
      },
      end: (reply) => void ends.push(reply),
      ...overrides,
    });
    return { open, ends, progress, id: Number(sent.at(-1)?.["id"]) };
  };
  return { clock, sent, notices, dropped, signals, state, guard, peer, receive, request };
}

const ok = (id: unknown, value: JsonObject = { content: [] }) => ({
  jsonrpc: "2.0",
  id,
  result: value,
});
const code = (reply: Reply | undefined) =>
  reply?.kind === "failure" ? reply.error.code : reply?.kind;

describe("a peer", () => {
  test("E2 ends each request at its own time, whatever its limit and the others' are", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(300), timeoutMs: fc.integer({ min: 1, max: 300 }) }), {
          maxLength: 12,
        }),
        (plans) => {
          const { clock, request, sent } = make();
          const running: { endsAt: number; ends: Reply[] }[] = [];
          for (let now = 0; now <= 700; now += 1) {
            for (const { at, timeoutMs } of plans) {
              if (at === now) running.push({ ...request({ timeoutMs }), endsAt: at + timeoutMs });
            }
            for (const { endsAt, ends } of running) {
              expect(ends.map(code)).toEqual(endsAt <= now ? ["upstream_timeout"] : []);
            }
            clock.advance(1);
          }
          expect(sent).toHaveLength(2 * plans.length);
        },
      ),
      { seed, numRuns: 40 },
    );
  });

  test("E2 ends every request whose time is up, also where the end of one fails", () => {
    const { clock, request } = make();
    const broken = request({
      end() {
        throw new Error("a reader fails");
      },
    });
    const { ends } = request();
    expect(() => clock.advance(100)).toThrow("a reader fails");
    clock.advance(0);
    expect(ends.map(code)).toEqual(["upstream_timeout"]);
    expect(broken.ends).toEqual([]);
  });

  test("B12: a reader that lags makes the next lines wait, and only those", async () => {
    const { peer, request } = make();
    const room = Promise.withResolvers<void>();
    let fate: boolean | Promise<void> = room.promise;
    const { id } = request({ notice: () => fate });
    const progress = (n: number) =>
      JSON.stringify({
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: id, progress: n },
      });
    const held = peer.receive([progress(1)]);
    expect(held).toBeInstanceOf(Promise);
    fate = true;
    expect(peer.receive([progress(2)])).toBeUndefined();
    room.resolve();
    await held;
  });

  test("B12: notices for a client that reads nothing are not read, and all else is", () => {
    const { receive, request, notices, dropped, state } = make();
    const log = { method: "notifications/message", params: { level: "error", data: "x" } };
    const { id, ends } = request({ wantsProgress: true });
    const progress = {
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: id, progress: 1 },
    };
    const forms = [{ jsonrpc: "2.0", ...log }, { ...log, jsonrpc: "2.0" }];
    receive(...forms);
    expect([notices.length, dropped.length]).toEqual([2, 0]);
    state.drops = true;
    receive(...forms, progress);
    expect(notices.length).toBe(2);
    expect(dropped).toEqual([log.method, log.method, progress.method]);
    const other = { jsonrpc: "2.0", method: "notifications/tools/list_changed" };
    receive(other, { ...forms[0], params: { level: "error", data: { id: 1 } } });
    expect(notices.length).toBe(4);
    // Of two members of one name the last one counts: this is the answer.
    const odd = `{"jsonrpc":"2.0","method":"notifications/message","i\\u0064":${id},` +
      `"result":{"content":[]},"method":null}`;
    receive(odd);
    expect(ends.length).toBe(1);
  });

  test("E12 the first answer of each id wins; unknown, repeated and late ones are counted", () => {
    const { receive, request, guard } = make();
    const one = request();
    const two = request();
    expect(one.id).not.toBe(two.id);
    const near = [`0${one.id}`, `${one.id}.0`, ` ${one.id}`, -one.id].map((id) => ok(id));
    receive(ok(99), ...near, ok(two.id, { content: [], n: 2 }), ok(two.id), ok(String(one.id)));
    receive(ok(one.id, { content: [], n: 3 }));
    expect(one.ends).toEqual([{ kind: "result", value: { content: [] } }]);
    expect(two.ends).toEqual([{ kind: "result", value: { content: [], n: 2 } }]);
    expect(guard.count()).toBe(7);
  });

  test("E12 an error without an id fails the only open request, and none of several", () => {
    const error = { code: -32603, message: "?" };
    for (const id of [undefined, null, 99, 0, "server-error"]) {
      const { receive, request, guard } = make();
      const { ends } = request();
      receive({ jsonrpc: "2.0", id, error });
      expect(ends.map(code)).toEqual(["upstream_error"]);
      const others = [request(), request()];
      receive({ jsonrpc: "2.0", id, error });
      expect(others.map(({ ends }) => ends)).toEqual([[], []]);
      expect(guard.count()).toBe(2);
    }
  });

  test("E12 a malformed error without an id fails the only open request, in the server's words", () => {
    for (const error of ["broken", { code: "E_BAD", message: "broken" }]) {
      const { receive, request } = make();
      const { ends } = request();
      receive({ jsonrpc: "2.0", id: null, error });
      const [end] = ends;
      expect(end?.kind === "failure" && end.error.message).toContain("broken");
    }
  });

  test("A11 ids and tokens named like prototype members are unknown ids", () => {
    const { receive, request, guard } = make();
    const { ends, progress } = request();
    for (const key of ["__proto__", "constructor", "toString", 0, ""]) {
      receive(ok(key), {
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: key, progress: 1 },
      });
    }
    expect([ends, progress]).toEqual([[], []]);
    expect(guard.count()).toBe(10);
  });

  test("progress goes by token to its own request, without the token", () => {
    const { receive, request } = make();
    const [one, two] = [request(), request()];
    receive({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: one.id, progress: 0.5 },
    });
    expect(one.progress.map(({ params }) => params)).toEqual([{ progress: 0.5 }]);
    expect(two.progress).toEqual([]);
  });

  test("E2 a call ends at its limit and the upstream gets the cancellation; signs of life restart it up to a hard limit", () => {
    const { clock, receive, request, sent } = make();
    const quiet = request();
    clock.advance(100);
    expect(code(quiet.ends[0])).toBe("upstream_timeout");
    expect(sent.at(-1)).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: quiet.id },
    });
    receive(ok(quiet.id));
    expect(quiet.ends.length).toBe(1);

    const lively = request();
    for (let elapsed = 0; elapsed < 990; elapsed += 90) {
      expect(lively.ends).toEqual([]);
      lively.open.touch();
      clock.advance(90);
    }
    clock.advance(90);
    expect(code(lively.ends[0])).toBe("upstream_timeout");
  });

  test("any message is a sign of life of all open calls, garbage of none, and the hard limit stays", () => {
    const { clock, receive, request } = make();
    const [one, two] = [request(), request()];
    for (let elapsed = 0; elapsed < 900; elapsed += 90) {
      clock.advance(90);
      receive({ jsonrpc: "2.0", method: "vendor/event", params: {} });
      expect([one.ends, two.ends]).toEqual([[], []]);
    }
    clock.advance(100);
    expect([one, two].map(({ ends }) => code(ends[0]))).toEqual([
      "upstream_timeout",
      "upstream_timeout",
    ]);

    const mute = request();
    const start = request({ method: "initialize", cancellable: false });
    clock.advance(90);
    receive("garbage");
    clock.advance(20);
    expect(code(mute.ends[0])).toBe("upstream_timeout");
    expect(code(start.ends[0])).toBe("upstream_timeout");
  });

  test("a flood of notices that nothing takes is paced as any, and ends no server", async () => {
    const clock = createTestClock();
    const limits = { ...defaultLimits, outputLinesMax: 10, outputWindowsMax: 2 };
    const reasons: string[] = [];
    const guard = createCountingGuard({ limits, clock }, (reason) => void reasons.push(reason));
    const peer = createPeer({
      server: "x",
      codec: legacyUpstreamCodec,
      limits,
      clock,
      guard,
      send: () => true,
      events: { notice: () => false, ask: () => new Promise(() => {}) },
    });
    const line = JSON.stringify({ jsonrpc: "2.0", method: "vendor/event" });
    for (let window = 0; window < 5; window++) {
      expect(peer.receive(Array(9).fill(line))).toBe(undefined);
      const held = peer.receive([line]);
      expect(held).toBeInstanceOf(Promise);
      clock.advance(limits.outputWindowMs);
      await held;
    }
    expect([guard.count(), reasons]).toEqual([50, []]);
  });

  test("what comes in a request's own stream is a sign of life of that request alone", () => {
    const { clock, peer, request } = make();
    const [own, other] = [request(), request()];
    clock.advance(90);
    void peer.receive(['{"jsonrpc":"2.0","method":"vendor/event"}'], own.id);
    clock.advance(20);
    expect([own, other].map(({ ends }) => code(ends[0]))).toEqual([undefined, "upstream_timeout"]);
    expect(own.progress.map(({ method }) => method)).toEqual(["vendor/event"]);
  });

  test("a message that keeps no start waiting: chatter does not delay the limit of a handshake", () => {
    const { clock, receive, request } = make();
    const start = request({ method: "initialize", cancellable: false });
    for (let count = 0; count < 5; count++) {
      clock.advance(20);
      receive({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info" } });
    }
    expect(code(start.ends[0])).toBe("upstream_timeout");
  });

  test("the text of an id is that id: tokens, malformed answers and long lines", () => {
    const { peer, receive, request } = make();
    const one = request();
    const two = request();
    const three = request();
    receive({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: String(one.id), progress: 1 },
    });
    expect(one.progress.length).toBe(1);
    receive({ jsonrpc: "2.0", id: String(two.id), result: "none" });
    expect(code(two.ends[0])).toBe("bad_upstream_response");
    peer.receiveTooLong({
      head: `\ufeff{"jsonrpc":"2.0","id":"${three.id}","result":{`,
      tail: "x",
      bytes: 99,
    });
    expect(code(three.ends[0])).toBe("bad_upstream_response");
  });

  test('the server\'s own ids stay as they are: 1 and "1" are two questions', () => {
    const { receive, signals } = make();
    receive(
      { jsonrpc: "2.0", id: 1, method: "roots/list" },
      { jsonrpc: "2.0", id: "1", method: "roots/list" },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "1" } },
    );
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
  });

  test("a cancellation ends a listen request, and does nothing to a call", () => {
    const { receive, request } = make();
    const standing = request({ timeoutMs: 0 });
    const call = request();
    for (const { id } of [standing, call]) {
      receive({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: String(id) },
      });
    }
    expect([standing, call].map(({ ends }) => code(ends[0]))).toEqual(["cancelled", undefined]);
  });

  test("an error without an id after a notification may be about that, until a later answer", () => {
    const { peer, receive, request } = make();
    const refusal = { jsonrpc: "2.0", id: null, error: { code: -32601, message: "not found" } };
    peer.notify("notifications/initialized", {});
    const first = request();
    receive(refusal);
    expect(first.ends).toEqual([]);
    receive(ok(first.id));
    const second = request();
    receive(refusal);
    expect(code(second.ends[0])).toBe("upstream_error");
  });

  test("an error without an id may be an abandoned request's, until a later answer", () => {
    const { clock, receive, request } = make();
    const error = { jsonrpc: "2.0", id: null, error: { code: -32700, message: "unreadable" } };
    for (
      const abandon of [
        (open: { cancel(why: string): void }) => open.cancel("gone"),
        () => clock.advance(100),
      ]
    ) {
      abandon(request().open);
      const next = request();
      receive(error);
      expect(next.ends).toEqual([]);
      receive(ok(next.id));
      const last = request();
      receive(error);
      expect(code(last.ends[0])).toBe("upstream_error");
    }
  });

  test("what an upstream says of a call that its client gave up is no fault, once", () => {
    const { receive, request, guard } = make();
    const calls = [request(), request()];
    for (const { open } of calls) open.cancel("gone");
    for (const { id } of calls) {
      receive({
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: id, progress: 1 },
      }, ok(id));
    }
    expect(calls.flatMap(({ ends, progress }) => [...ends, ...progress])).toEqual([]);
    expect(guard.count()).toBe(0);
    expect(guard.lateCount()).toBe(4);
    receive(ok(calls[0]?.id));
    expect(guard.count()).toBe(1);
    expect(guard.lateCount()).toBe(4);
  });

  test("a held call does not age, and a handshake is never cancelled", () => {
    const { clock, request, sent } = make();
    const { open, ends } = request();
    open.hold();
    clock.advance(100_000);
    expect(ends).toEqual([]);
    open.resume();
    clock.advance(99);
    expect(ends).toEqual([]);
    clock.advance(1);
    expect(code(ends[0])).toBe("upstream_timeout");

    const shake = request({ method: "initialize", cancellable: false });
    const before = sent.length;
    clock.advance(100);
    expect(code(shake.ends[0])).toBe("upstream_timeout");
    expect(sent.length).toBe(before);
  });

  test("an upstream that does not read fails the call as overloaded", () => {
    const { request, state } = make();
    state.reads = false;
    expect(code(request().ends[0])).toBe("overloaded");
  });

  test("closing fails what is open once, and everything after it", () => {
    const { peer, receive, request, signals } = make();
    const { ends, id } = request();
    receive({ jsonrpc: "2.0", id: "q", method: "roots/list" });
    peer.close(new GatewayError("upstream_exited"));
    receive(ok(id));
    expect(ends.map(code)).toEqual(["upstream_exited"]);
    expect(signals[0]?.aborted).toBe(true);
    expect(code(request().ends[0])).toBe("upstream_exited");
    expect(peer.open()).toBe(0);
  });

  test("ping is answered, unknown requests and too many questions are refused, ids keep their type", async () => {
    const { receive, sent, peer } = make();
    receive(
      { jsonrpc: "2.0", id: 0, method: "ping" },
      { jsonrpc: "2.0", id: "0", method: "no/such" },
      ...[1, 2, 3].map((id) => ({ jsonrpc: "2.0", id, method: "roots/list" })),
    );
    expect(sent).toMatchObject([
      { id: 0, result: {} },
      { id: "0", error: { code: -32601 } },
      { id: 3, error: { code: -32603 } },
    ]);
    expect(peer.open()).toBe(2);
  });

  test("answers and refusals go back under the id of the question, a withdrawn one gets none", async () => {
    const answers = [
      Promise.withResolvers<Answer>(),
      Promise.withResolvers<Answer>(),
    ];
    let asked = 0;
    const { receive, sent, signals } = make(() => answers[asked++]?.promise ?? Promise.reject());
    receive(
      { jsonrpc: "2.0", id: 0, method: "roots/list" },
      { jsonrpc: "2.0", id: "b", method: "roots/list" },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "b" } },
    );
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    answers[1]?.resolve({ kind: "answer", value: { roots: [] } });
    answers[0]?.resolve({ kind: "refusal", code: -1, message: "no" });
    await Promise.all(answers.map(({ promise }) => promise));
    await Promise.resolve();
    expect(sent).toEqual([{ jsonrpc: "2.0", id: 0, error: { code: -1, message: "no" } }]);
  });

  test("where servers ask by results their requests are refused, but for ping", () => {
    const { peer, receive, sent, signals } = make();
    peer.speak(modern.upstream);
    const methods = ["sampling/createMessage", "elicitation/create", "roots/list", "ping"];
    for (const method of methods) {
      receive({ jsonrpc: "2.0", id: method, method, params: { message: "m", messages: [] } });
    }
    expect(signals).toEqual([]);
    expect(sent).toMatchObject([
      ...methods.slice(0, 3).map((id) => ({ id, error: { code: -32601 } })),
      { id: "ping", result: {} },
    ]);
  });

  test("batches are taken apart, and bad lines between them are skipped", () => {
    const { receive, request, guard } = make();
    const [one, two] = [request(), request()];
    receive("noise", [ok(one.id), 7, ok(two.id)], "{}", "[", "", "  ");
    expect([one.ends.length, two.ends.length]).toEqual([1, 1]);
    expect(guard.count()).toBe(4);
  });
});
