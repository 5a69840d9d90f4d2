/**
 * Passes requests on to other instances. What came of a request is one of five: an answer, the word
 * that the receiver owns nothing of it or has no room for it, or a failure before or after the
 * request may have arrived.
 * A request whose receiver has no term any more ends, though its connection may seem open. Not
 * here: which instance gets it (http/elsewhere.ts), and what its client gets (http/lost_answer.ts).
 */
import { placesFor } from "../client_shares.ts";
import { type Clock, sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RequestFault, Runtime } from "../runtime/runtime.ts";
import type { AllowedTargets } from "./allowed_targets.ts";
import { type ForwardedRequest, forwardPath, signRequest } from "./forwarded_request.ts";
import type { InternalKey } from "./internal_key.ts";
import type { LiveInstance } from "./owner_table.ts";
import type { Ownership } from "./ownership.ts";
import {
  type AnswerHead,
  type ProvenRefusal,
  readAnswer,
  type SignedAnswer,
} from "./signed_answer.ts";

/** What came of a request. */
export type Forwarded =
  | {
    readonly kind: "answered";
    readonly head: Extract<AnswerHead, { kind: "answer" }>;
    readonly body: SignedAnswer;
  }
  | { readonly kind: "not_owner" }
  /** There is no room for it here or there: nothing was done, and waiting does not help it. */
  | { readonly kind: "full" | "too_large" }
  /** `sent`: the receiver may have got it. */
  | { readonly kind: "failed"; readonly sent: boolean };

