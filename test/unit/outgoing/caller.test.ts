/**
 * The caller of remote servers on a scripted platform: what is sent where, and when it is repeated.
 */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import type { RequestFault } from "../../../src/runtime/runtime.ts";
import { createTestClock } from "../../support/clock.ts";
import {
  createScriptedRuntime,
  createTestCaller,
  errorOf,
  faultOf,
  type Scripted,
  type TestCallerOptions,
} from "../../support/http_caller.ts";
import { until } from "../../support/wait.ts";

const url = "https://far.test/mcp";
const ok = () => new Response("ok");

function open(
  answer: (count: number, url: string) => Scripted,
  more: Partial<TestCallerOptions> = {},
) {
  const runtime = createScriptedRuntime((request, count) => answer(count, request.url));
  return { runtime, caller: createTestCaller({ runtime, url, ...more }) };
}

const redirect = (status: number, location: string) =>
  new Response(null, { status, headers: { location } });

describe("what is sent", () => {
  const ours: Partial<TestCallerOptions> = {
    headers: { "X-Team": "blue", "User-Agent": "mine", accept: "never" },
    credentials: { type: "bearer", token: "token-value" },
  };

  test("has the configuration's headers and token, and the request's own before them", async () => {
    const { runtime, caller } = open(ok, ours);
    await caller.post({ headers: { Accept: "application/json", "x-own": "1" } });
    const [asked] = runtime.asked;
    expect(asked?.headers).toEqual({
      "accept-encoding": "gzip, deflate",
      "user-agent": "mine",
      "x-team": "blue",
      authorization: "Bearer token-value",
      accept: "application/json",
      "x-own": "1",
    });
    expect([asked?.method, asked?.body, asked?.connectMs])
      .toEqual(["POST", "{}", defaultLimits.connectMs]);
  });

  test("has the gateway's name, and nothing else when nothing is configured", async () => {
    const { runtime, caller } = open(ok);
    await caller.get();
    const { "user-agent": agent, ...rest } = runtime.asked[0]?.headers ?? {};
    expect(agent).toMatch(/^mcp-wrapper\/\d/);
    expect(rest).toEqual({ "accept-encoding": "gzip, deflate" });
  });

  test("to another origin than the configured one has nothing of the configuration", async () => {
    const { runtime, caller } = open(ok, ours);
    for (const other of ["https://other.test/", "http://far.test/", "https://far.test:8443/"]) {
      await caller.get({ url: other });
    }
    for (const { headers } of runtime.asked) {
      expect(Object.keys(headers).sort()).toEqual(["accept-encoding", "user-agent"]);
    }
  });

  test("F2 to another origin after a redirect never has credentials or sessions again", async () => {
    const { runtime, caller } = open(
      (count) =>
        count === 1
          ? redirect(302, "https://other.test/a")
          : count === 2
          ? redirect(302, "https://far.test/back")
          : ok(),
      ours,
    );
    await caller.get({ headers: { accept: "text/event-stream", "x-session": "1" } });
    expect(runtime.asked.map((asked) => asked.url))
      .toEqual([url, "https://other.test/a", "https://far.test/back"]);
    for (const { headers } of runtime.asked.slice(1)) {
      const { "user-agent": agent, ...rest } = headers;
      expect(agent).not.toBe("mine");
      expect(rest).toEqual({ "accept-encoding": "gzip, deflate", accept: "text/event-stream" });
    }
  });

  test("F2 within the origin after a redirect has everything", async () => {
    const { runtime, caller } = open((count) => count === 1 ? redirect(308, "/next") : ok(), ours);
    await caller.post({ headers: { "x-session": "1" }, repeatable: true });
    const [first, second] = runtime.asked;
    expect(second?.url).toBe("https://far.test/next");
    expect([second?.headers, second?.body]).toEqual([first?.headers, first?.body]);
  });
});

