/**
 * The events of calls. They refer to arguments and results: a reader keeps these no longer than the
 * event, and shows arguments only where the operator asks for it.
 */
import type { JsonObject } from "../model.ts";
import type { CallTrace } from "./call_trace.ts";

/** What is known of a call when it begins. */
export interface CallFacts {
  /** Unique in this process: the events of one call have the same number. */
  readonly call: number;
  readonly surface: string;
  readonly method: string;
  /** The name or URI of what is called, as the client wrote it. */
  readonly item?: string | undefined;
  readonly principal: string;
  /** As the client declared itself: `name`, `version` and whatever else. */
  readonly clientInfo: JsonObject;
  /** The arguments of a tool or prompt, as the client wrote them. */
  readonly arguments?: JsonObject | undefined;
}

/** A call began. */
export interface CallStartedEvent extends CallFacts {
  readonly type: "call_started";
}

/** A call ended. */
export interface CallEvent extends CallFacts {
  readonly type: "call_ended";
  /** The server of the call, if it was resolved. */
  readonly server?: string | undefined;
  /** The server's own name or URI for the item, if it was resolved. */
  readonly own?: string | undefined;
  readonly ms: number;
  /** The result, of a call that has one; `textOfValue` (source_text.ts) gives its size without writing a long one again. */
  readonly result?: JsonObject | undefined;
  /** `ok`, `paused` (it ended as `InputRequired`), `tool_error`, or the code of the failure. */
  readonly outcome: string;
  /** Whether access was denied: its client is not told, and gets the code of an unknown item. */
  readonly isDenied?: boolean | undefined;
  /** Absent of a call that succeeded, that waits for its client, or that its client gave up. */
  readonly failure?: CallFailure | undefined;
  /** The trace that the call belongs to, if any. */
  readonly trace?: CallTrace | undefined;
}

/** A request was refused before the gateway took it as a call. */
export interface CallRefusedEvent {
  readonly type: "call_refused";
  readonly surface: string;
  readonly method: string;
  readonly principal: string;
  readonly failure: CallFailure;
}

/** A call that failed, for the operator. */
export interface CallFailure {
  /** The server that the call was for, or that caused the failure. */
  readonly server?: string | undefined;
  /** What was called, by the server's own name where the server is known; in one line. */
  readonly item?: string | undefined;
  /** Name and version of the client, in one line. */
  readonly client: string;
  /** The code of the error table, or `tool_error`. */
  readonly code: string;
  /** Why, as the gateway or the server says it. */
  readonly reason: string;
}
