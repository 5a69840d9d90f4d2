/**
 * The first event of a GET stream, `connection_established`. Its event name differs from that of
 * messages, so clients that read only messages ignore it (P9). Clients that warn about unknown
 * event names get a comment instead. Both carry the same JSON.
 */
import type { JsonObject } from "../../model.ts";
import type { Frame } from "../../sse/encode.ts";
import type { LiveSession } from "./live_session.ts";

/**
 * How to recognise clients of one SDK. One match is enough, since a program may change the other.
 */
interface CommentReader {
  /** The `clientInfo.name` of a program that sets none. */
  readonly name: string;
  readonly userAgent: RegExp;
}

const commentReaders: readonly CommentReader[] = [
  // The Python SDK, which uses httpx in version 1 and httpx2 since version 2.
  { name: "mcp", userAgent: /^python-httpx2?\// },
];

/** The first event of one stream, in the form for the client that opens it. */
export function connectionEventOf({ id, caller, deps }: LiveSession, headers: Headers): Frame {
  const type = "connection_established";
  const timestamp = new Date(deps.clock.wall()).toISOString();
  const data = JSON.stringify({ type, session_id: id, timestamp });
  return readsComments(caller.clientInfo, headers)
    ? { comment: `${type} ${data}` }
    : { event: type, data };
}

function readsComments(clientInfo: JsonObject, headers: Headers): boolean {
  const agent = headers.get("user-agent") ?? "";
  return commentReaders.some(({ name, userAgent }) =>
    clientInfo["name"] === name || userAgent.test(agent)
  );
}