describe("F2 F3 addresses", () => {
  const mayConnect = async (target: string, own = url) => {
    const { runtime, caller } = open(ok, { url: own });
    await caller.get({ url: target });
    return ["127.0.0.1", "10.0.0.1", "::1", "8.8.8.8"]
      .filter((address) => runtime.asked[0]?.allowAddress(address));
  };

  test("of the operator's own origin may be any, of others only public ones", async () => {
    expect(await mayConnect(url)).toEqual(["127.0.0.1", "10.0.0.1", "::1", "8.8.8.8"]);
    expect(await mayConnect("https://far.test/elsewhere")).toContain("127.0.0.1");
    expect(await mayConnect("https://other.test/mcp")).toEqual(["8.8.8.8"]);
    expect(await mayConnect("http://127.0.0.1:81/", "http://127.0.0.1:80/")).toEqual(["8.8.8.8"]);
  });

  test("are guarded at each step of a redirect", async () => {
    const { runtime, caller } = open((count) =>
      count === 1 ? redirect(302, "https://other.test/") : faultOf("forbidden", false)
    );
    const error = await errorOf(caller.get());
    expect(error.code).toBe("address_forbidden");
    expect(runtime.asked[1]?.allowAddress("169.254.169.254")).toBe(false);
    expect(runtime.asked.length).toBe(2);
  });

  test("redirects end, and refused ones say what to correct", async () => {
    const { runtime, caller } = open((count) => redirect(307, `/${count}`));
    expect((await errorOf(caller.get())).message).toContain("redirects again and again");
    expect(runtime.asked.length).toBe(defaultLimits.redirectsMax + 1);
    const away = open(() => redirect(307, "https://other.test/"));
    const error = await errorOf(away.caller.post());
    expect([error.code, error.message]).toEqual([
      "upstream_unavailable",
      'Server "far" redirects to "https://other.test", where no message is sent; ' +
      "correct its URL; whether it took effect is unknown",
    ]);
    expect(away.runtime.asked.length).toBe(1);
  });
});

