/**
 * The one caller of remote servers: timeouts for every phase, retries where they are safe, redirects
 * by hand, addresses guarded, bodies bounded, a circuit for each server, and one shape of error (P4).
 * What the configuration gives for a server (headers, credentials) goes to the origin of its own URL
 * and nowhere else. An answer of any status is an answer; what it means is the business of who called.
 */
import { type Clock, sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type { RequestFault, Runtime } from "../runtime/runtime.ts";
import { type HttpAnswer, toAnswer } from "./http_answer.ts";
import {
  type Authorization,
  type CredentialUse,
  type SecurityContext,
  sharedUse,
} from "./authorization.ts";
import { createCircuit, noCircuit, type Pass } from "./circuit.ts";
import { createDeadline, isRequestFault } from "./deadline.ts";
import { createFailures, type Failures, marked } from "./failure.ts";
import type { Hop } from "./redirect.ts";
import { isPassingStatus, mayRepeat, readRetryAfter, toBackoffMs } from "./retry.ts";
import { createSender, discard, type Sent, toHop } from "./sender.ts";

/** One call. */
export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  /** Of this request; they win over those of the configuration. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** The request for what is shown, where that changes it: asked before each attempt. */
  readonly prepare?:
    | ((context: SecurityContext) => Pick<HttpRequest, "url" | "headers" | "body">)
    | undefined;
  /** From the first attempt to the end of the body; 0: the body may stand open. */
  readonly timeoutMs: number;
  /** Until the head of the answer, retries included; absent: `timeoutMs`, or `responseMs` where that is 0. */
  readonly headMs?: number | undefined;
  /** Whether making it twice does no more than making it once. */
  readonly repeatable: boolean;
  /** Whether what comes of it says nothing about other requests: the circuit has no part in it. */
  readonly aside?: boolean | undefined;
  /** No redirect is followed: what is sent is for this URL alone. */
  readonly final?: boolean | undefined;
  /** Absent: one for all, and no tool's call. */
  readonly use?: CredentialUse | undefined;
  /** In the place of the server's usual one. */
  readonly authorization?: Authorization | undefined;
}

