/**
 * The POST door of the Streamable HTTP transport in both eras, and the binding of the stateless one.
 * The body is read once, its era is decided once; sessions are the other binding's (post.ts). No
 * session id and no event id is read or given here. Follows the Streamable HTTP transport of
 * 2026-07-28.
 */
import { GatewayError, toGatewayError, withOutcome } from "../errors.ts";
import { classify } from "../protocol/era.ts";
import { idOf, toMessage } from "../protocol/jsonrpc.ts";
import { encodeError } from "../protocol/modern/client_facing.ts";
import { decodeRequest } from "../protocol/modern/modern_request.ts";
import { type Accepts, parseAccept } from "./accept.ts";
import type { RequestContext } from "./request_context.ts";
import { post as postToSession } from "./legacy/post.ts";
import type { Sessions } from "./legacy/session_table.ts";
import { runCall } from "./modern/call.ts";
import { openListen } from "./modern/listen.ts";
import { callerOf, type ModernRequest, type StatelessRequests } from "./modern/requests.ts";
import { emptyResponse, logFault, rpcErrorResponse } from "./respond.ts";

/** Messages from a client of either era. */
export async function post(
  sessions: Sessions,
  stateless: StatelessRequests,
  context: RequestContext,
): Promise<Response> {
  const { deps } = stateless;
  const { headers } = context.request;
  const accepts = parseAccept(headers.get("accept"));
  if (!accepts.json && !accepts.stream) throw new GatewayError("not_acceptable");
  const value = await context.readJson();
  try {
    if (classify(value, headers) === "modern") {
      return await take(stateless, context, value, accepts);
    }
  } catch (thrown) {
    const failure = toGatewayError(thrown);
    if (failure.code === "internal") logFault(deps.log, "Cannot answer a request", thrown);
    const { error, status } = encodeError(withOutcome(failure, "not_sent"));
    return rpcErrorResponse(error, status, idOf(value, deps.limits));
  }
  return await postToSession(sessions, context, value, accepts);
}

/** A message of the stateless era. */
async function take(
  stateless: StatelessRequests,
  context: RequestContext,
  value: unknown,
  accepts: Accepts,
): Promise<Response> {
  const message = toMessage(value, stateless.deps.limits);
  // The one notification of clients, a cancellation, has no use here: they close the stream.
  if (message.kind !== "request") return emptyResponse(202);
  const { request: { headers, signal }, fetchContext, principal, surface } = context;
  const { takesForeign } = stateless.deps.gateway.surface(surface) ?? {};
  const request = decodeRequest(message, headers, takesForeign);
  context.assertOpen();
  const asked: ModernRequest = {
    request,
    caller: callerOf(request, principal),
    surface,
    headers,
    accepts,
    signal,
    holdOpen: fetchContext.holdOpen,
    disconnectHidden: fetchContext.disconnectHidden === true,
  };
  stateless.clients.note(asked.caller, surface);
  return request.method === "subscriptions/listen"
    ? await openListen(stateless, asked)
    : await runCall(stateless, asked);
}