describe("F6 F9 retries", () => {
  const limits = { circuitFailuresMax: 1_000 };

  test("of what may be repeated go on until it works", async () => {
    const outcomes: readonly Scripted[] = [
      faultOf("connect", false),
      faultOf("broken", true),
      new Response("busy", { status: 503 }),
      ok(),
    ];
    const { runtime, caller } = open((count) => outcomes[count - 1] ?? ok(), { limits });
    expect(await (await caller.get()).text()).toBe("ok");
    expect(runtime.asked.length).toBe(4);
  });

  test("are three; then the last answer or fault is what came", async () => {
    const busy = open(() => new Response("busy", { status: 429 }), { limits });
    const answer = await busy.caller.get();
    expect([answer.status, await answer.text(), busy.runtime.asked.length]).toEqual([
      429,
      "busy",
      4,
    ]);
    const gone = open(() => faultOf("connect", false), { limits });
    expect((await errorOf(gone.caller.get())).code).toBe("upstream_unavailable");
    expect(gone.runtime.asked.length).toBe(4);
  });

  test("of a call that may have arrived are never made", async () => {
    const outcomes: readonly (() => Scripted)[] = [
      () => faultOf("broken", true),
      ...[429, 500, 502, 503, 504].map((status) => () => new Response("", { status })),
    ];
    for (const outcome of outcomes) {
      const { runtime, caller } = open(outcome);
      await caller.post().catch(() => {});
      expect(runtime.asked.length).toBe(1);
    }
  });

  test("of a call that was never sent are made", async () => {
    const { runtime, caller } = open((count) => count < 3 ? faultOf("connect", false) : ok());
    expect((await caller.post()).status).toBe(200);
    expect(runtime.asked.length).toBe(3);
  });

  test("are not made if waiting changes nothing", async () => {
    const kinds: readonly RequestFault["kind"][] = ["unknown_host", "tls", "forbidden"];
    for (const kind of kinds) {
      const { runtime, caller } = open(() => faultOf(kind, false));
      await errorOf(caller.get());
      expect([kind, runtime.asked.length]).toEqual([kind, 1]);
    }
    for (const status of [400, 401, 404, 500]) {
      const { runtime, caller } = open(() => new Response("", { status }));
      expect((await caller.get()).status).toBe(status);
      expect(runtime.asked.length).toBe(1);
    }
  });

  test("start again at the first URL after a redirect failed", async () => {
    const { runtime, caller } = open((count, target) =>
      target === url ? redirect(307, "/next") : count < 3 ? faultOf("connect", false) : ok()
    );
    expect((await caller.get()).status).toBe(200);
    expect(runtime.asked.map((asked) => new URL(asked.url).pathname))
      .toEqual(["/mcp", "/next", "/mcp", "/next"]);
  });

  test("come with a doubling backoff, and not before the server allows", async () => {
    const clock = createTestClock();
    const answers = [
      new Response("", { status: 503 }),
      new Response("", { status: 503, headers: { "retry-after": "9" } }),
      ok(),
    ];
    const { runtime, caller } = open((count) => answers[count - 1] ?? ok(), {
      clock: { ...clock, random: () => 0.5 },
      limits: { httpRetryMsMin: 1000, httpRetryMsMax: 30_000 },
    });
    const work = caller.get({ timeoutMs: 60_000 });
    const pauses: number[] = [];
    for (const expected of [1, 2]) {
      await until("the pause is logged", () => caller.records.length === expected);
      const backoffMs = Number(caller.records.at(-1)?.fields["backoffMs"]);
      pauses.push(backoffMs);
      clock.advance(backoffMs - 1);
      expect(runtime.asked.length).toBe(expected);
      clock.advance(1);
    }
    expect((await work).status).toBe(200);
    expect(pauses).toEqual([500, 9000]);
  });

  test("are not made if the server asks for more time than is left", async () => {
    for (const wait of ["31", "1000000000", "2"]) {
      const { runtime, caller } = open(
        () => new Response("", { status: 429, headers: { "retry-after": wait } }),
        { limits: { httpRetryMsMin: 1000, httpRetryMsMax: 30_000 } },
      );
      const answer = await caller.get({ timeoutMs: 1500 });
      expect(runtime.asked.length).toBe(1);
      const error = answer.toError("is busy");
      const retryAfterMs = Math.min(Number(wait) * 1000, defaultLimits.retryAfterMsMax);
      expect(error.data).toMatchObject({ status: 429, retryAfterMs });
    }
  });

  test("end when the client gives up", async () => {
    const giving = new AbortController();
    const { runtime, caller } = open(() => faultOf("connect", false), {
      limits: { httpRetryMsMin: 60_000, httpRetryMsMax: 60_000 },
    });
    const work = errorOf(caller.get({ timeoutMs: 0, headMs: 600_000 }, giving.signal));
    await until("it pauses", () => caller.records.length === 1);
    giving.abort();
    expect((await work).code).toBe("cancelled");
    expect(runtime.asked.every(({ signal }) => signal.aborted)).toBe(true);
  });
});

