/** Input of the benchmarks, the same for the same seed; test/unit/bench_fixtures.test.ts checks it. */
import { localConsumer } from "../src/consumers.ts";
import { sha256Hex } from "../src/seal.ts";
import type { SessionRecord } from "../src/session/session_store.ts";
import { createRandom } from "../test/support/clock.ts";

/** Sessions like those of a real client, in no order of their keys. */
export function createSessions(count: number, seed: number): Promise<SessionRecord[]> {
  const random = createRandom(seed);
  const createdAt = 1_700_000_000_000;
  // Drawn before the first await: digests arrive in any order.
  const draws = Array.from({ length: count }, () => [random(), random(), random()] as const);
  return Promise.all(
    draws.map(async ([salt, interest, activity], at) => ({
      key: await sha256Hex(`session ${at} ${salt}`),
      surface: "/mcp",
      principal: "anonymous",
      consumer: localConsumer,
      revision: "2025-11-25",
      clientInfo: { name: "bench-client", title: "A client", version: `1.0.${at}` },
      capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {} } },
      logLevel: null,
      subscriptions: interest < 0.2 ? [`file:///notes/${at}.md`] : [],
      createdAt,
      activeAt: createdAt + Math.floor(activity * 1e6),
      owner: "bench",
    })),
  );
}

/** Log notices of 150 to 250 characters, as JSON. */
export function createNotices(count: number, seed: number): string[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      jsonrpc: "2.0",
      method: "notifications/message",
      params: {
        level: "info",
        logger: "bench",
        data: { at, text: random().toString(36).repeat(10).slice(0, 50 + random() * 50) },
      },
    }));
}
