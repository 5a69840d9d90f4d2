/**
 * The keys under which instances own what belongs to one of them: a session, by the hash of its id,
 * and the stream of a client of 2024-11-05, by that of the id in its address. Not here: which
 * instance owns a key (instances/).
 */
import type { Runtime } from "../../runtime/runtime.ts";
import type { OpenContext } from "../request_context.ts";

/** The header that names a session. */
export const sessionHeader = "mcp-session-id";

/** No id is longer, so a longer one names nothing. */
const idCharsMax = 128;

/** The key of the session or stream that a request names; undefined if it names none. */
export function namedKey(
  sha256: Runtime["sha256"],
  { request, path }: Pick<OpenContext, "request" | "path">,
): string | undefined {
  if (path.endsWith("/messages")) {
    const line = new URL(request.url).searchParams.get("sessionId");
    return line === null || line.length > idCharsMax ? undefined : lineKey(sha256, line);
  }
  const id = request.headers.get(sessionHeader);
  return id === null || id === "" || id.length > idCharsMax ? undefined : sha256(id);
}

/** The key of a stream. */
export function lineKey(sha256: Runtime["sha256"], id: string): string {
  return `line:${sha256(id)}`;
}