describe("P4 a failure", () => {
  test("has one shape, without anything that grants access", async () => {
    const clock = createTestClock();
    const { caller } = open(() => faultOf("tls", false), { clock });
    const error = await errorOf(
      caller.post({ url: "https://far.test/s/a1b2c3d4e5f6a7b8c9d0/mcp?api_key=hunter2#x" }),
    );
    expect(error.toRpc()).toEqual({
      code: -32603,
      message: 'Server "far" cannot be reached: fault by the test (tls)',
      data: {
        reason: "upstream_unavailable",
        error: 'Server "far" cannot be reached: fault by the test (tls)',
        url: "https://far.test/s/…/mcp?…",
        method: "POST",
        response_time: 0,
        timestamp: new Date(clock.wall()).toISOString(),
        server: "far",
        outcome: "not_sent",
      },
    });
  });

  test("H3 hides a key in the path, whatever it is made of", async () => {
    const { caller } = open(() => faultOf("tls", false));
    const error = await errorOf(
      caller.post({ url: "https://far.test/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/send" }),
    );
    expect(error.data?.["url"]).toBe("https://far.test/…/send");
  });

  test("F9 says whether the call may have taken effect, in words where it changes something", async () => {
    const quick = { limits: { httpRetriesMax: 1, httpRetryMsMin: 1 } };
    const words = "whether the call took effect is unknown";
    const cases = [
      [open(() => faultOf("broken", true)).caller.post(), "unknown", true],
      [open(() => faultOf("tls", false)).caller.post(), "not_sent", false],
      [open(() => faultOf("broken", true), quick).caller.get(), "unknown", false],
    ] as const;
    for (const [work, outcome, isSaid] of cases) {
      const error = await errorOf(work);
      expect([error.data?.["outcome"], error.message.includes(words)]).toEqual([outcome, isSaid]);
    }
  });

  test("F9 of an attempt that was not sent does not hide an earlier one that was", async () => {
    let attempts = 0;
    const { caller } = open(() => faultOf("broken", attempts++ === 0), {
      limits: { httpRetriesMax: 1, httpRetryMsMin: 1 },
    });
    const error = await errorOf(caller.get());
    expect([attempts, error.data?.["outcome"]]).toEqual([2, "unknown"]);
  });

  test("of an answer carries its status, and nothing of its text", async () => {
    const { caller } = open(() => new Response("hunter2", { status: 401 }));
    const error = (await caller.get()).toError("refuses the credentials");
    expect([error.code, error.message])
      .toEqual(["upstream_unavailable", 'Server "far" refuses the credentials']);
    expect(error.data).toMatchObject({ status: 401, method: "GET", server: "far" });
    expect(JSON.stringify(error.toRpc())).not.toContain("hunter2");
  });
});

describe("the circuit", () => {
  const limits = { httpRetriesMax: 0, circuitFailuresMax: 2, circuitOpenMs: 5000 };

  test("fails calls at once while the server is unavailable, and says when to retry", async () => {
    const clock = createTestClock();
    let away = true;
    const { runtime, caller } = open(() => away ? faultOf("connect", false) : ok(), {
      limits,
      clock,
    });
    await errorOf(caller.get());
    await errorOf(caller.post());
    clock.advance(1000);
    const error = await errorOf(caller.post());
    expect([error.code, error.data?.["retryAfterMs"]]).toEqual(["upstream_unavailable", 4000]);
    expect(runtime.asked.length).toBe(2);
    away = false;
    clock.advance(4000);
    expect((await caller.post()).status).toBe(200);
    expect((await caller.post()).status).toBe(200);
    expect(caller.records.map(({ severity }) => severity)).toEqual(["WARN", "INFO"]);
  });

  test("tells the operator why no call is made", async () => {
    const { caller } = open(() => faultOf("connect", false), { limits });
    await errorOf(caller.get());
    await errorOf(caller.get());
    expect(caller.records.map(({ fields }) => fields)).toEqual([
      { reason: faultOf("connect", false).message },
    ]);
    const busy = open(() => new Response("", { status: 503 }), { limits });
    await busy.caller.get();
    await busy.caller.get();
    expect(busy.caller.records.map(({ fields }) => fields)).toEqual([{ reason: "status 503" }]);
  });

  test("counts unreachable servers and gateways without their server, not what else goes wrong", async () => {
    const failures: readonly (() => Scripted)[] = [
      () => faultOf("connect", false),
      () => faultOf("timeout", false),
      () => faultOf("unknown_host", false),
      () => faultOf("tls", false),
      ...[502, 503, 504].map((status) => () => new Response("", { status })),
    ];
    const others: readonly (() => Scripted)[] = [
      () => faultOf("broken", true),
      () => faultOf("forbidden", false),
      () => redirect(307, "file:///x"),
      ...[200, 400, 401, 404, 429, 500].map((status) => () => new Response("", { status })),
    ];
    const calls = async (answer: () => Scripted) => {
      const { runtime, caller } = open(answer, { limits });
      for (let count = 0; count < 4; count += 1) await caller.get().catch(() => {});
      return runtime.asked.length;
    };
    for (const [index, answer] of failures.entries()) {
      expect([index, await calls(answer)]).toEqual([index, 2]);
    }
    for (const [index, answer] of others.entries()) {
      expect([index, await calls(answer)]).toEqual([index, 4]);
    }
  });
});
