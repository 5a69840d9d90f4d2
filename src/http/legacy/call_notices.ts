/**
 * The notices of one call of a session on their way to the client: on the call's own stream, or on a
 * standalone one where the client takes no stream as the answer. A reader that stands still gets no
 * more of them.
 */
import type { CallTarget, Notice } from "../../model.ts";
import type { Decoded } from "../../protocol/codec.ts";
import { notificationText } from "../../protocol/jsonrpc.ts";
import { createProgressGap, isProgress, type ProgressGap } from "../progress_gap.ts";
import { hasRoomFor } from "../slow_reader.ts";
import type { LiveSession, ReplySink } from "./live_session.ts";
import { sendOwned } from "./standalone_stream.ts";

/** A call that sends notices. */
export interface NotifiedCall {
  readonly session: LiveSession;
  readonly request: Pick<Extract<Decoded, { kind: "ok" }>, "progressToken">;
  readonly target: CallTarget;
  readonly sink: ReplySink;
  /** Absent before the first progress. */
  gap: ProgressGap | undefined;
}

/** Sends a notice, or counts it as dropped. */
export function sendNotice(running: NotifiedCall, notice: Notice): void {
  const { session, request, sink } = running;
  const { codec, limits } = session.deps;
  const queued = sink.queuedBytes();
  // What is dropped is not encoded first: a flood for one client must cost the others little.
  if (!hasRoomFor(0, queued, limits)) return dropNotice(running);
  const wire = codec.encodeNotice(notice, session.caller, request.progressToken);
  if (wire === undefined) return;
  const text = notificationText(wire.method, wire.params);
  // A client that accepts no stream as the answer may have a standalone stream.
  const { standalone } = session.streams;
  const isOpen = standalone.open.length > 0;
  const isWritten = hasRoomFor(text.length, queued, limits) &&
    (sink.send(text) || (isOpen && sendOwned(standalone, text, () => true)));
  if (!isWritten) return dropNotice(running);
  if (!isProgress(notice)) return;
  running.gap ??= createProgressGap(session.deps.clock, session.deps.limits);
  running.gap.begin();
}

/** Counts a notice that the client does not get. */
export function dropNotice({ session, target }: Pick<NotifiedCall, "session" | "target">): void {
  session.deps.emit({ type: "dropped", what: "call_notice", server: target.server });
}
