/**
 * Collectors that are slow, away or wrong: they cost spans, which are counted, and never a call. Also
 * what web APIs get of a trace.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { serveApi } from "../support/api_server.ts";
import { type AnswerCollector, startCollector, taken } from "../support/otlp_collector.ts";
import {
  serveTraced,
  startTraced,
  type TracedGateway,
  type TracedOptions,
} from "../support/traced_gateway.ts";
import { until, within } from "../support/wait.ts";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A gateway with one remote server and this collector. */
async function start(
  url: string,
  { env = {}, ...options }: Partial<TracedOptions> = {},
): Promise<TracedGateway> {
  const { served, row } = await serveTraced("remote", undefined, true);
  closing.push(served.close);
  const gateway = await startTraced({
    servers: { remote: row },
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...env },
    ...options,
  });
  closing.push(gateway.close);
  return gateway;
}

async function collect(answer?: AnswerCollector) {
  const collector = await startCollector(answer);
  closing.push(collector.close);
  return collector;
}

/** Calls that must succeed, whatever the collector does. */
async function callTimes(gateway: TracedGateway, times: number): Promise<void> {
  for (let call = 0; call < times; call += 1) {
    const { meta } = await within("a call", gateway.tell("stateless", "tell"));
    expect(meta["traceparent"]).toMatch(/-01$/);
  }
}

/** Each call has two spans. */
const spansOf = (calls: number) => 2 * calls;
const droppedBy = ({ handle }: TracedGateway) => handle.counts()["dropped.span"] ?? 0;
const shown = ({ lines }: TracedGateway, text: string) =>
  lines.filter((line) => line.includes(text)).length;

describe("a batch", () => {
  test("is sent again after 429, 502, 503 and 504, and arrives once", async () => {
    const statuses = [429, 502, 503, 504];
    const collector = await collect((_, count) => {
      const status = statuses[count - 1];
      return status === undefined ? undefined : new Response("busy", { status });
    });
    const gateway = await start(collector.url, {
      limits: { spanRetryMsMin: 1, spanRetryMsMax: 5 },
    });
    await callTimes(gateway, 1);
    await until("the spans", () => collector.spans.length === spansOf(1));
    expect(collector.visits.length).toBe(5);
    expect(new Set(collector.visits.map(({ body }) => body)).size).toBe(1);
    expect(droppedBy(gateway)).toBe(0);
  });

  test("is given up after the last attempt, and counted", async () => {
    const collector = await collect(() => new Response("busy", { status: 503 }));
    const gateway = await start(collector.url, {
      limits: { spanRetryMsMin: 1, spanRetryMsMax: 2, spanAttemptsMax: 3 },
    });
    await callTimes(gateway, 1);
    await until("the drops", () => droppedBy(gateway) === spansOf(1));
    expect(collector.visits.length).toBe(3);
  });

  test("that is refused otherwise is not sent again, and the log has the words", async () => {
    const refusals = [400, 401, 404, 408, 413, 500, 501];
    const collector = await collect((_, count) =>
      Response.json({ message: "not like this" }, { status: refusals[count - 1] ?? 400 })
    );
    const gateway = await start(collector.url);
    for (const [at] of refusals.entries()) {
      await callTimes(gateway, 1);
      await until("the drops", () => droppedBy(gateway) === spansOf(at + 1));
    }
    expect(collector.visits.length).toBe(refusals.length);
    // Once for all: the collector stays as it is.
    expect(shown(gateway, "WARN  traces Cannot send spans to")).toBe(1);
    expect(shown(gateway, 'reason="status 400: not like this"')).toBe(1);
  });

  test("follows no redirect, since its headers are for one address", async () => {
    const elsewhere = await collect();
    const collector = await collect(() =>
      new Response(null, { status: 307, headers: { location: `${elsewhere.url}/v1/traces` } })
    );
    const gateway = await start(collector.url);
    await callTimes(gateway, 1);
    await until("the drops", () => droppedBy(gateway) === spansOf(1));
    expect(elsewhere.visits).toEqual([]);
  });

  test("of which spans are rejected is not sent again, and they are counted", async () => {
    const collector = await collect((_, count) =>
      taken(
        count === 1
          ? { rejectedSpans: "1", errorMessage: "too old" }
          : { rejectedSpans: 0, errorMessage: "an advice" },
      )
    );
    const gateway = await start(collector.url);
    await callTimes(gateway, 1);
    await until("the drop", () => droppedBy(gateway) === 1);
    expect(shown(gateway, 'The collector rejected spans rejected=1 of=2 reason="too old"')).toBe(1);
    await callTimes(gateway, 1);
    await until("the advice", () => shown(gateway, 'and says reason="an advice"') === 1);
    expect([collector.visits.length, droppedBy(gateway)]).toEqual([2, 1]);
  });

  test("has no more spans and characters than it may", async () => {
    const collector = await collect();
    for (const bound of [{ spanBatchMax: 4 }, { spanBatchCharsMax: 1_700 }]) {
      const gateway = await start(collector.url, {
        limits: { spanBatchMs: 600_000, spanTextCharsMax: 500, ...bound },
      });
      await callTimes(gateway, 10);
      await gateway.close();
    }
    expect(collector.spans.length).toBe(spansOf(20));
    const [most, ...others] = collector.visits.map(({ spans }) => spans.length)
      .sort((one, other) => other - one);
    expect(most).toBe(4);
    expect(others.at(-1)).toBe(2);
    expect(collector.faults).toEqual([]);
  });
});