/** Makes calls to one server. */
export interface HttpCaller {
  /**
   * Rejects with a GatewayError: `upstream_unavailable`, `upstream_timeout`, `bad_upstream_response`,
   * `address_forbidden`, `credentials_missing`, or `cancelled` after `signal`, which also ends the body.
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

/** Makes the caller of one server; its circuit is its own. */
export function createHttpCaller(options: HttpCallerOptions): HttpCaller {
  const { limits, clock, log, server, url, hidesUrl } = options;
  const send = createSender(options);
  /** What came of the latest attempt, and of the one after which the circuit opened. */
  let latest = "";
  let openedBy = "";
  const usual = createCircuit({
    limits,
    clock,
    changed(open) {
      if (open) {
        openedBy = latest;
        const message = `Server "${server}" cannot be reached; for a while its calls fail at once`;
        log.warn(message, { reason: latest });
      } else log.info(`Server "${server}" can be reached again`);
    },
  });

  /** One attempt as the circuit sees it. */
  const tryOnce = async (shown: Shown, failures: Failures, signal: AbortSignal) => {
    const refuse = (waitMs: number) =>
      failures.create(
        "upstream_unavailable",
        `could not be reached just now: ${openedBy}; retry later`,
        { data: { outcome: "not_sent", retryAfterMs: Math.ceil(waitMs) } },
      );
    const circuit = shown.aside ? noCircuit : usual;
    // Nobody waits in line to hear that.
    const openMs = circuit.openMs();
    if (openMs > 0) throw refuse(openMs);
    await options.admit?.(signal, shown.use);
    const admission = circuit.admit();
    if ("retryAfterMs" in admission) throw refuse(admission.retryAfterMs);
    try {
      const sent = await send(shown, failures, signal);
      const { status } = sent.response;
      if (!shown.aside) latest = `status ${status}`;
      judgeStatus(status, admission.pass);
      return sent;
    } catch (thrown) {
      if (!shown.aside) latest = thrown instanceof Error ? thrown.message : String(thrown);
      judgeFault(thrown, admission.pass);
      throw thrown;
    }
  };

  /** How long to wait before the next attempt; undefined when there is none. */
  const toBackoff = (outcome: Attempt, retry: number, repeatable: boolean): number | undefined => {
    if (retry >= limits.httpRetriesMax) return undefined;
    if ("thrown" in outcome) {
      const { thrown } = outcome;
      return isRequestFault(thrown) && mayRepeat(thrown, repeatable)
        ? toBackoffMs(retry, undefined, limits, clock)
        : undefined;
    }
    if (!repeatable || !isPassingStatus(outcome.response.status)) return undefined;
    return toBackoffMs(retry, readRetryAfter(outcome.response.headers, clock), limits, clock);
  };

  /** A request with what is to be shown to the server. */
  const show = async (
    request: HttpRequest,
    failures: Failures,
    signal: AbortSignal,
  ): Promise<Shown> => {
    const { use = sharedUse, authorization = options.authorization, aside = false } = request;
    const credential = await authorization.get(use, signal);
    if (signal.aborted) throw givenUp();
    if (credential.state === "ready") {
      const { context, isDegraded } = credential;
      const hop = toHop({ ...request, ...request.prepare?.(context) }, url, context);
      return { hop, context, isDegraded, use, authorization, aside };
    }
    const { problem, more } = credential.state === "failed"
      ? { problem: credential.problem, more: toWait(credential.retryAfterMs) }
      : {
        problem: `needs a user to log in at ${credential.url}`,
        more: { logInAt: credential.url },
      };
    throw failures.create("credentials_missing", problem, {
      data: { ...more, outcome: "not_sent" },
    });
  };

  /** Whether a refused credential was made anew: what was refused did not take effect. */
  const renew = async (
    { authorization, context, use, isDegraded, hop }: Shown,
    outcome: Attempt,
    signal: AbortSignal,
  ): Promise<boolean> => {
    if (!("response" in outcome) || outcome.response.status !== 401) return false;
    if (isDegraded || !hop.trusted || !await authorization.renew(context, use, signal)) {
      return false;
    }
    discard(outcome.response);
    return true;
  };

  return {
    async call(request, signal) {
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
      let isRenewed = false;
      let wasSent = false;
      try {
        for (let retry = 0;; retry += 1) {
          const shown = await show(request, failures, deadline.signal);
          const outcome = await tryOnce(shown, failures, deadline.signal)
            .then((sent): Attempt => sent, (thrown): Attempt => ({ thrown }));
          if (!isRenewed && await renew(shown, outcome, deadline.signal)) {
            isRenewed = true;
            continue;
          }
          const backoffMs = toBackoff(outcome, retry, repeatable);
          if (backoffMs !== undefined && deadline.allows(backoffMs)) {
            if ("response" in outcome) discard(outcome.response);
            wasSent ||= mayHaveWorked(outcome);
            log.debug(`Call server "${server}" again`, { method, retry: retry + 1, backoffMs });
            await sleep(clock, backoffMs, deadline.signal);
            continue;
          }
          if ("thrown" in outcome) throw outcome.thrown;
          deadline.headCame();
          const { isDegraded } = shown;
          const more = { deadline, failures, limits, clock, isDegraded, isRepeated: wasSent };
          return toAnswer(outcome, more);
        }
      } catch (thrown) {
        deadline.end();
        const error = deadline.explain(thrown, wasSent);
        throw wasSent && error.outcome === "not_sent" ? marked(error, "unknown") : error;
      }
    },
  };
}

/** A request and what goes with it. */
interface Shown {
  readonly hop: Hop;
  readonly context: SecurityContext;
  readonly isDegraded: boolean;
  readonly use: CredentialUse;
  readonly authorization: Authorization;
  readonly aside: boolean;
}

/** What came of one attempt. */
type Attempt = Sent | { readonly thrown: unknown };

/** Whether the server may have worked on an attempt that went wrong; 429 says that it did not. */
function mayHaveWorked(outcome: Attempt): boolean {
  if ("response" in outcome) return outcome.response.status !== 429;
  return isRequestFault(outcome.thrown) && outcome.thrown.sent;
}

function toWait(retryAfterMs: number | undefined): JsonObject {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/** As the platform says that a request was given up, for what never became one. */
function givenUp(): RequestFault {
  return Object.assign(new Error("given up"), { kind: "aborted" as const, sent: false });
}

/** A server that is busy is there. */
function judgeStatus(status: number, pass: Pass): void {
  if (status === 502 || status === 503 || status === 504) pass.failed();
  else pass.succeeded();
}

/** One call that breaks or takes long says nothing about the next; only who cannot be reached does. */
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
