/**
 * The one caller of remote servers: timeouts for every phase, retries where they are safe,
 * redirects by hand, addresses guarded, bodies bounded, a circuit for each server, and one shape of
 * error (case P4). What the configuration gives for a server (headers, credentials) goes to the
 * origin of its own URL and nowhere else. An answer of any status is an answer; what it means is
 * the business of who called.
 */
import { type Clock, sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { GatewayError } from "../errors.ts";
import type { RequestFault, Runtime } from "../runtime/runtime.ts";
import type { Authorization, CredentialUse } from "./authorization.ts";
import { type Circuit, createCircuit, noCircuit, type Pass } from "./circuit.ts";
import { type PreparedRequest, prepareRequest, renew } from "./credentials_sent.ts";
import { createDeadline, type Deadline, isRequestFault } from "./deadline.ts";
import { createFailures, type Failures, marked } from "./failure.ts";
import { type HttpAnswer, toAnswer } from "./http_answer.ts";
import type { HttpRequest } from "./http_request.ts";
import { isPassingStatus, mayRepeat, readRetryAfter, toBackoffMs } from "./retry.ts";
import { createSender, discard, type SendAttempt, type Sent } from "./sender.ts";

/** Makes calls to one server. */
export interface HttpCaller {
  /**
   * Rejects with a GatewayError: `upstream_unavailable`, `upstream_timeout`,
   * `bad_upstream_response`, `address_forbidden`, `credentials_missing`, or `cancelled` after
   * `signal`, which also ends the body.
   */
  call(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
}

/** What a caller is made from. */
export interface HttpCallerOptions {
  readonly runtime: Pick<Runtime, "request">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** The server's name. */
  readonly server: string;
  /** The operator's own URL: its origin may be anywhere, and it alone gets what follows. */
  readonly url: string;
  /** Errors name neither URLs nor hosts. */
  readonly hidesUrl?: boolean | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: Authorization;
  /** Asked before each attempt; its rejection ends the call. */
  readonly admit?: ((signal: AbortSignal, use: CredentialUse) => Promise<void>) | undefined;
}

/** One caller. */
interface CallerState {
  readonly options: HttpCallerOptions;
  readonly send: SendAttempt;
  readonly circuit: Circuit;
  /** What came of the latest attempt, and of the one after which the circuit opened. */
  latest: string;
  openedBy: string;
}

/** Makes the caller of one server; its circuit is its own. */
export function createHttpCaller(options: HttpCallerOptions): HttpCaller {
  const { limits, clock } = options;
  const state: CallerState = {
    options,
    send: createSender(options),
    circuit: createCircuit({ limits, clock, changed: (open) => noteCircuit(state, open) }),
    latest: "",
    openedBy: "",
  };
  return { call: (request, signal) => call(state, request, signal) };
}

async function call(
  state: CallerState,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { limits, clock, server, hidesUrl } = state.options;
  const { method, repeatable, timeoutMs } = request;
  const failures = createFailures({ server, url: request.url, method, clock, hidesUrl });
  const deadline = createDeadline({
    totalMs: timeoutMs,
    headMs: request.headMs ?? (timeoutMs === 0 ? limits.responseMs : timeoutMs),
    repeatable,
    clock,
    failures,
    signal,
  });
  const progress: Progress = { isRenewed: false, wasSent: false };
  try {
    const { sent, isDegraded } = await callUntilDone(state, request, failures, deadline, progress);
    deadline.headCame();
    const isRepeated = progress.wasSent;
    return toAnswer(sent, { deadline, failures, limits, clock, isDegraded, isRepeated });
  } catch (thrown) {
    deadline.end();
    const error = deadline.explain(thrown, progress.wasSent);
    throw progress.wasSent && error.outcome === "not_sent" ? marked(error, "unknown") : error;
  }
}

/** What the attempts of one call have come to. */
interface Progress {
  /** Whether a refused credential was replaced. */
  isRenewed: boolean;
  /** Whether an attempt that is repeated may have reached the server. */
  wasSent: boolean;
}

/** Makes attempts until one counts; throws what the last one threw. */
async function callUntilDone(
  state: CallerState,
  request: HttpRequest,
  failures: Failures,
  deadline: Deadline,
  progress: Progress,
): Promise<{ readonly sent: Sent; readonly isDegraded: boolean }> {
  const { clock, log, server } = state.options;
  const { signal } = deadline;
  for (let retry = 0;; retry += 1) {
    const prepared = await prepareRequest(state.options, request, failures, signal);
    const outcome = await tryOnce(state, prepared, failures, signal)
      .then((sent): Attempt => sent, (thrown): Attempt => ({ thrown }));
    const { response } = "response" in outcome ? outcome : {};
    if (response !== undefined && !progress.isRenewed && await renew(prepared, response, signal)) {
      progress.isRenewed = true;
      discard(response);
      continue;
    }
    const backoffMs = toBackoff(state.options, outcome, retry, request.repeatable);
    if (backoffMs === undefined || !deadline.allows(backoffMs)) {
      if ("thrown" in outcome) throw outcome.thrown;
      return { sent: outcome, isDegraded: prepared.isDegraded };
    }
    if (response !== undefined) discard(response);
    progress.wasSent ||= mayHaveWorked(outcome);
    const { method } = request;
    log.debug(`Call server "${server}" again`, { method, retry: retry + 1, backoffMs });
    await sleep(clock, backoffMs, signal);
  }
}

/** One attempt as the circuit sees it. */
async function tryOnce(
  state: CallerState,
  prepared: PreparedRequest,
  failures: Failures,
  signal: AbortSignal,
): Promise<Sent> {
  const circuit = prepared.aside ? noCircuit : state.circuit;
  // An open circuit fails the call before it queues.
  const openMs = circuit.openMs();
  if (openMs > 0) throw openError(state, failures, openMs);
  await state.options.admit?.(signal, prepared.use);
  const admission = circuit.admit();
  if ("retryAfterMs" in admission) throw openError(state, failures, admission.retryAfterMs);
  try {
    const sent = await state.send(prepared, failures, signal);
    const { status } = sent.response;
    if (!prepared.aside) state.latest = `status ${status}`;
    judgeStatus(status, admission.pass);
    return sent;
  } catch (thrown) {
    if (!prepared.aside) state.latest = thrown instanceof Error ? thrown.message : String(thrown);
    judgeFault(thrown, admission.pass);
    throw thrown;
  }
}

function openError({ openedBy }: CallerState, failures: Failures, waitMs: number): GatewayError {
  return failures.create(
    "upstream_unavailable",
    `could not be reached just now: ${openedBy}; retry later`,
    { data: { outcome: "not_sent", retryAfterMs: Math.ceil(waitMs) } },
  );
}

function noteCircuit(state: CallerState, open: boolean): void {
  const { log, server } = state.options;
  if (!open) return log.info(`Server "${server}" can be reached again`);
  state.openedBy = state.latest;
  const message = `Server "${server}" cannot be reached; for a while its calls fail at once`;
  log.warn(message, { reason: state.latest });
}

/** How long to wait before the next attempt; undefined when there is none. */
function toBackoff(
  { limits, clock }: HttpCallerOptions,
  outcome: Attempt,
  retry: number,
  repeatable: boolean,
): number | undefined {
  if (retry >= limits.httpRetriesMax) return undefined;
  if ("thrown" in outcome) {
    const { thrown } = outcome;
    return isRequestFault(thrown) && mayRepeat(thrown, repeatable)
      ? toBackoffMs(retry, undefined, limits, clock)
      : undefined;
  }
  if (!repeatable || !isPassingStatus(outcome.response.status)) return undefined;
  return toBackoffMs(retry, readRetryAfter(outcome.response.headers, clock), limits, clock);
}

/** What came of one attempt. */
type Attempt = Sent | { readonly thrown: unknown };

/** Whether the server may have worked on an attempt that went wrong; 429 says that it did not. */
function mayHaveWorked(outcome: Attempt): boolean {
  if ("response" in outcome) return outcome.response.status !== 429;
  return isRequestFault(outcome.thrown) && outcome.thrown.sent;
}

/** A server that is busy is there. */
function judgeStatus(status: number, pass: Pass): void {
  if (status === 502 || status === 503 || status === 504) pass.failed();
  else pass.succeeded();
}

/**
 * One call that breaks or takes long says nothing about the next; only who cannot be reached does.
 */
function judgeFault(thrown: unknown, pass: Pass): void {
  if (isRequestFault(thrown) && unreachable.has(thrown.kind)) pass.failed();
  else pass.released();
}

const unreachable: ReadonlySet<RequestFault["kind"]> = new Set([
  "connect",
  "timeout",
  "tls",
  "unknown_host",
]);
