/** When a batch of spans is sent again, and when it is not. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import type { OutgoingRequest, RequestFault } from "../../../src/runtime/runtime.ts";
import { createOtlpSender, type Delivery } from "../../../src/traces/otlp_sender.ts";
import { createTestClock } from "../../support/clock.ts";

const traces = {
  url: "https://otel.example.com/v1/traces",
  headers: { "api-key": "k" },
  timeoutMs: 10_000,
};

/** One answer, or a fault of the connection. */
type Scripted = { status: number; headers?: Record<string, string>; body?: string } | RequestFault;

const fault = (kind: RequestFault["kind"], sent = false): RequestFault =>
  Object.assign(new Error(`a fault: ${kind}`), { kind, sent });

/** A sender whose requests are answered in turn; the time stands still unless the test moves it. */
function senderOf(...answers: Scripted[]) {
  const clock = createTestClock();
  const requests: (OutgoingRequest & { readonly at: number })[] = [];
  const send = createOtlpSender({
    traces,
    clock,
    limits: defaultLimits,
    runtime: {
      request(options) {
        requests.push({ ...options, at: clock.monotonic() });
        const answer = answers[requests.length - 1] ?? { status: 200 };
        if (answer instanceof Error) return Promise.reject(answer);
        const { status, headers, body = "{}" } = answer;
        const stream = new Blob([body]).stream() as ReadableStream<Uint8Array>;
        return Promise.resolve({ status, headers: new Headers(headers), body: stream });
      },
    },
  });
  const [stopping, stopped] = [new AbortController(), new AbortController()];
  let delivery: Delivery | undefined;
  const begin = () =>
    void send("{}", stopping.signal, stopped.signal).then((done) => (delivery = done));
  /** Lets everything that waits for nothing happen. */
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { clock, requests, stopping, stopped, begin, settle, delivery: () => delivery };
}

describe("a batch of spans", () => {
  test("waits as long as the collector asks, in seconds or until a date", async () => {
    const date = new Date(createTestClock().wall() + 50_000).toUTCString();
    const sender = senderOf(
      { status: 503, headers: { "retry-after": "7" } },
      { status: 429, headers: { "retry-after": date } },
      { status: 200 },
    );
    sender.begin();
    await sender.settle();
    sender.clock.advance(6_999);
    await sender.settle();
    expect(sender.requests.length).toBe(1);
    sender.clock.advance(1);
    await sender.settle();
    expect(sender.requests.length).toBe(2);
    sender.clock.advance(42_000);
    await sender.settle();
    expect(sender.requests.length).toBe(2);
    sender.clock.advance(1_000);
    await sender.settle();
    expect(sender.requests.length).toBe(3);
    expect(sender.delivery()).toEqual({ isTaken: true, rejected: 0 });
  });

  test("waits between attempts for times that grow and are spread", async () => {
    const sender = senderOf(...Array.from({ length: 9 }, () => fault("connect")));
    sender.begin();
    for (let second = 0; second < 600; second += 1) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      sender.clock.advance(100);
    }
    await sender.settle();
    const { spanAttemptsMax, spanRetryMsMin } = defaultLimits;
    expect(sender.requests.length).toBe(spanAttemptsMax);
    const times = sender.requests.map(({ at }) => at);
    times.slice(1).forEach((at, retry) => {
      const pause = at - (times[retry] ?? 0);
      // A step of the test's clock later at most.
      expect(pause).toBeLessThanOrEqual(spanRetryMsMin * 2 ** retry + 200);
    });
    expect(sender.delivery()).toEqual({ isTaken: false, rejected: 0, words: "a fault: connect" });
  });

  test("is given up at once if the collector asks for more time than a batch has", async () => {
    const sender = senderOf({ status: 503, headers: { "retry-after": "600" } });
    sender.begin();
    await sender.settle();
    expect(sender.delivery()).toMatchObject({ isTaken: false, askedMs: 600_000 });
    expect(sender.requests.length).toBe(1);
  });

  test("is sent once more when the gateway begins to stop, and then no more", async () => {
    const sender = senderOf({ status: 503, headers: { "retry-after": "30" } }, { status: 503 });
    sender.begin();
    await sender.settle();
    sender.stopping.abort();
    await sender.settle();
    expect(sender.requests.length).toBe(2);
    expect(sender.delivery()?.isTaken).toBe(false);
  });

  test("carries the headers of the operator, whose address may be any", async () => {
    const sender = senderOf();
    sender.begin();
    await sender.settle();
    const [request] = sender.requests;
    expect(request?.headers).toMatchObject({
      "api-key": "k",
      "content-type": "application/json",
      "user-agent": expect.stringContaining("mcp-wrapper/"),
    });
    expect(request?.allowAddress("127.0.0.1")).toBe(true);
    expect(request?.allowAddress("10.1.2.3")).toBe(true);
  });

  test("is taken whatever a success says that is not OTLP", async () => {
    for (const body of ["", "ok", "[]", "null", '{"partialSuccess":null}', "x".repeat(1 << 20)]) {
      const sender = senderOf({ status: 200, body });
      sender.begin();
      await sender.settle();
      expect(sender.delivery()).toEqual({ isTaken: true, rejected: 0 });
    }
    for (const rejectedSpans of ["3", 3]) {
      const body = JSON.stringify({ partialSuccess: { rejectedSpans } });
      const sender = senderOf({ status: 200, body });
      sender.begin();
      await sender.settle();
      expect(sender.delivery()).toEqual({ isTaken: true, rejected: 3, words: undefined });
    }
  });
});
