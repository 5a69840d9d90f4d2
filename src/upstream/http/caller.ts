/**
 * The one caller of remote servers: timeouts for every phase, retries where they are safe, redirects
 * by hand, addresses guarded, bodies bounded, a circuit for each server, and one shape of error (P4).
 * What the configuration gives for a server (headers, credentials) goes to the origin of its own URL
 * and nowhere else. An answer of any status is an answer; what it means is the business of who called.
 */
import { type Clock, pause } from "../../clock.ts";
import type { CredentialsConfig } from "../../config/config.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type { OutgoingResponse, RequestFault, Runtime } from "../../runtime/runtime.ts";
import { identity } from "../../version.ts";
import { isPublicAddress } from "./address.ts";
import { type HttpAnswer, toAnswer } from "./answer.ts";
import { encodings } from "./body.ts";
import { createCircuit, type Pass } from "./circuit.ts";
import { createDeadline, isRequestFault } from "./deadline.ts";
import { createFailures, type Failures } from "./failure.ts";
import { follow, type Hop } from "./redirect.ts";
import { isPassingStatus, mayRepeat, readRetryAfter, toPauseMs } from "./retry.ts";

/** One call. */
export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  /** Of this request; they win over those of the configuration. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** From the first attempt to the end of the body; 0: the body may stand open. */
  readonly timeoutMs: number;
  /** Until the head of the answer, retries included; absent: `timeoutMs`, or `responseMs` where that is 0. */
  readonly headMs?: number | undefined;
  /** Whether making it twice does no more than making it once. */
  readonly repeatable: boolean;
}

/** Makes calls to one server. */
export interface HttpCaller {
  /**
   * Rejects with a GatewayError: `upstream_unavailable`, `upstream_timeout`, `bad_upstream_response`,
   * `address_forbidden`, or `cancelled` after `signal`, which also ends the body.
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
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: CredentialsConfig;
}

/** Makes the caller of one server; its circuit is its own. */
export function createHttpCaller(options: HttpCallerOptions): HttpCaller {
  const { limits, clock, log, server } = options;
  const send = createSender(options);
  const circuit = createCircuit({
    limits,
    clock,
    changed(open) {
      if (open) {
        log.warn(`Server "${server}" cannot be reached; for a while its calls fail at once`);
      } else log.info(`Server "${server}" can be reached again`);
    },
  });

  /** One attempt as the circuit sees it. */
  const tryOnce = async (hop: Hop, failures: Failures, signal: AbortSignal) => {
    const admission = circuit.admit();
    if ("retryAfterMs" in admission) {
      throw failures.create("upstream_unavailable", "could not be reached just now; retry later", {
        data: { retryAfterMs: Math.ceil(admission.retryAfterMs) },
      });
    }
    try {
      const response = await send(hop, failures, signal);
      judgeStatus(response.status, admission.pass);
      return response;
    } catch (thrown) {
      judgeFault(thrown, admission.pass);
      throw thrown;
    }
  };

  /** How long to wait before the next attempt; undefined when there is none. */
  const toPause = (outcome: Outcome, retry: number, repeatable: boolean): number | undefined => {
    if (retry >= limits.httpRetriesMax) return undefined;
    if ("thrown" in outcome) {
      const { thrown } = outcome;
      return isRequestFault(thrown) && mayRepeat(thrown, repeatable)
        ? toPauseMs(retry, undefined, limits, clock)
        : undefined;
    }
    if (!repeatable || !isPassingStatus(outcome.response.status)) return undefined;
    return toPauseMs(retry, readRetryAfter(outcome.response.headers, clock), limits, clock);
  };

  return {
    async call(request, signal) {
      const { method, url, repeatable, timeoutMs } = request;
      const failures = createFailures({ server, url, method, clock });
      const deadline = createDeadline({
        totalMs: timeoutMs,
        headMs: request.headMs ?? (timeoutMs === 0 ? limits.responseMs : timeoutMs),
        repeatable,
        clock,
        failures,
        signal,
      });
      const hop = toHop(request, options);
      try {
        for (let retry = 0;; retry += 1) {
          const outcome = await tryOnce(hop, failures, deadline.signal)
            .then((response): Outcome => ({ response }), (thrown): Outcome => ({ thrown }));
          const pauseMs = toPause(outcome, retry, repeatable);
          if (pauseMs !== undefined && deadline.allows(pauseMs)) {
            if ("response" in outcome) discard(outcome.response);
            log.debug(`Call server "${server}" again`, { method, retry: retry + 1, pauseMs });
            await pause(clock, pauseMs, deadline.signal);
            continue;
          }
          if ("thrown" in outcome) throw outcome.thrown;
          deadline.headCame();
          return toAnswer(outcome.response, { deadline, failures, limits, clock });
        }
      } catch (thrown) {
        deadline.end();
        throw deadline.explain(thrown);
      }
    },
  };
}

type Outcome = { readonly response: OutgoingResponse } | { readonly thrown: unknown };

/** Makes one attempt over its redirects, to an answer that is none. */
function createSender({ runtime, limits, url, headers, credentials }: HttpCallerOptions) {
  const { origin } = new URL(url);
  const ours = toLowerCase(headers);
  const defaults = {
    "accept-encoding": encodings,
    "user-agent": `${identity.name}/${identity.version}`,
  };
  if (credentials.type === "bearer") ours["authorization"] = `Bearer ${credentials.token}`;

  return async (first: Hop, failures: Failures, signal: AbortSignal): Promise<OutgoingResponse> => {
    let hop = first;
    for (let redirects = 0; redirects <= limits.redirectsMax; redirects += 1) {
      const isOperators = hop.url.origin === origin;
      const response = await runtime.request({
        url: hop.url.href,
        method: hop.method,
        headers: { ...defaults, ...(hop.trusted ? ours : {}), ...hop.headers },
        body: hop.body,
        signal,
        connectMs: limits.connectMs,
        allowAddress: (address) => isOperators || isPublicAddress(address),
      });
      const next = follow(hop, response.status, response.headers.get("location"));
      if (next === undefined) return response;
      discard(response);
      if ("problem" in next) throw failures.create("upstream_unavailable", next.problem);
      hop = next;
    }
    throw failures.create("upstream_unavailable", "redirects again and again; correct its URL");
  };
}

function toHop(request: HttpRequest, { url }: HttpCallerOptions): Hop {
  const target = new URL(request.url);
  return {
    url: target,
    method: request.method,
    headers: toLowerCase(request.headers),
    body: request.body,
    trusted: target.origin === new URL(url).origin,
  };
}

function toLowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
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

function discard(response: OutgoingResponse): void {
  void response.body.cancel().catch(() => {});
}
