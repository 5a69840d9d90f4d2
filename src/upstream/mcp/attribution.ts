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
import type { OpenRequest } from "../link/link.ts";

/** One call under way. */
export interface AttributedCall {
  readonly call: Call;
  readonly source: ExchangeSource;
  readonly request: OpenRequest;
}

/**
 * Whose something is that names no call. `latest`: of a session's calls the latest that does work
 * for the client. `working`: the only one that does. `sole`: the only one of all. `logged`: the
 * only one that asked for log notices, without which there are none.
 */
export type Attribution = "latest" | "working" | "sole" | "logged";

/** The calls of one connection. */
export interface AttributedCalls {
  add(call: AttributedCall): void;
  /** It is over; `isAnswered`: the server has said so itself. */
  delete(call: AttributedCall, isAnswered: boolean): void;
  /** Whose a notice or question is; undefined when that cannot be told. */
  owner(): AttributedCall | undefined;
  /**
   * The only call; undefined where there are others, or where clients share the connection and one
   * was given up.
   */
  only(): AttributedCall | undefined;
  /** Whether what comes now may be a given-up call's. */
  isDoubtful(): boolean;
  /** Ends the calls of one scope. */
  endScope(scope: string, error: GatewayError): void;
}

/** Methods by which a server works for the client, and during which it may turn to it. */
export const workingMethods: ReadonlySet<string> = new Set([
  "tools/call",
  "prompts/get",
  "resources/read",
]);

/** Makes an empty set of calls. */
export function createAttributedCalls(
  attribution: Attribution,
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "strayQuestionMs"> },
): AttributedCalls {
  const calls = new Set<AttributedCall>();
  let doubtfulUntil = -Infinity;
  let strayUntil = -Infinity;
  const only = (those: readonly AttributedCall[]): AttributedCall | undefined =>
    those.length === 1 ? those[0] : undefined;
  const isWorking = ({ call }: AttributedCall): boolean => workingMethods.has(call.method);
  const owners: Readonly<Record<Attribution, () => AttributedCall | undefined>> = {
    latest: () => only([...calls]) ?? [...calls].findLast(isWorking),
    working: () => only([...calls].filter(isWorking)),
    sole: () => only([...calls]),
    logged: () => only([...calls].filter(({ call }) => call.caller.logLevel !== undefined)),
  };
  /** Whether the server may still say something for it. */
  const maySpeak = (open: AttributedCall): boolean =>
    isWorking(open) && (attribution !== "logged" || open.call.caller.logLevel !== undefined);
  const isDoubtful = (): boolean => clock.monotonic() < doubtfulUntil;
  const remove = (call: AttributedCall, isAnswered: boolean): void => {
    if (!calls.delete(call) || isAnswered || !isWorking(call)) return;
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
    only() {
      if (attribution !== "latest" && clock.monotonic() < strayUntil) return undefined;
      return only([...calls]);
    },
    isDoubtful,
    endScope(scope, error) {
      for (const open of [...calls]) {
        if (open.call.caller.scope !== scope) continue;
        remove(open, false);
        open.request.cancel("The session ended");
        open.source.end({ kind: "failure", error });
      }
    },
  };
}
