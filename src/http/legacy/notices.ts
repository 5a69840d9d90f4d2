/**
 * Notices that belong to no call, on their way to one session. A state notice (something has
 * changed) is encoded once, shared by all sessions of a revision, carries no id and is never
 * stored. Every other notice belongs to the session alone, and is kept for resumption.
 */
import type { Notice } from "../../model.ts";
import { notificationText } from "../../protocol/jsonrpc.ts";
import { type SharedFrame, shareFrame } from "../../sse/encode.ts";
import type { LiveSession } from "./live_session.ts";
import { sendOwned, sendState } from "./standalone_stream.ts";

const updated = "notifications/resources/updated";
const listsChanged = [
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
] as const;
const stateMethods: ReadonlySet<string> = new Set([updated, ...listsChanged]);

/** Frames of notices that several sessions share, by revision. */
const frames = new WeakMap<Notice, Map<string, SharedFrame>>();

/** The last frame: in a fan-out all sessions ask for it in turn, which spares the look-ups. */
let last:
  | { readonly notice: Notice; readonly revision: string; readonly frame: SharedFrame }
  | undefined;

/** Sends a notice to a session; true when a stream took it now. */
export function deliver(session: LiveSession, notice: Notice): boolean {
  if (session.isOver) return false;
  const { standalone } = session.streams;
  if (stateMethods.has(notice.method)) {
    const frame = stateFrame(session, notice);
    return frame !== undefined && sendState(standalone, stateKey(notice), frame);
  }
  const wire = session.deps.codec.encodeNotice(notice, session.caller);
  if (wire === undefined) return false;
  const isHeard = standalone.mayOwn && standalone.open.length > 0;
  const isKept = sendOwned(standalone, notificationText(wire.method, wire.params), () => true);
  if (!isKept) session.deps.emit({ type: "dropped", what: "client_notice" });
  return isKept && isHeard;
}

/** How many of these sessions' streams took a notice; its frame is encoded once for all. */
export function deliverTo(
  byKey: ReadonlyMap<string, LiveSession>,
  keys: Iterable<string>,
  notice: Notice,
): number {
  let heard = 0;
  for (const key of keys) {
    const session = byKey.get(key);
    if (session !== undefined && deliver(session, notice)) heard += 1;
  }
  return heard;
}

/** Notifies a session that it may have missed changes of the lists. */
export function deliverListsChanged(session: LiveSession): void {
  for (const method of listsChanged) deliver(session, { kind: "notice", method, params: {} });
}

/** Which state a notice is about: a list, or one resource. */
function stateKey({ method, params }: Notice): string {
  return method === updated ? `${method} ${String(params.uri)}` : method;
}

function stateFrame(session: LiveSession, notice: Notice): SharedFrame | undefined {
  const { revision } = session;
  if (last?.notice === notice && last.revision === revision) return last.frame;
  const frame = sharedFrame(session, notice);
  if (frame !== undefined) last = { notice, revision, frame };
  return frame;
}

function sharedFrame(session: LiveSession, notice: Notice): SharedFrame | undefined {
  let shared = frames.get(notice);
  if (shared === undefined) frames.set(notice, shared = new Map());
  const made = shared.get(session.revision);
  if (made !== undefined) return made;
  const wire = session.deps.codec.encodeNotice(notice, session.caller);
  if (wire === undefined) return undefined;
  const data = notificationText(wire.method, wire.params);
  // Named, because clients of the oldest transport may look for the name.
  const frame = shareFrame({ event: "message", data });
  shared.set(session.revision, frame);
  return frame;
}
