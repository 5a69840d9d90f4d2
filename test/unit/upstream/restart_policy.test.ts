/** When a server may be started again (P5). */
import { describe, expect, test } from "bun:test";
import { createRestartPolicy } from "../../../src/upstream/mcp/restart_policy.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createLogReader } from "../../../src/telemetry/log_reader.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog, type LogLine } from "../../support/upstream_deps.ts";

const limits = {
  restartMsMin: 100,
  restartMsMax: 1_000,
  restartsMax: 3,
  healthyMs: 2_000,
  provenMs: 50,
  crashingScopesMax: 2,
};

function make(seed = 1) {
  const clock = createTestClock(seed);
  const lines: LogLine[] = [];
  const log = createTestLog(lines);
  const supervisor = createRestartPolicy("x", {
    limits,
    clock,
    emit: createLogReader(log, defaultLimits),
  });
  return { clock, lines, supervisor };
}

describe("the supervisor", () => {
  const fail = ({ supervisor }: ReturnType<typeof make>): void => {
    const attempt = supervisor.begin();
    attempt.failed({ reason: "no", permanent: false });
    attempt.over();
  };

  /** How long the next start waits: the early try has been used before. */
  const waitOf = ({ supervisor }: ReturnType<typeof make>): number => {
    const early = Number(supervisor.refusal()?.data?.["retryAfterMs"] ?? 0);
    return early * 2;
  };

  test("P5 waits double up to the longest, with jitter between half and whole, little of it there", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const made = make(seed);
      const { clock, supervisor } = made;
      for (const whole of [100, 200, 400, 800, 1_000]) {
        expect(supervisor.refusal()).toBeUndefined();
        fail(made);
        const wait = waitOf(made);
        expect(wait).toBeGreaterThanOrEqual(whole === 1_000 ? whole * 0.95 : whole / 2);
        expect(wait).toBeLessThanOrEqual(whole + 2);
        clock.advance(wait);
      }
    }
  });

  test("P5 a request may start a failed server once after half of the wait", () => {
    const made = make();
    const { clock, supervisor } = made;
    const failAfter = (ms: number) => {
      clock.advance(ms);
      expect(supervisor.refusal()).toBeUndefined();
      fail(made);
      return Number(supervisor.refusal()?.data?.["retryAfterMs"]);
    };
    for (let failures = 0; failures < 4; failures++) failAfter(limits.restartMsMax);
    // Now at the longest wait, which has one early try and then none.
    const half = failAfter(limits.restartMsMax);
    expect(half).toBeLessThanOrEqual(limits.restartMsMax / 2);
    expect(failAfter(limits.restartMsMax / 2)).toBeGreaterThanOrEqual(limits.restartMsMax * 0.95);
    clock.advance(limits.restartMsMax * 0.95 - 1);
    expect(supervisor.refusal()?.code).toBe("upstream_unavailable");
    clock.advance(limits.restartMsMax * 0.05 + 1);
    expect(supervisor.refusal()).toBeUndefined();
  });

  test("P5 servers that fail together for long are not started together", () => {
    const waits = [1, 2, 3, 4].map((seed) => {
      const made = make(seed);
      for (let failures = 0; failures < 6; failures++) {
        fail(made);
        made.clock.advance(limits.restartMsMax);
      }
      fail(made);
      return waitOf(made);
    });
    expect(new Set(waits).size).toBeGreaterThan(1);
  });

  test("P5 in a crash loop one start at a time is allowed, and other calls fail at once", () => {
    const made = make();
    const { clock, supervisor } = made;
    for (let failures = 0; failures < 3; failures++) {
      fail(made);
      clock.advance(limits.restartMsMax);
    }
    const trying = supervisor.begin();
    const refusal = supervisor.refusal("another");
    expect(refusal?.message).toContain("it is being tried again");
    expect(refusal?.data).toMatchObject({ retryAfterMs: limits.restartMsMin });
    trying.over();
    trying.succeeded();
    expect(supervisor.refusal("another")).toBeUndefined();
  });

  test("P5 waits start from the shortest only after the server was healthy for long", () => {
    const made = make();
    const { clock, supervisor } = made;
    const succeed = () => {
      const attempt = supervisor.begin();
      attempt.succeeded();
      attempt.over();
    };
    for (let failures = 0; failures < 4; failures++) {
      fail(made);
      clock.advance(limits.restartMsMax);
    }
    succeed();
    clock.advance(limits.healthyMs - 1);
    fail(made);
    expect(waitOf(made)).toBeGreaterThanOrEqual(limits.restartMsMax * 0.95);
    expect(supervisor.state()).toBe("well");
    clock.advance(limits.restartMsMax);
    succeed();
    clock.advance(limits.healthyMs);
    fail(made);
    expect(waitOf(made)).toBeLessThanOrEqual(limits.restartMsMin + 2);
  });

  test("R12 a server that flaps for an hour starts at most 70 times, and again within 60 s", () => {
    const hour = 3_600_000;
    for (const dies of ["at its start", "when it was ready"]) {
      for (let seed = 1; seed <= 5; seed++) {
        const clock = createTestClock(seed);
        const supervisor = createRestartPolicy("x", { limits: defaultLimits, clock, emit() {} });
        const mayStart = () => supervisor.refusal("crasher") === undefined;
        let starts = 0;
        for (; clock.monotonic() < hour; clock.advance(250)) {
          if (!mayStart()) continue;
          const attempt = supervisor.begin("crasher");
          starts++;
          if (dies === "at its start") attempt.failed({ reason: "no", permanent: false });
          else {
            attempt.succeeded();
            attempt.ended("exited with code 1");
            expect(supervisor.refusal("neighbour")).toBeUndefined();
          }
          attempt.over();
        }
        expect(starts).toBeLessThanOrEqual(70);
        expect(starts).toBeGreaterThan(30);
        clock.advance(60_000);
        expect(mayStart()).toBe(true);
      }
    }
  });

  test("P5 the third failure in a row is a crash loop, told once at ERROR; a success ends it", () => {
    const { clock, lines, supervisor } = make();
    for (let failures = 1; failures <= 5; failures++) {
      supervisor.begin().failed({ reason: "no database", permanent: false });
      expect(supervisor.state()).toBe(failures < 3 ? "well" : "crash_loop");
      clock.advance(limits.restartMsMax);
    }
    expect(lines.filter(({ severity }) => severity === "error").length).toBe(1);
    expect(supervisor.problem()).toBe("no database");
    supervisor.begin().succeeded();
    expect(supervisor.state()).toBe("well");
    expect(supervisor.problem()).toBeUndefined();
    expect(supervisor.refusal()).toBeUndefined();
  });

  test("a permanent fault is never tried again by itself", () => {
    const { clock, supervisor } = make();
    supervisor.begin().failed({ reason: 'no command "x"', permanent: true });
    clock.advance(limits.restartMsMax * 1_000);
    expect(supervisor.refusal()?.message).toContain('no command "x"');
    expect(supervisor.state()).toBe("failed");
  });

  test("starts that fail at the same time count once", () => {
    const { clock, supervisor } = make();
    const attempts = [1, 2, 3, 4].map(() => supervisor.begin());
    clock.advance(1);
    for (const attempt of attempts) attempt.failed({ reason: "no", permanent: false });
    expect(supervisor.state()).toBe("well");
  });

  const start = ({ supervisor }: ReturnType<typeof make>, scope?: string) => {
    const attempt = supervisor.begin(scope);
    attempt.succeeded();
    return attempt;
  };

  test("P5 one early death costs no pause; the next in a row do, and the third is an error in the log", () => {
    const made = make();
    const { clock, lines, supervisor } = made;
    start(made).ended("exited with code 1");
    expect(supervisor.refusal()).toBeUndefined();
    start(made).ended("exited with code 1");
    expect(supervisor.refusal()?.message).toContain("exited with code 1 soon after it was ready");
    const first = waitOf(made);
    clock.advance(limits.restartMsMax);
    start(made).ended("exited with code 1");
    expect(supervisor.state()).toBe("crash_loop");
    expect(lines.filter(({ severity }) => severity === "error").length).toBe(1);
    expect(waitOf(made)).toBeGreaterThanOrEqual(first);
  });

  test("P5 a process that lives long ends the row, and so does none that was stopped", () => {
    const made = make();
    const { clock, supervisor } = made;
    start(made).ended("exited with code 1");
    start(made).ended(undefined);
    const good = start(made);
    clock.advance(limits.healthyMs);
    good.ended("exited with code 1");
    expect(supervisor.refusal()).toBeUndefined();
    start(made).ended(undefined);
    start(made).ended("exited with code 1");
    expect(supervisor.refusal()?.code).toBe("upstream_unavailable");
  });

  test("processes that die early at the same time count once", () => {
    const made = make();
    const attempts = [1, 2, 3, 4].map(() => start(made));
    made.clock.advance(1);
    for (const attempt of attempts) attempt.ended("was ended by SIGKILL");
    expect(made.supervisor.refusal()).toBeUndefined();
  });

  test("what one session makes die early stops no other while a proven process lives", () => {
    const made = make();
    const { clock, supervisor } = made;
    const good = start(made);
    clock.advance(limits.provenMs);
    for (let deaths = 0; deaths < 5; deaths++) start(made).ended("exited with code 1");
    expect(supervisor.refusal()).toBeUndefined();
    good.ended(undefined);
    start(made).ended("exited with code 1");
    start(made).ended("exited with code 1");
    expect(supervisor.refusal()?.code).toBe("upstream_unavailable");
  });

  test("P5 what one scope makes die early stops no other, and its own pauses grow", () => {
    const made = make();
    const { clock, lines, supervisor } = made;
    const waits: number[] = [];
    for (let deaths = 1; deaths <= 8; deaths++) {
      start(made, "crasher").ended("exited with code 1");
      expect(supervisor.refusal("other")).toBeUndefined();
      expect(supervisor.refusal()).toBeUndefined();
      expect(supervisor.state()).toBe("well");
      expect(supervisor.problem()).toBeUndefined();
      const refusal = supervisor.refusal("crasher");
      waits.push(Number(refusal?.data?.["retryAfterMs"] ?? 0));
      if (deaths === 3) {
        expect(refusal?.message).toMatch(
          /^Cannot start server "x" for this client: exited with code 1 soon after it was ready, 3 times in a row; it may be tried again in \d+ ms$/,
        );
        expect(supervisor.dying()).toBe(
          "exited with code 1 soon after it was ready, in processes of one client alone",
        );
      }
      clock.advance(limits.restartMsMax);
      expect(supervisor.refusal("crasher")).toBeUndefined();
      expect(supervisor.dying()).toBeUndefined();
    }
    expect(waits[0]).toBe(0);
    expect(waits[1]).toBeGreaterThan(0);
    expect(waits[7]).toBeGreaterThan(limits.restartMsMax * 0.4);
    expect(lines.filter(({ severity }) => severity === "error")).toEqual([]);
  });

  test("P5 a failed start stops every scope, whatever their processes did", () => {
    const made = make();
    const { supervisor } = made;
    start(made, "a").ended("exited with code 1");
    supervisor.begin("b").failed({ reason: "no database", permanent: false });
    for (const scope of ["a", "b", "c", undefined]) {
      expect(supervisor.refusal(scope)?.message).toContain("no database");
    }
  });

  test("P5 a scope's pause ends with the scope, and only so many are remembered", () => {
    const made = make();
    const { supervisor } = made;
    const crash = (scope: string) => {
      for (let deaths = 0; deaths < 2; deaths++) start(made, scope).ended("exited with code 1");
    };
    crash("a");
    expect(supervisor.refusal("a")).toBeDefined();
    supervisor.forget("a");
    expect(supervisor.refusal("a")).toBeUndefined();
    for (const scope of ["a", "b", "c"]) crash(scope);
    expect(supervisor.refusal("a")).toBeUndefined();
    expect(supervisor.refusal("b")).toBeDefined();
    expect(supervisor.refusal("c")).toBeDefined();
  });
});
