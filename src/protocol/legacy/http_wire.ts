/**
 * The headers by which the handshake era travels over HTTP beside its messages: the session, the
 * negotiated revision, and where a broken stream goes on. Follows the Streamable HTTP transport of
 * 2025-03-26 to 2025-11-25.
 */

const sessionHeader = "mcp-session-id";
/** Visible ASCII, as a session's id must be. */
const sessionId = /^[\x21-\x7e]+$/;

/** What a session has settled. */
export interface SessionHeaders {
  readonly session: string | undefined;
  readonly revision: string | undefined;
}

/** The headers of a message in a session; the first message has neither. */
export function sessionHeaders({ session, revision }: SessionHeaders): Record<string, string> {
  return {
    ...(session === undefined ? {} : { [sessionHeader]: session }),
    ...(revision === undefined ? {} : { "mcp-protocol-version": revision }),
  };
}

/** The session that an answer opens; undefined when it opens none. */
export function sessionIn(headers: Headers): string | undefined {
  const id = headers.get(sessionHeader);
  return id !== null && sessionId.test(id) ? id : undefined;
}

/** Where a broken stream is to go on. */
export function resumingAfter(eventId: string | undefined): Record<string, string> {
  return eventId === undefined || eventId === "" ? {} : { "last-event-id": eventId };
}
