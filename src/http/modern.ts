/**
 * The POST door of the Streamable HTTP transport in both eras, and the binding of the stateless one.
 * The body is read once, its era is decided once; sessions are the other binding's (legacy.ts). No
 * session id and no event id is read or given here. Follows the Streamable HTTP transport of
 * 2026-07-28.
 */
import { GatewayError, toGatewayError } from "../errors.ts";
import { classify } from "../protocol/era.ts";
import { errorText, idOf, type Message, toMessage } from "../protocol/jsonrpc.ts";
import { encodeError } from "../protocol/modern/client_facing.ts";
import { decodeRequest } from "../protocol/modern/request.ts";
import { type Accepts, parseAccept } from "./accept.ts";
import { readJson } from "./body.ts";
import { post as postToSession, type Visit } from "./legacy.ts";
import type { Sessions } from "./legacy/sessions.ts";
import { type Asked, assertServed, discover, runCall } from "./modern/call.ts";
import { listen } from "./modern/listen.ts";
import { openReply } from "./modern/reply.ts";
import { callerOf, type Stateless } from "./modern/stateless.ts";
import { emptyResponse, errorResponse, jsonResponse, logFault } from "./respond.ts";

/** Messages from a client of either era. */
export async function post(
  sessions: Sessions,
  stateless: Stateless,
  visit: Visit,
): Promise<Response> {
  const { headers } = visit.request;
  const accepts = parseAccept(headers.get("accept"));
  if (!accepts.json && !accepts.stream) throw new GatewayError("not_acceptable");
  const value = await readJson(visit.request, stateless.deps);
  try {
    if (classify(value, headers) === "legacy") {
      return await postToSession(sessions, visit, value, accepts);
    }
  } catch (thrown) {
    const error = toGatewayError(thrown);
    if (error.code === "internal") throw thrown;
    return errorResponse(error, idOf(value, stateless.deps.limits));
  }
  return await take(stateless, visit, value, accepts);
}

async function take(
  stateless: Stateless,
  visit: Visit,
  value: unknown,
  accepts: Accepts,
): Promise<Response> {
  const { deps } = stateless;
  let message: Message | undefined;
  try {
    message = toMessage(value, deps.limits);
    // The one notification of clients, a cancellation, has no use here: they close the stream.
    if (message.kind !== "request") return emptyResponse(202);
    const { headers } = visit.request;
    const request = decodeRequest(message, headers);
    visit.assertOpen();
    const asked = { request, caller: callerOf(request), surface: visit.surface, headers };
    if (request.method === "server/discover") return await discover(stateless, asked);
    if (request.method === "subscriptions/listen") {
      return await listen(stateless, asked, visit.context);
    }
    return await answer(stateless, visit, asked, accepts);
  } catch (thrown) {
    const failure = toGatewayError(thrown);
    if (failure.code === "internal") logFault(deps.log, "Cannot answer a request", thrown);
    const { error, status } = encodeError(failure);
    return jsonResponse(errorText(idOf(value, deps.limits), error), status, {
      ...(status === 503 && { "retry-after": "1" }),
    });
  }
}

async function answer(
  stateless: Stateless,
  { request, context }: Visit,
  asked: Asked,
  accepts: Accepts,
): Promise<Response> {
  if (stateless.calls.size >= stateless.deps.limits.statelessCallsMax) {
    throw new GatewayError("overloaded");
  }
  await assertServed(stateless, asked);
  let call: ReturnType<typeof runCall> | undefined;
  const gone = (): void => call?.cancel("the client closed the connection");
  const reply = openReply(stateless, { request, context, accepts, gone });
  call = runCall(stateless, asked, reply);
  if (request.signal.aborted) gone();
  return await reply.response;
}