/** What a forwarder is made from. */
export interface ForwarderOptions {
  readonly ownership: Pick<Ownership, "name" | "instances" | "mayLack">;
  readonly key: InternalKey;
  readonly allowed: AllowedTargets;
  readonly runtime: Pick<Runtime, "request">;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** Passes requests on. */
export interface Forwarder {
  /** Never rejects. `signal` ends it: the client has left. */
  forward(target: LiveInstance, request: ForwardedRequest, signal: AbortSignal): Promise<Forwarded>;
  /** How many are open. */
  open(): number;
  /** Ends the streams that are open, whose clients open them again elsewhere. */
  endStreams(): void;
  /** Resolves when the calls that are open now have their answers, or `givenUp` aborts. */
  callsEnded(givenUp: AbortSignal): Promise<void>;
  /** How many were passed on so far. */
  total(): number;
  close(): void;
}

/** A request that is open. */
interface OpenForward {
  readonly target: LiveInstance;
  readonly consumer: string;
  /** Whether it is a stream that belongs to no call. */
  readonly isStream: boolean;
  readonly abort: AbortController;
}

/** Makes it. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { clock, limits } = options;
  const open = new Set<OpenForward>();
  let total = 0;
  let stopChecking: (() => void) | undefined;
  const check = async (): Promise<void> => {
    stopChecking = undefined;
    await endDead(options.ownership, open);
    if (open.size > 0) checkLater();
  };
  const checkLater = (): void => {
    stopChecking ??= clock.after(limits.forwardCheckMs, () => void check());
  };
  return {
    async forward(target, request, signal) {
      const problem = options.allowed.refuse(target.url);
      if (problem !== undefined) {
        options.log.error("Cannot pass a request on to another instance", {
          instance: target.name,
          url: target.url,
          problem,
        });
        return { kind: "failed", sent: false };
      }
      if (open.size >= roomFor(request, open, limits)) return { kind: "full" };
      const own: OpenForward = {
        target,
        consumer: request.consumer,
        isStream: request.method === "GET",
        abort: new AbortController(),
      };
      const stop = () => own.abort.abort();
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
      open.add(own);
      total += 1;
      checkLater();
      const close = (): void => {
        open.delete(own);
        signal.removeEventListener("abort", stop);
      };
      const came = await send(options, own, request);
      if (came.kind === "answered") return { ...came, body: closing(came.body, close) };
      close();
      return came;
    },
    open: () => open.size,
    endStreams() {
      for (const { isStream, abort } of [...open]) if (isStream) abort.abort();
    },
    async callsEnded(givenUp) {
      const calls = [...open].filter(({ isStream }) => !isStream);
      while (!givenUp.aborted && calls.some((one) => open.has(one))) {
        await sleep(clock, limits.drainCheckMs, givenUp);
      }
    },
    total: () => total,
    close() {
      stopChecking?.();
      for (const { abort } of [...open]) abort.abort();
    },
  };
}

/** How many may be open before one of a consumer: some places are kept for those that have none. */
function roomFor(
  { consumer }: ForwardedRequest,
  open: ReadonlySet<OpenForward>,
  { forwardedMax }: Pick<Limits, "forwardedMax">,
): number {
  if (open.size < placesFor(1, forwardedMax)) return forwardedMax;
  const own = [...open].filter((one) => one.consumer === consumer).length;
  return placesFor(own, forwardedMax);
}

async function send(
  { ownership, key, allowed, runtime, clock, limits, log }: ForwarderOptions,
  { target, abort: { signal } }: OpenForward,
  request: ForwardedRequest,
): Promise<Forwarded> {
  const { name: to, url } = target;
  let sent = false;
  try {
    const { headers, body, nonce } = await signRequest(request, {
      key,
      clock,
      from: ownership.name,
      to,
    });
    const answer = await runtime.request({
      url: `${new URL(url).origin}${forwardPath}`,
      method: "POST",
      headers,
      body,
      signal,
      connectMs: limits.forwardConnectMs,
      allowAddress: (address) => allowed.allows(url, address),
    });
    sent = true;
    const reading = readAnswer(answer.body, {
      key,
      nonce,
      recordBytesMax: limits.forwardRecordBytesMax,
    });
    const head = await reading.head().catch((fault) => {
      reading.cancel();
      if (answer.status === 200) throw fault;
      throw new Error(`The instance refused the request (${answer.status})`);
    });
    if (head.kind === "answer") return { kind: "answered", head, body: reading };
    reading.cancel();
    return head.kind === "refused" ? refusals[head.why] : head;
  } catch (thrown) {
    const fault = thrown as Partial<RequestFault>;
    sent ||= fault.sent === true;
    if (!signal.aborted || sent) {
      log.warn("Cannot pass a request on to another instance", {
        instance: to,
        url,
        problem: fault.message,
      });
    }
    return { kind: "failed", sent };
  }
}

const refusals: Readonly<Record<ProvenRefusal, Forwarded>> = {
  // Another instance is at the address of the one that is asked.
  misdirected: { kind: "failed", sent: false },
  full: { kind: "full" },
  body: { kind: "too_large" },
};

/** The same answer, which calls `close` when it is over. */
function closing(answer: SignedAnswer, close: () => void): SignedAnswer {
  return {
    head: answer.head,
    async next() {
      try {
        const bytes = await answer.next();
        if (bytes === undefined) close();
        return bytes;
      } catch (thrown) {
        close();
        answer.cancel();
        throw thrown;
      }
    },
    cancel() {
      close();
      answer.cancel();
    },
  };
}

/**
 * Ends the requests at instances whose terms have ended and that have begun no other one. One that
 * lives on in another term, since the table lost the first one, goes on with what it has; what it has
 * lost it ends by itself.
 */
async function endDead(
  ownership: Pick<Ownership, "instances" | "mayLack">,
  open: ReadonlySet<OpenForward>,
): Promise<void> {
  if (open.size === 0) return;
  // While the table is away, it cannot be known which instances live.
  const alive = await ownership.instances().catch(() => undefined);
  if (alive === undefined) return;
  const names = new Set(alive.map(({ name }) => name));
  const missing = [...open].filter(({ target }) => !names.has(target.name));
  // A table that has lost its rows knows the living again when they have renewed their terms.
  if (missing.length === 0 || await ownership.mayLack().catch(() => true)) return;
  for (const { abort } of missing) abort.abort();
}
