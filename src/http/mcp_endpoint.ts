/**
 * The POST endpoint of the Streamable HTTP transport: reads the body once, decides its era once,
 * and passes it to the binding of that era. Not here: what the bindings do with it.
 */
import { GatewayError } from "../errors.ts";
import { classify, type Era } from "../protocol/era.ts";
import { type Accepts, parseAccept } from "./accept.ts";
import { post as postToSession } from "./legacy/post.ts";
import type { Sessions } from "./legacy/session_table.ts";
import { post as postStateless, refuse } from "./modern/post.ts";
import type { StatelessRequests } from "./modern/requests.ts";
import type { RequestContext } from "./request_context.ts";

/** Messages from a client of either era. */
export function post(
  sessions: Sessions,
  stateless: StatelessRequests,
  context: RequestContext,
): Promise<Response> {
  const accepts = parseAccept(context.request.headers.get("accept"));
  if (!accepts.json && !accepts.stream) throw new GatewayError("not_acceptable");
  return context.readJson().then((value) => take(sessions, stateless, context, value, accepts));
}

function take(
  sessions: Sessions,
  stateless: StatelessRequests,
  context: RequestContext,
  value: unknown,
  accepts: Accepts,
): Response | Promise<Response> {
  let era: Era;
  try {
    era = classify(value, context.request.headers);
  } catch (thrown) {
    // A body of neither era has something of the later one, whose errors can say what.
    return refuse(stateless, context, value, thrown);
  }
  return era === "modern"
    ? postStateless(stateless, context, value, accepts)
    : postToSession(sessions, context, value, accepts);
}
