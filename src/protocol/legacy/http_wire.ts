/**
 * The HTTP headers of the handshake era: the session, the negotiated revision, and where to resume
 * a broken stream. Follows the Streamable HTTP transport of 2025-03-26 to 2025-11-25.
 */
import { errorTable } from "../../error_table.ts";
import { upstreamCodes, type UpstreamErrorBody } from "../../errors.ts";
import type { RequestId } from "../../model.ts";

const sessionHeader = "mcp-session-id";
/** Visible ASCII, as a session's id must be. */
const sessionId = /^[\x21-\x7e]+$/;

/** What a session has settled. */
export interface SessionHeaders {
  readonly session: string | undefined;
  readonly revision: string | undefined;
}

/** The headers of a message in a session; the first message has none. */
export function sessionHeaders({ session, revision }: SessionHeaders): Record<string, string> {
  return {
    ...(session === undefined ? {} : { [sessionHeader]: session }),
    ...(revision === undefined ? {} : { "mcp-protocol-version": revision }),
  };
}

/** The session that an answer opens; undefined if it opens none. */
export function sessionIn(headers: Headers): string | undefined {
  const id = headers.get(sessionHeader);
  return id !== null && sessionId.test(id) ? id : undefined;
}

/** The header that resumes a broken stream. */
export function resumingAfter(eventId: string | undefined): Record<string, string> {
  if (eventId === undefined || eventId === "") return {};
  // Headers are bytes: the id is sent as UTF-8.
  const bytes = new TextEncoder().encode(eventId);
  return { "last-event-id": Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") };
}

/** What a server answered instead of a result, over HTTP. */
export interface HttpRefusal {
  readonly status: number;
  readonly rpc?:
    | { readonly id?: RequestId | undefined; readonly error: UpstreamErrorBody }
    | undefined;
  /** The message of the error, or the beginning of the body. */
  readonly words: string;
  /** Whether it refuses credentials that the operator configured. */
  readonly isLoginRefused: boolean;
}

/** Codes of errors about one request's own method and arguments. */
const aboutRequest: ReadonlySet<number | undefined> = new Set([
  errorTable.method_not_found.rpc,
  errorTable.invalid_params.rpc,
]);

const lost = "(?:not found|unknown|invalid|not valid|no valid|expired|missing|required|no longer|" +
  "no such|(?:not|n't) (?:exist|find)|terminated|closed|ended|deleted|lost|gone|stale|" +
  "unrecogni[sz]ed|no active|not active|inactive)\\b";
const lostWords = new RegExp(
  `session[^.!?\\n]{0,60}${lost}|\\b${lost}[^.!?\\n]{0,40}session|not initiali[sz]ed`,
  "i",
);

/**
 * Whether a refusal means that the session is gone. Its status may say so, or its words: servers
 * differ in both. An error about a request's own method or arguments counts only if both say so.
 */
export function isSessionLost({ status, rpc, words, isLoginRefused }: HttpRefusal): boolean {
  const code = rpc?.error.code;
  if (isLoginRefused) return false;
  const isGone = status === 404 || status === 410;
  if (rpc?.id !== undefined && aboutRequest.has(code)) return isGone && lostWords.test(words);
  return isGone || lostWords.test(words) ||
    (status === 400 && code === upstreamCodes.badRequest && /session/i.test(words));
}
