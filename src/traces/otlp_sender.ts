/**
 * Sends one batch of spans to a collector, and says what became of it. It is sent again only where
 * OTLP allows it: after 429, 502, 503 and 504, as late as the collector asks, and after a fault of
 * the connection. Redirects are not followed, since the headers of the request may be secret. Follows
 * "OTLP/HTTP" of the specification.
 */
import { type Clock, sleep } from "../clock.ts";
import { isJsonObject } from "../json.ts";
import type { TracesConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import { isPassingStatus, readRetryAfter, toBackoffMs } from "../outgoing/retry.ts";
import type { OutgoingResponse, Runtime } from "../runtime/runtime.ts";
import { identity } from "../version.ts";

/** What became of a batch. */
export interface Delivery {
  /** The collector took the request. */
  readonly isTaken: boolean;
  /** Spans of a taken request that the collector refused. */
  readonly rejected: number;
  /** Why the batch was not taken, or what the collector says of it. Absent: nothing. */
  readonly words?: string | undefined;
  /** The collector asks to wait for so long, which is longer than a batch waits. */
  readonly askedMs?: number | undefined;
}

/** What sending needs. */
export interface OtlpSenderOptions {
  readonly traces: Pick<TracesConfig, "url" | "headers" | "timeoutMs">;
  readonly runtime: Pick<Runtime, "request">;
  readonly clock: Clock;
  readonly limits: Limits;
}

/**
 * Sends a batch; never rejects. After `stopping` aborts, no further attempt begins, and after
 * `stopped` the present one ends.
 */
export type SendBatch = (
  body: string,
  stopping: AbortSignal,
  stopped: AbortSignal,
) => Promise<Delivery>;

/** Makes the function that sends. */
export function createOtlpSender(options: OtlpSenderOptions): SendBatch {
  const { clock, limits } = options;
  const bounds = { httpRetryMsMin: limits.spanRetryMsMin, httpRetryMsMax: limits.spanRetryMsMax };
  return async (body, stopping, stopped) => {
    for (let retry = 0;; retry += 1) {
      const { delivery, mayRepeat, askedMs } = await attempt(options, body, stopped);
      const isLast = retry + 1 >= limits.spanAttemptsMax || stopping.aborted;
      const pauseMs = mayRepeat && !isLast ? toBackoffMs(retry, askedMs, bounds, clock) : undefined;
      if (pauseMs === undefined) return mayRepeat ? { ...delivery, askedMs } : delivery;
      await sleep(clock, pauseMs, stopping);
    }
  };
}

/** What one request led to. */
interface Attempt {
  readonly delivery: Delivery;
  readonly mayRepeat: boolean;
  /** How long the collector asks to wait. */
  readonly askedMs?: number | undefined;
}

async function attempt(
  { traces, runtime, clock, limits }: OtlpSenderOptions,
  body: string,
  stopped: AbortSignal,
): Promise<Attempt> {
  const { url, headers, timeoutMs } = traces;
  const cutter = new AbortController();
  let isLate = false;
  const cut = () => cutter.abort();
  const cancel = clock.after(timeoutMs, () => {
    isLate = true;
    cut();
  });
  stopped.addEventListener("abort", cut);
  if (stopped.aborted) cut();
  try {
    const response = await runtime.request({
      url,
      method: "POST",
      headers: {
        "user-agent": `${identity.name}/${identity.version}`,
        accept: "application/json",
        ...headers,
        "content-type": "application/json",
      },
      body,
      signal: cutter.signal,
      connectMs: Math.min(timeoutMs, limits.connectMs),
      // The operator says where spans go.
      allowAddress: () => true,
    });
    return toAttempt(response, await readAnswer(response, limits.spanAnswerBytesMax), clock);
  } catch (thrown) {
    const words = isLate
      ? `no answer came within ${timeoutMs} ms`
      : stopped.aborted
      ? "the gateway stops"
      : thrown instanceof Error
      ? thrown.message
      : String(thrown);
    return { delivery: { isTaken: false, rejected: 0, words }, mayRepeat: !stopped.aborted };
  } finally {
    cancel();
    stopped.removeEventListener("abort", cut);
  }
}

function toAttempt({ status, headers }: OutgoingResponse, text: string, clock: Clock): Attempt {
  if (status >= 200 && status < 300) {
    return { delivery: { isTaken: true, ...readPartialSuccess(text) }, mayRepeat: false };
  }
  const said = messageIn(text);
  const words = `status ${status}${said === undefined ? "" : `: ${said}`}`;
  return {
    delivery: { isTaken: false, rejected: 0, words },
    mayRepeat: isPassingStatus(status),
    askedMs: readRetryAfter(headers, clock),
  };
}

/** The beginning of an answer; the rest of a longer one is not read. */
async function readAnswer({ body }: OutgoingResponse, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = "";
  for (let bytes = 0;;) {
    const { value } = await reader.read();
    if (value === undefined) return text + decoder.decode();
    bytes += value.length;
    if (bytes > bytesMax) {
      void reader.cancel().catch(() => {});
      return text;
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** Spans that the collector refused, and why; or a warning next to 0 of them. */
function readPartialSuccess(text: string): Pick<Delivery, "rejected" | "words"> {
  const partial = parse(text)?.["partialSuccess"];
  if (!isJsonObject(partial)) return { rejected: 0 };
  const { rejectedSpans = 0, errorMessage } = partial;
  // An integer of 64 bits may be a text.
  const rejected = Number(rejectedSpans);
  return {
    rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
    words: typeof errorMessage === "string" && errorMessage !== "" ? errorMessage : undefined,
  };
}

/** The message of a `Status`, which is the body of every failure. */
function messageIn(text: string): string | undefined {
  const message = parse(text)?.["message"];
  return typeof message === "string" && message !== "" ? message : undefined;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
