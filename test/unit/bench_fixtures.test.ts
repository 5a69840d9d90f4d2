/** The benchmarks compare equals: same input for the same seed, and every candidate gives the same answer. */
import { describe, expect, test } from "bun:test";
import { callParts } from "../../bench/call_path.ts";
import { createNotices, createSessions } from "../../bench/fixtures.ts";
import { contents, messageOf, messageSteps } from "../../bench/messages.ts";
import { openLookUps } from "../../bench/session_lookup.ts";
import { openFanOuts } from "../../bench/sse_fanout.ts";
import { measureSuite, toReport } from "../../bench/suite.ts";
import type { LargeShape } from "../../bench/support/large_results.ts";

describe("the benchmarks' input", () => {
  test("is the same for the same seed and differs within", async () => {
    const sessions = await createSessions(100, 7);
    expect(await createSessions(100, 7)).toEqual(sessions);
    expect(new Set(sessions.map(({ key }) => key)).size).toBe(100);
    const notices = createNotices(100, 7);
    expect(createNotices(100, 7)).toEqual(notices);
    expect(new Set(notices).size).toBe(100);
    for (const notice of notices) {
      expect(notice.length).toBeGreaterThan(149);
      expect(notice.length).toBeLessThan(251);
    }
  });
});

describe("the candidates", () => {
  test("of the session look-up find the same sessions, before and after activity", async () => {
    const { sessions, kinds, close } = await openLookUps(50);
    for (const { name, find, touch } of kinds) {
      for (const session of sessions) {
        expect([name, await find(session.key)]).toEqual([name, session]);
        const activeAt = session.activeAt + 1;
        touch(session.key, activeAt);
        expect([name, await find(session.key)]).toEqual([name, { ...session, activeAt }]);
      }
      expect([name, await find("unknown")]).toEqual([name, undefined]);
    }
    await close();
  });

  test("of the fan-out bring the same bytes to every subscriber", async () => {
    const notices = createNotices(5, 1);
    for (const { name, deliver, close } of openFanOuts(3)) {
      for (const notice of notices) {
        const texts = (await deliver(notice)).map((bytes) => new TextDecoder().decode(bytes));
        const text = `data: ${notice}\n\n`;
        expect([name, texts]).toEqual([name, [text, text, text]]);
      }
      await close();
    }
  });
});

describe("of the parts", () => {
  for (const [shape, content] of Object.entries(contents)) {
    test(`every step reads 256 KiB of ${content} as the runtime alone does`, () => {
      const text = messageOf(shape as LargeShape);
      const bytes = new TextEncoder().encode(text);
      const [decoded, scanned, parsed, written] = messageSteps.map(({ candidates }) =>
        candidates(bytes, text).map(({ work }) => work())
      );
      expect(decoded).toEqual([text, text]);
      expect(scanned?.[1]).toMatchObject({ isTooDeep: false, repeatsKey: false });
      expect(parsed?.[1]).toEqual(parsed?.[0]);
      expect(parsed?.[2]).toEqual(parsed?.[0]);
      expect(JSON.parse(String(written?.[1]))).toEqual(JSON.parse(String(written?.[0])));
    });
  }

  for (const { title, candidates } of callParts) {
    test(`"${title}": every candidate does its work`, async () => {
      for (const { work } of candidates()) {
        const result = await work();
        if (result instanceof Response) expect(result.status).toBe(200);
        else expect(result).toBeDefined();
      }
    });
  }
});

test("a suite's figures are compared with the first candidate", async () => {
  const suite = {
    title: "a title",
    unit: "call",
    units: 1,
    candidates: [
      { name: "bare", work: () => 1 },
      { name: "ours", work: () => Promise.resolve(1) },
    ],
    close: () => {},
  };
  const figures = await measureSuite(suite, 1, 1);
  expect(figures.map(({ name }) => name)).toEqual(["bare", "ours"]);
  expect([figures[0]?.wall.ratio, figures[0]?.cpu.ratio]).toEqual([1, 1]);
  expect(toReport(suite, figures)).toMatch(
    /^a title\n {2}bare .*1\.00 x bare .*CPU .*1\.00 x bare\n {2}ours .*x bare .*x bare\n$/,
  );
});
