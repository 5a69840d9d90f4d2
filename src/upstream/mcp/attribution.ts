/**
 * The calls under way on one connection, and whose an unsolicited notice or question is: stdio has
 * no channel for each call, so that must be told from what is open. How sure that is depends on who
 * shares the connection, which `Attribution` says. A call that was given up may be worked on for a
 * while: until then nothing can be told where several clients share the connection.
 */
import type { Clock } from "../../clock.ts";
import type { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Call } from "../../model.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import type { NoticeFate } from "../link/link.ts";

/** One call under way. */
export interface AttributedCall {
  readonly call: Call;
  readonly source: ExchangeSource;
  /** A sign of life. */
  touch(): void;
  /** Ends the call at once; its reader gets no ending. */
  giveUp(reason: string): void;
}

/**
 * Whose something is that names no call. `latest`: of a session's calls the latest that does work
 * for the client. `working`: the only one that does, if need be after the others were answered.
 * `single`: the only one that does now. `sole`: the only one of all. `logged`: the only one that
 * asked for log notices, without which there are none.
 */
export type Attribution = "latest" | "working" | "single" | "sole" | "logged";

/** The calls of one connection. */
export interface AttributedCalls {
  add(call: AttributedCall): void;
  /** It is over; `isAnswered`: the server has said so itself. */
  delete(call: AttributedCall, isAnswered: boolean): void;
  /** Whose a notice or question is; undefined when that cannot be told. */
  owner(): AttributedCall | undefined;
  /**
   * Whose a question is that several calls may have caused, once that can be told: the server has
   * answered all of them but one. It cannot be told when one of them is given up, since the
   * question may be that one's. Undefined: waiting tells nothing more.
   */
  lateOwner(signal: AbortSignal): Promise<AttributedCall | undefined> | undefined;
  /** Runs once no question waits that may be this call's. */
  whenTold(call: AttributedCall, run: () => void): void;
  /** Whether a call does work for a client. */
  isWorking(): boolean;
  /**
   * What became of a notice that a call has taken: where one client has the connection alone, the
   * server waits for a reader that lags.
   */
  taken(call: Call): NoticeFate;
  /**
   * The only call; undefined where there are others, or where clients share the connection and one
   * was given up.
   */
  only(): AttributedCall | undefined;
  /** Whether what comes now may be a given-up call's. */
  isDoubtful(): boolean;
  /** Since when all of them wait for their clients; undefined where that is not so. */
  restingSince(): number | undefined;
  /** Gives up those that wait for their clients. */
  giveWay(): void;
  /** Ends the calls of one scope. */
  endScope(scope: string, error: GatewayError): void;
}

/** Methods by which a server works for the client, and during which it may turn to it. */
export const workingMethods: ReadonlySet<string> = new Set([
  "tools/call",
  "prompts/get",
  "resources/read",
]);

/** A question that waits until it can be told whose it is. */
interface HeldQuestion {
  /** The calls that were open when it came. */
  readonly candidates: Set<AttributedCall>;
  /** What runs when it waits no longer. */
  readonly after: (() => void)[];
  settle(owner: AttributedCall | undefined): void;
}

/** Makes an empty set of calls. */
export function createAttributedCalls(
  attribution: Attribution,
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "strayQuestionMs"> },
): AttributedCalls {
  const calls = new Set<AttributedCall>();
  const held = new Set<HeldQuestion>();
  let doubtfulUntil = -Infinity;
  let strayUntil = -Infinity;
  const only = (those: readonly AttributedCall[]): AttributedCall | undefined =>
    those.length === 1 ? those[0] : undefined;
  const isWorking = ({ call }: AttributedCall): boolean => workingMethods.has(call.method);
  const owners: Readonly<Record<Attribution, () => AttributedCall | undefined>> = {
    latest: () => only([...calls]) ?? [...calls].findLast(isWorking),
    working: () => only([...calls].filter(isWorking)),
    single: () => only([...calls].filter(isWorking)),
    sole: () => only([...calls]),
    logged: () => only([...calls].filter(({ call }) => call.caller.logLevel !== undefined)),
  };
  /** Whether the server may still say something for it. */
  const maySpeak = (open: AttributedCall): boolean =>
    isWorking(open) && (attribution !== "logged" || open.call.caller.logLevel !== undefined);
  const isDoubtful = (): boolean => clock.monotonic() < doubtfulUntil;
  const remove = (call: AttributedCall, isAnswered: boolean): void => {
    if (!calls.delete(call)) return;
    narrow(held, call, isAnswered);
    if (isAnswered || !isWorking(call)) return;
    strayUntil = clock.monotonic() + limits.strayQuestionMs;
    if (maySpeak(call)) doubtfulUntil = strayUntil;
  };
  return {
    add: (call) => void calls.add(call),
    delete: remove,
    owner() {
      // A session's own calls may be mistaken for each other: its client is the same.
      if (attribution !== "latest" && isDoubtful()) return undefined;
      return owners[attribution]();
    },
    lateOwner(signal) {
      const candidates = new Set([...calls].filter(isWorking));
      if (attribution !== "working" || isDoubtful() || candidates.size < 2) return undefined;
      return hold(held, candidates, signal);
    },
    whenTold: (call, run) => whenTold(held, call, run),
    isWorking: () => [...calls].some(isWorking),
    taken: (call) => (attribution === "latest" ? call.room?.wait() : undefined) ?? true,
    only() {
      if (attribution !== "latest" && clock.monotonic() < strayUntil) return undefined;
      return only([...calls]);
    },
    isDoubtful,
    restingSince() {
      const rests = [...calls].map(({ source }) => source.resting()?.since);
      return rests.includes(undefined) || rests.length === 0
        ? undefined
        : Math.max(...rests.map(Number));
    },
    giveWay() {
      for (const { source } of [...calls]) source.resting()?.giveWay();
    },
    endScope(scope, error) {
      for (const open of [...calls]) {
        if (open.call.caller.scope !== scope) continue;
        remove(open, false);
        open.giveUp("The session ended");
        open.source.end({ kind: "failure", error });
      }
    },
  };
}

function hold(
  held: Set<HeldQuestion>,
  candidates: Set<AttributedCall>,
  signal: AbortSignal,
): Promise<AttributedCall | undefined> {
  const { promise, resolve } = Promise.withResolvers<AttributedCall | undefined>();
  const question: HeldQuestion = {
    candidates,
    after: [],
    settle(owner) {
      held.delete(question);
      signal.removeEventListener("abort", withdraw);
      resolve(owner);
      for (const run of question.after) run();
    },
  };
  const withdraw = (): void => question.settle(undefined);
  held.add(question);
  signal.addEventListener("abort", withdraw);
  if (signal.aborted) withdraw();
  return promise;
}

function whenTold(held: Set<HeldQuestion>, call: AttributedCall, run: () => void): void {
  if (held.size === 0) return run();
  const question = [...held].find(({ candidates }) => candidates.has(call));
  if (question === undefined) run();
  else question.after.push(() => whenTold(held, call, run));
}

/** A call is over: what may have been its question has one candidate fewer. */
function narrow(held: Set<HeldQuestion>, call: AttributedCall, isAnswered: boolean): void {
  if (held.size === 0) return;
  for (const question of [...held]) {
    if (!question.candidates.delete(call)) continue;
    const [last, ...others] = question.candidates;
    if (!isAnswered) question.settle(undefined);
    else if (others.length === 0) question.settle(last);
  }
}
