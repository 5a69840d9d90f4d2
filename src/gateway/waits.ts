/**
 * How long an answer waits for one server: lists and calls wait rather than lie, but a server that
 * keeps a client waiting costs that client only its own part.
 */
import { type Clock, sleep } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Caller, ListKind } from "../model.ts";
import type { Server } from "./server.ts";
import type { Scopes } from "./scope.ts";

/**
 * How long an answer waits for a server that has not answered this scope yet. `list`: until it has,
 * unless the client listens for changes and other servers have answered. `call`: until it has.
 * `glance`: no longer than the first answer of the gateway may take (`firstListMs`). `lookup`: the
 * same, but a scope spends that time once, whichever of its clients calls.
 * `memory`: for what is known.
 */
export type Patience =
  | { readonly kind: "list"; readonly hears: () => boolean; readonly isAlone: boolean }
  | { readonly kind: "call" }
  | { readonly kind: "glance" }
  | { readonly kind: "lookup" }
  | { readonly kind: "memory" };

/** What is waited for. */
export interface WaitOptions {
  readonly patience: Patience;
  /** A list of this kind; its last good one may stand in. */
  readonly kind?: ListKind;
}

/** Returns what `read` returns; fails with `upstream_late` when its server takes too long. */
export type WithinPatience = <T>(
  server: Server,
  caller: Caller,
  options: WaitOptions,
  read: Promise<T>,
) => Promise<T>;

/** Makes the waiting of one gateway. */
export function createWaits(
  { limits, clock, scopes, stopping }: {
    readonly limits: Limits;
    readonly clock: Clock;
    readonly scopes: Scopes;
    /** Ends the waiting, but for what is known already. */
    readonly stopping: AbortSignal;
  },
): WithinPatience {
  /** Rejects once an answer may wait no longer for a server; never, when `over` aborts first. */
  async function runsOut(
    server: Server,
    caller: Caller,
    { kind, patience }: WaitOptions,
    over: AbortSignal,
  ): Promise<never> {
    const { answered, firstAskedAt } = scopes.server(caller.scope, server.config.name);
    const lists = scopes.lists(caller, server.config.name);
    const begunAt = clock.monotonic();
    // A scope that is shared has many clients, and each of them lists for the first time.
    const isFirst = caller.sharesScope === true && patience.kind !== "lookup";
    const firstAt = isFirst ? begunAt : firstAskedAt;
    const glanceAt = Math.max(
      begunAt + (answered ? limits.listMs : limits.listKnownMs),
      firstAt + limits.firstListMs,
    );
    const hasOld = kind !== undefined && lists.has(kind);
    /** Until when, and when to look again whether that has changed. */
    const due = (): readonly [number, number] => {
      if (patience.kind === "memory") return [begunAt + limits.listKnownMs, Infinity];
      if (hasOld) return [begunAt + limits.listMs, Infinity];
      if (patience.kind === "glance" || patience.kind === "lookup") return [glanceAt, Infinity];
      // Once for its turn to start, once for the start itself.
      if (patience.kind === "call") return [begunAt + 2 * server.config.startTimeoutMs, Infinity];
      if (patience.isAlone) return [begunAt + limits.listWaitMsMax, Infinity];
      if (patience.hears()) return [glanceAt, Infinity];
      return [begunAt + limits.listWaitMsMax, clock.monotonic() + limits.listRecheckMs];
    };
    const wake = AbortSignal.any([over, stopping]);
    let stopAt = Infinity;
    while (!over.aborted) {
      const now = clock.monotonic();
      if (stopping.aborted) stopAt = Math.min(stopAt, now + limits.listKnownMs);
      const [until, recheckAt] = due();
      if (stopAt <= now) throw new GatewayError("draining");
      if (until <= now) throw lateError(server);
      const waitMs = Math.min(until - now, recheckAt - now, stopAt - now, limits.timerMsMax);
      await sleep(clock, waitMs, stopping.aborted ? over : wake);
    }
    return await new Promise<never>(() => {});
  }

  async function within<T>(
    server: Server,
    caller: Caller,
    options: WaitOptions,
    read: Promise<T>,
  ): Promise<T> {
    const over = new AbortController();
    const late = runsOut(server, caller, options, over.signal);
    late.catch(() => {});
    try {
      const value = await Promise.race([read, late]);
      scopes.server(caller.scope, server.config.name).answered = true;
      return value;
    } finally {
      // With a reason, `abort` does not make an exception with a stack.
      over.abort("over");
    }
  }

  return within;
}

function lateError({ config: { name } }: Server): GatewayError {
  return new GatewayError(
    "upstream_late",
    `Server "${name}" has not answered yet; list again later, or when list_changed says so`,
    { data: { server: name } },
  );
}