describe("a collector that", () => {
  test("never answers costs no call, and its requests end", async () => {
    const collector = await collect(() => new Promise(() => {}));
    const gateway = await start(collector.url, {
      env: { OTEL_EXPORTER_OTLP_TIMEOUT: "50" },
      limits: { spanRetryMsMin: 1, spanRetryMsMax: 2, spanAttemptsMax: 2 },
    });
    await callTimes(gateway, 5);
    await until("the drops", () => droppedBy(gateway) === spansOf(5));
    expect(shown(gateway, "no answer came within 50 ms")).toBe(1);
  });

  test("is away costs no call, and gets later spans when it is back", async () => {
    const first = await startCollector();
    await first.close();
    const gateway = await start(first.url, {
      limits: { spanRetryMsMin: 1, spanRetryMsMax: 2, spanAttemptsMax: 2 },
    });
    await callTimes(gateway, 3);
    await until("the drops", () => droppedBy(gateway) === spansOf(3));
    const back = await startCollector(undefined, first.port);
    closing.push(back.close);
    await callTimes(gateway, 2);
    await until("the spans", () => back.spans.length === spansOf(2));
    const again = () => shown(gateway, `Spans reach ${first.url}/v1/traces again`);
    // The collector has the spans before the gateway has its answer.
    await until("the line", () => again() > 0);
    expect(again()).toBe(1);
  });

  test("is slow fills no memory: spans beyond the queue are dropped", async () => {
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => (release = resolve));
    const collector = await collect(async () => {
      await slow;
      return undefined;
    });
    const gateway = await start(collector.url, {
      limits: { spanBatchMs: 1, spanBatchMax: 4, spansWaitingMax: 6 },
    });
    await callTimes(gateway, 1);
    await until("a request", () => collector.visits.length === 1);
    await callTimes(gateway, 9);
    // Six wait: the others of these nine calls had no place.
    expect(droppedBy(gateway)).toBe(spansOf(9) - 6);
    release();
    await until("the spans", () => collector.spans.length === spansOf(1) + 6);
  });
});

describe("when the gateway stops", () => {
  test("the last spans are sent", async () => {
    const collector = await collect();
    const gateway = await start(collector.url, { limits: { spanBatchMs: 600_000 } });
    await callTimes(gateway, 3);
    expect(collector.visits.length).toBe(0);
    await gateway.close();
    expect(collector.spans.length).toBe(spansOf(3));
    expect(collector.visits.length).toBe(1);
  });

  test("a collector that does not answer holds it up no longer than it may", async () => {
    const collector = await collect(() => new Promise(() => {}));
    const gateway = await start(collector.url, {
      limits: { spanBatchMs: 600_000, spanFlushMs: 50 },
    });
    await callTimes(gateway, 2);
    await within("the end of the gateway", gateway.close());
    expect(droppedBy(gateway)).toBe(spansOf(2));
  });
});

test("a web API gets the id of the trace, and nothing else of it", async () => {
  const api = await serveApi({ "/day": (visit) => visit.json({ day: "Monday" }) });
  closing.push(api.close);
  const recipe = {
    title: "Days",
    description: "Days.",
    baseUrl: api.origin,
    endpoints: [{ name: "day", description: "The day.", path: "/day", cacheMs: 60_000 }],
  };
  const servers = { days: { recipe: "./days.json" } };
  const files = { "days.json": recipe };
  const plain = await startTraced({ servers, files });
  closing.push(plain.close);
  const trace = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
  const meta = { traceparent: trace("a"), tracestate: "user=ann", baggage: "user=ann" };
  await plain.call("handshake", "day", { meta });
  expect(api.seen[0]?.headers).toMatchObject({ traceparent: trace("a") });
  expect(JSON.stringify(api.seen[0])).not.toContain("ann");
  // The same answer serves calls of another trace.
  await plain.call("handshake", "day", { meta: { traceparent: trace("b") } });
  expect(api.seen.length).toBe(1);

  const collector = await collect();
  const traced = await startTraced({
    servers,
    files,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  });
  closing.push(traced.close);
  await traced.call("stateless", "day", { meta });
  await until("the spans", () => collector.spans.length === 2);
  const hop = collector.spans.find(({ kind }) => kind === "client");
  expect(api.seen[1]?.headers["traceparent"]).toBe(`00-${hop?.traceId}-${hop?.spanId}-01`);
  expect(hop?.attributes).toMatchObject({ "mcp_wrapper.server": "days" });
});
