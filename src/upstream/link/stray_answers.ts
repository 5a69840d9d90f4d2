/**
 * Answers with an id that no open request has: which request they belong to, if that is certain,
 * and what they show about the server. An error without an id belongs to the only open request. A
 * result is never used; it fails the request that it was meant for: the request in whose stream it
 * came, the first message, or all requests of a server that uses the same id in each answer.
 */
import { errorTable } from "../../error_table.ts";
import type { RequestId } from "../../model.ts";
import type { RpcError } from "../../protocol/jsonrpc.ts";
import { failBadly, type PeerState, settle, type StrayMemory } from "./peer_state.ts";

/** The codes by which servers refuse a notification. */
const ofNotifications: ReadonlySet<number> = new Set([
  errorTable.method_not_found.rpc,
  errorTable.invalid_request.rpc,
]);

/** Makes the memory of a server that has not answered yet. */
export function createStrayMemory(): StrayMemory {
  return {
    toldAfter: Infinity,
    abandonedAfter: Infinity,
    firstAnswer: undefined,
    hasAnswered: false,
  };
}

/**
 * Takes a stray answer. `error` is absent for a result; `owner` is the request in whose stream it
 * came.
 */
export function takeStray(
  state: PeerState,
  id: unknown,
  error: RpcError | undefined,
  line: string,
  owner: RequestId | undefined,
): void {
  const { pending, givenUp, options } = state;
  if ((typeof id === "string" || typeof id === "number") && givenUp.delete(id)) {
    options.guard.notice();
    return options.guard.late();
  }
  options.guard.garbage("it answers no open request", line);
  const isOwned = owner !== undefined && pending.has(owner);
  const open = isOwned ? [owner] : waitingIn(state);
  const [only, ...others] = open;
  if (only === undefined) return;
  const wasMade = typeof id === "number" && id > 0 && id <= state.lastId;
  const isFirst = open.every((one) => pending.get(one)?.request.cancellable === false);
  if (error === undefined || wasMade) {
    return takeForeign(state, id, line, open, wasMade || !(isOwned || isFirst));
  }
  // Of several first messages, the error counts for the oldest, which may safely be refused.
  const isOnly = others.length === 0 || isFirst;
  if (isOwned || (isOnly && !isDoubtful(state.strays, error))) settleError(state, only, error);
}

/** Takes an answer to a request that is not open; fails the open requests that it was meant for. */
function takeForeign(
  state: PeerState,
  id: unknown,
  line: string,
  open: readonly RequestId[],
  isHarmless: boolean,
): void {
  const since = sameSince(state.strays, id, line);
  const isSame = open.some((one) => Number(one) > since);
  // A server that has answered correctly before may still send the right answer.
  if (!isSame && isHarmless) return;
  const shown = JSON.stringify(id ?? null);
  const why = isSame
    ? `it answers every request under id ${shown}, which belongs to an earlier one`
    : `it answers a request that was never made, under id ${shown}`;
  state.options.misspoken?.(why);
  for (const one of open) {
    if (!isSame || Number(one) > since) failBadly(state, one, `: ${why}`);
  }
}

/** A request was answered under its own id. */
export function answered({ strays, lastId }: PeerState, id: RequestId, line: string): void {
  strays.firstAnswer = strays.hasAnswered ? undefined : { id, line, lastId };
  strays.hasAnswered = true;
  if (Number(id) > strays.toldAfter) strays.toldAfter = Infinity;
  if (Number(id) > strays.abandonedAfter) strays.abandonedAfter = Infinity;
}

/** A notification was sent, which some servers answer by an error without an id. */
export function told({ strays, lastId }: PeerState): void {
  strays.toldAfter = lastId;
}

/** A request was cancelled, which the server may not know yet. */
export function abandoned({ strays, lastId }: PeerState): void {
  strays.abandonedAfter = lastId;
}

/** Ends a request with the server's error. */
export function settleError(state: PeerState, id: RequestId, error: RpcError): void {
  settle(state, id, { kind: "failure", error: state.codec.decodeError(error) }, true);
}

/** The requests that wait for an answer, without listen requests that the server has accepted. */
function waitingIn({ pending }: PeerState): readonly RequestId[] {
  return [...pending].flatMap(([id, { request, isHeardOf }]) =>
    request.timeoutMs > 0 || !isHeardOf ? [id] : []
  );
}

/** Whether an error without an id may be about something other than an open request. */
function isDoubtful(
  { abandonedAfter, toldAfter }: StrayMemory,
  { code, message }: RpcError,
): boolean {
  return abandonedAfter !== Infinity ||
    (toldAfter !== Infinity && (ofNotifications.has(code) || /notification/i.test(message)));
}

/** The id after which the server has answered every request with its first answer's id. */
function sameSince({ firstAnswer }: StrayMemory, id: unknown, line: string): number {
  return firstAnswer !== undefined && firstAnswer.id === id && firstAnswer.line !== line
    ? firstAnswer.lastId
    : Infinity;
}
