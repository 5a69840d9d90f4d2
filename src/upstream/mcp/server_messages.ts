/**
 * Where a connection's unsolicited notices and questions go: to the call that owns them
 * (attribution.ts tells which), else to the watchers that it serves. A notice that the protocol does
 * not name may be about anything, so that it goes to the only open call, or to the session or the
 * principal that has the connection alone. Questions that the client did not declare to answer are refused here, but
 * for callers who hear of what was missing; roots that the operator fixed are answered here.
 */
import { isQuestion, missingCapability } from "../../client_capabilities.ts";
import { GatewayError } from "../../errors.ts";
import type { McpServerConfig } from "../../config/config.ts";
import type { Answer, JsonObject, Notice } from "../../model.ts";
import type { WireMessage } from "../../protocol/codec.ts";
import { isNamed } from "../../protocol/names.ts";
import { toRefusal } from "../../protocol/shared/ask_refusal.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import type { CallNotice, NoticeFate } from "../link/link.ts";
import type { AttributedCall, AttributedCalls } from "./attribution.ts";

/** Who hears what belongs to no call. */
export interface ServerMessageEvents {
  /** A notice that belongs to no call; false when no scope wants it. */
  notice(notice: Notice): boolean;
  /** A question that belongs to no call; must not reject. */
  ask(question: WireMessage, signal: AbortSignal): Promise<Answer>;
  /** The server asked something that may belong to a call, without saying to which. */
  asked(): void;
}

/** What decides where things go. */
export interface ServerMessageOptions {
  readonly config: Pick<McpServerConfig, "isolation" | "roots">;
  /** The client capabilities declared to the server. */
  readonly capabilities: JsonObject;
  readonly hooks: ServerMessageEvents;
}

/** Notices of the protocol that belong to a call where they come in its stream. */
const ofCalls: ReadonlySet<string> = new Set(["notifications/progress", "notifications/message"]);

/** The call that a question belongs to. */
type OpenCall = Pick<AttributedCall, "call" | "source">;

/** The handlers of a connection. */
export type ServerMessages = ReturnType<typeof createServerMessages>;

/** Makes the handlers of a connection. */
export function createServerMessages(
  { config, capabilities, hooks }: ServerMessageOptions,
  calls: () => Pick<AttributedCalls, "owner" | "only" | "lateOwner" | "isWorking" | "taken">,
) {
  const notice = (item: Notice): NoticeFate => {
    const isLog = item.method === "notifications/message";
    if (!isLog && isNamed(item.method)) return hooks.notice(item);
    const open = isLog ? calls().owner() : calls().only();
    if (open === undefined) return config.isolation !== "shared" && hooks.notice(item);
    open.touch();
    return open.source.notice(item) && calls().taken(open.call);
  };
  const drops = (method: CallNotice): boolean => {
    const open = method === "notifications/message" ? calls().owner() : calls().only();
    if (open?.call.room?.drops() !== true) return false;
    open.touch();
    return true;
  };
  /** A notice on the way of one call: what the protocol names is its own by two names alone. */
  const noticeTo = (source: ExchangeSource, item: Notice): boolean =>
    ofCalls.has(item.method) || !isNamed(item.method) ? source.notice(item) : hooks.notice(item);

  const put = (
    question: WireMessage,
    signal: AbortSignal,
    open: OpenCall | undefined,
  ): Promise<Answer> => {
    const { method, params } = question;
    const { source, call } = open ?? {};
    const asksByResult = call?.caller.asksByResult === true;
    const isFixed = method === "roots/list" && typeof config.roots !== "string";
    // A part that is missing is the client's codec's to name.
    const isMissing = (those: JsonObject) => missingCapability(question, those)?.isWhole === true;
    // A client may have joined a process that had been told more of the clients before it.
    const isUndeclared = isMissing(capabilities) ||
      (call !== undefined && !isFixed && isMissing(call.caller.capabilities));
    // A caller that is asked by result gets an error that names the missing capability. That does
    // not apply to what the operator withholds from servers, nor to questions of a shared process.
    const isWithheld = config.isolation === "shared" ||
      (method === "roots/list" && config.roots === "none");
    if (isUndeclared && (!asksByResult || !isQuestion(method) || isWithheld)) {
      return Promise.resolve(toRefusal(new GatewayError("method_not_found")));
    }
    if (isFixed) {
      return Promise.resolve({ kind: "answer", value: { roots: config.roots } });
    }
    return source?.ask(method, params, signal) ?? hooks.ask(question, signal);
  };
  const ask = (question: WireMessage, signal: AbortSignal): Promise<Answer> => {
    const { owner, lateOwner, isWorking } = calls();
    const isRoots = question.method === "roots/list";
    const open = owner();
    // Some servers ask for roots after their handshake, in no call.
    if (!isRoots || (config.roots === "relay" && isWorking())) hooks.asked();
    // What no client can answer needs no owner.
    const isHeld = open === undefined && missingCapability(question, capabilities) === undefined &&
      (!isRoots || config.roots === "relay");
    const late = isHeld ? lateOwner(signal) : undefined;
    return late?.then((found) => put(question, signal, found)) ?? put(question, signal, open);
  };
  const askTo = (
    open: OpenCall,
    question: WireMessage,
    signal: AbortSignal,
  ): Promise<Answer> => put(question, signal, open);
  return { notice, noticeTo, drops, ask, askTo };
}
