/**
 * Answers with an id that no open request has: which request they belong to, where that is certain,
 * and what they show about the server. An error without an id belongs to the only open request. A
 * result is never used; it fails the request that it was meant for: the one in whose own stream it
 * came, the first message, or all requests of a server that answers each of them with the same id.
 */
import { errorTable } from "../../errors.ts";
import type { RequestId } from "../../model.ts";
import type { RpcError } from "../../protocol/jsonrpc.ts";
import type { OutputGuard } from "./output_guard.ts";
import type { OpenRequests } from "./pending.ts";

/** What is needed to place the stray answers of one server. */
interface StrayOptions extends OpenRequests {
  readonly guard: OutputGuard;
  readonly settleError: (id: RequestId, error: RpcError) => void;
}

/** Places stray answers. */
export interface StrayAnswers {
  /** Takes one; `error` is absent of a result, `owner` the request in whose own stream it came. */
  take(id: unknown, error: RpcError | undefined, line: string, owner: RequestId | undefined): void;
  /** A request was answered under its own id. */
  answered(id: RequestId, line: string): void;
  /** A notification was sent, which some servers answer by an error without an id. */
  told(): void;
  /** A request was given up, which the server may not know. */
  abandoned(): void;
}

/** The codes by which servers refuse a notification. */
const ofNotifications: ReadonlySet<number> = new Set([
  errorTable.method_not_found.rpc,
  errorTable.invalid_request.rpc,
]);

/** Starts without any answer. */
export function createStrayAnswers(options: StrayOptions): StrayAnswers {
  const { guard, pending, givenUp, settleError } = options;
  /** The last id before the last notification, until a later request is answered. */
  let toldAfter = Infinity;
  /** The last id when a request was abandoned last, until a later one is answered. */
  let abandonedAfter = Infinity;
  /** The only answer so far, and the last id by then. */
  let firstAnswer: { id: RequestId; line: string; lastId: number } | undefined;
  let hasAnswered = false;

  /** The requests that wait for an answer; a standing one does not, once the server has accepted it. */
  const waiting = (): readonly RequestId[] =>
    [...pending].flatMap(([id, { timeoutMs, isHeardOf }]) =>
      timeoutMs > 0 || isHeardOf !== true ? [id] : []
    );

  /** Whether an error that names no request may be about something else than an open one. */
  const isDoubtful = ({ code, message }: RpcError): boolean =>
    abandonedAfter !== Infinity ||
    (toldAfter !== Infinity && (ofNotifications.has(code) || /notification/i.test(message)));
  /** The id after which requests are answered under the only id that the server has ever used. */
  const sameSince = (id: unknown, line: string): number =>
    firstAnswer !== undefined && firstAnswer.id === id && firstAnswer.line !== line
      ? firstAnswer.lastId
      : Infinity;

  return {
    take(id, error, line, owner) {
      if ((typeof id === "string" || typeof id === "number") && givenUp.delete(id)) {
        return guard.notice();
      }
      guard.garbage("it answers no open request", line);
      const isOwned = owner !== undefined && pending.has(owner);
      const open = isOwned ? [owner] : waiting();
      const [only, ...others] = open;
      if (only === undefined) return;
      const wasMade = typeof id === "number" && id > 0 && id <= options.lastId();
      const isFirst = open.every((one) => pending.get(one)?.cancellable === false);
      if (error !== undefined && !wasMade) {
        // Of several first messages it is the oldest: that a server refuses it does no harm.
        const isOnly = others.length === 0 || isFirst;
        if (isOwned || (isOnly && !isDoubtful(error))) settleError(only, error);
        return;
      }
      const since = sameSince(id, line);
      const isSame = open.some((one) => Number(one) > since);
      // A server that has answered properly may say such a thing and the right answer after it.
      if (!isSame && (wasMade || !(isOwned || isFirst))) return;
      const shown = JSON.stringify(id ?? null);
      const why = isSame
        ? `it answers every request under id ${shown}, which belongs to an earlier one`
        : `it answers a request that was never made, under id ${shown}`;
      options.misspoken(why);
      for (const one of open) {
        if (!isSame || Number(one) > since) options.failBadly(one, `: ${why}`);
      }
    },
    answered(id, line) {
      firstAnswer = hasAnswered ? undefined : { id, line, lastId: options.lastId() };
      hasAnswered = true;
      if (Number(id) > toldAfter) toldAfter = Infinity;
      if (Number(id) > abandonedAfter) abandonedAfter = Infinity;
    },
    told: () => void (toldAfter = options.lastId()),
    abandoned: () => void (abandonedAfter = options.lastId()),
  };
}
