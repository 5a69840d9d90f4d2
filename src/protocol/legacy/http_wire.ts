/**
 * The headers by which the handshake era travels over HTTP beside its messages: the session, the
 * negotiated revision, and where a broken stream goes on. Follows the Streamable HTTP transport of
 * 2025-03-26 to 2025-11-25.
 */
import { errorTable, upstreamCodes, type UpstreamErrorBody } from "../../errors.ts";

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
  if (eventId === undefined || eventId === "") return {};
  // As UTF-8, which in a header is written byte by byte.
  const bytes = new TextEncoder().encode(eventId);
  return { "last-event-id": Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") };
}

/**
 * Whether a refusal means that the session is gone: by its status, or, from servers that were written
 * after an early example, in words.
 */
export function isSessionLost(status: number, error: UpstreamErrorBody | undefined): boolean {
  if (status === 404) return error?.code !== errorTable.method_not_found.rpc;
  return status === 400 && error?.code === upstreamCodes.badRequest &&
    /\bsession\b|not initialized/i.test(error.message);
}
