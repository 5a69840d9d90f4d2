/**
 * The handshake: `initialize` creates a session. The gateway describes the surface, the session is
 * stored before its id is sent (unless it ends with its stream), and only then added to the session
 * table. A session id that the client chose is never accepted. Follows the lifecycle pages.
 */
import { GatewayError } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import { clientLine } from "../../one_line.ts";
import { latestRevision, negotiate } from "../../protocol/legacy/revisions.ts";
import type { RequestMessage } from "./call.ts";
import { endLiveSession, openLiveSession, toRecord } from "./life.ts";
import type { LiveSession } from "./live_session.ts";
import { enlist, type SessionHolder, type Sessions } from "./session_table.ts";

/** A session with the result that announces it. */
export interface OpenedSession {
  readonly session: LiveSession;
  readonly result: JsonObject;
}

/**
 * Opens a session of a principal on a surface. Throws `invalid_params`, or the fault of the store.
 */
export async function initializeSession(
  sessions: Sessions,
  message: RequestMessage,
  { surface, principal, consumer }: SessionHolder,
  isStored: boolean,
): Promise<OpenedSession> {
  const { deps } = sessions;
  const decoded = deps.codec.decodeRequest(message.method, message.params, latestRevision);
  if (decoded.kind !== "ok") {
    throw new GatewayError("invalid_params", decoded.kind === "invalid" ? decoded.message : "");
  }
  const { protocolVersion, clientInfo, capabilities } = decoded.params;
  const revision = negotiate(protocolVersion);
  const id = crypto.randomUUID();
  const record = toRecord({
    key: deps.sha256(id),
    surface,
    principal: principal.id,
    consumer,
    revision,
    clientInfo: clientInfo as JsonObject,
    capabilities: capabilities as JsonObject,
    owner: deps.owner,
  }, deps.activity.now());
  const session = openLiveSession(deps, record, { id, isStored, principal, consumer });
  try {
    const description = await deps.gateway.describe(surface, session.caller);
    if (isStored) {
      await deps.sessions.create(record);
      await deps.ownership?.().claim(record.key);
    }
    enlist(sessions, session);
    const client = clientLine(record.clientInfo, deps.limits.clientTitleCharsMax);
    deps.emit({ type: "client_connected", surface, client, revision });
    return { session, result: deps.codec.encodeDescription(description, session.caller) };
  } catch (thrown) {
    endLiveSession(session, "it could not be opened", new GatewayError("cancelled"));
    throw thrown;
  }
}
