/**
 * The one caller of remote servers: timeouts for every phase, retries where they are safe, redirects
 * by hand, addresses guarded, bodies bounded, a circuit for each server, and one shape of error (P4).
 * What the configuration gives for a server (headers, credentials) goes to the origin of its own URL
 * and nowhere else. An answer of any status is an answer; what it means is the business of who called.
 */
import type { Clock } from "../../clock.ts";
import type { CredentialsConfig } from "../../config/config.ts";
import type { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type { OutgoingResponse, RequestFault, Runtime } from "../../runtime/runtime.ts";
import { isPublicAddress } from "./address.ts";
import { decodeBody, encodings } from "./body.ts";
import { createCircuit, type Pass } from "./circuit.ts";
import { createFailures, type Failures } from "./failure.ts";
import { follow, type Hop } from "./redirect.ts";
import { isPassingStatus, mayRepeat, readRetryAfter, toPauseMs } from "./retry.ts";

/** One call. */
export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  /** Beside those of the configuration, which win. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** From the first attempt to the end of the body; 0: the body may stand open. */
  readonly timeoutMs: number;
  /** Until the head of the answer, retries included; absent: `timeoutMs`, or `responseMs` where that is 0. */
  readonly headMs?: number | undefined;
  /** Whether making it twice does no more than making it once. */
  readonly repeatable: boolean;
}

/** An answer, of any status. Its body is read to the end or cancelled: it holds a connection. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Decoded; breaks with a GatewayError. Bounded as a whole, unless it is an event stream. */
  readonly body: ReadableStream<Uint8Array>;
  /** The whole body. */
  text(): Promise<string>;
  /**
   * This answer as a failure: `why` goes on after the server's name ("refuses the credentials"). It
   * carries the status and how long the server asks to wait. Ends the body.
   */
  toError(why: string, code?: "upstream_unavailable" | "bad_upstream_response"): GatewayError;
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
  const origin = new URL(options.url).origin;
  const ours = toOwnHeaders(options);
  const circuit = createCircuit({
    limits,
    clock,
    changed(open) {
      if (open) log.warn(`Server "${server}" cannot be reached; calls fail at once for a while`);
      else log.info(`Server "${server}" can be reached again`);
    },
  });

  /** One attempt, over its redirects, to an answer that is none. */
  const attempt = async (first: Hop, budget: Budget): Promise<OutgoingResponse> => {
    let hop = first;
    for (let redirects = 0;; redirects += 1) {
      const operatorsOwn = hop.url.origin === origin;
      const response = await options.runtime.request({
        url: hop.url.href,
        method: hop.method,
        headers: hop.trusted ? { ...hop.headers, ...ours } : hop.headers,
        body: hop.body,
        signal: budget.signal,
        connectMs: limits.connectMs,
        allowAddress: (address) => operatorsOwn || isPublicAddress(address),
      });
      const next = follow(hop, response.status, response.headers.get("location"));
      if (next === undefined) return response;
      void response.body.cancel().catch(() => {});
      if ("problem" in next) throw budget.failures.create("upstream_unavailable", next.problem);
      if (redirects >= limits.redirectsMax) {
        throw budget.failures.create("upstream_unavailable", "redirects again and again");
      }
      hop = next;
    }
  };

  /** One attempt as the circuit sees it. */
  const tryOnce = async (hop: Hop, budget: Budget): Promise<OutgoingResponse> => {
    const pass = admit(budget.failures);
    try {
      const response = await attempt(hop, budget);
      if (isPassingStatus(response.status) && response.status !== 429) pass.failed();
      else pass.succeeded();
      return response;
    } catch (thrown) {
      judge(thrown, pass);
      throw thrown;
    }
  };

  const admit = (failures: Failures): Pass => {
    const admission = circuit.admit();
    if ("pass" in admission) return admission.pass;
    const retryAfterMs = Math.ceil(admission.retryAfterMs);
    throw failures.create("upstream_unavailable", "could not be reached just now; retry later", {
      data: { retryAfterMs },
    });
  };

  return {
    async call(request, signal) {
      const { method, url, body, repeatable } = request;
      const failures = createFailures({ server, url, method, clock });
      const budget = createBudget(request, { limits, clock, failures, signal });
      const hop: Hop = {
        url: new URL(url),
        method,
        headers: { "accept-encoding": encodings, ...request.headers },
        body,
        trusted: new URL(url).origin === origin,
      };
      try {
        for (let retry = 0;; retry += 1) {
          const outcome = await tryOnce(hop, budget).catch((thrown: unknown) => ({ thrown }));
          const pauseMs = retry >= limits.httpRetriesMax
            ? undefined
            : toNextPause(outcome, repeatable, retry);
          if (pauseMs !== undefined && await budget.pause(pauseMs)) {
            if ("body" in outcome) void outcome.body.cancel().catch(() => {});
            log.debug(`Calling server "${server}" again`, { method, retry: retry + 1 });
            continue;
          }
          if ("thrown" in outcome) throw outcome.thrown;
          budget.headCame();
          return toAnswer(outcome, budget);
        }
      } catch (thrown) {
        budget.end();
        throw budget.explain(thrown);
      }
    },
  };
}
