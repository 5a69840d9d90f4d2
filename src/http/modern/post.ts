/**
 * POST in the stateless era: one request is read, checked as a whole, and then run as a call or
 * opened as a stream. Also the refusals before that. Session ids and event ids are neither read nor
 * sent. Follows the Streamable HTTP transport of 2026-07-28.
 */
import { type GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { toCallFailure, toFault } from "../../gateway/call_failure.ts";
import { instanceIn } from "../../gateway/serving_instance.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import { idOf, toMessage } from "../../protocol/jsonrpc.ts";
import { clientIn } from "../../protocol/modern/envelope.ts";
import { decodeRequest } from "../../protocol/modern/modern_request.ts";
import type { Accepts } from "../accept.ts";
import type { RequestContext } from "../request_context.ts";
import { emptyResponse, logFault, rpcErrorResponse } from "../respond.ts";
import { runCall } from "./call.ts";
import { openListen } from "./listen.ts";
import { callerOf, type ModernRequest, type StatelessRequests } from "./requests.ts";

/** A message from a client of this era; `value` is the body. */
export function post(
  stateless: StatelessRequests,
  context: RequestContext,
  value: unknown,
  accepts: Accepts,
): Response | Promise<Response> {
  try {
    return take(stateless, context, value, accepts);
  } catch (thrown) {
    return refuse(stateless, context, value, thrown);
  }
}

/** The answer to a body that is not run. */
export function refuse(
  { deps }: StatelessRequests,
  context: RequestContext,
  value: unknown,
  thrown: unknown,
): Response {
  const failure = toGatewayError(thrown);
  if (failure.code === "internal") logFault(deps.log, "Cannot answer a request", thrown);
  report(deps, context, value, failure);
  const { error, status } = deps.codec.encodeError(withOutcome(failure, "not_sent"));
  return rpcErrorResponse(error, status, idOf(value, deps.limits));
}

/** Reports a request that was refused, as far as its body says what it is. */
function report(
  { emit, limits }: StatelessRequests["deps"],
  { surface, principal }: RequestContext,
  value: unknown,
  error: GatewayError,
): void {
  const fault = toFault(error);
  if (fault === undefined || !isJsonObject(value) || typeof value["method"] !== "string") return;
  const params = isJsonObject(value["params"]) ? value["params"] as JsonObject : {};
  const failure = toCallFailure(
    { params, caller: { clientInfo: clientIn(params) } },
    fault,
    limits,
  );
  emit({
    type: "call_refused",
    surface,
    method: value["method"],
    principal: principal.id,
    failure,
  });
}

/** Its promise does not reject. */
function take(
  stateless: StatelessRequests,
  context: RequestContext,
  value: unknown,
  accepts: Accepts,
): Response | Promise<Response> {
  const message = toMessage(value, stateless.deps.limits);
  // The one notification of clients, a cancellation, has no use here: they close the stream.
  if (message.kind !== "request") return emptyResponse(202);
  const { request: { headers, signal }, fetchContext, principal, surface } = context;
  const { gateway } = stateless.deps;
  const request = decodeRequest(
    message,
    headers,
    () => gateway.surface(surface, principal)?.takesForeign === true,
  );
  context.assertOpen(request.resume?.state !== undefined);
  const asked: ModernRequest = {
    request,
    caller: callerOf(request, context, stateless.deps.limits),
    surface,
    headers,
    accepts,
    signal,
    holdOpen: fetchContext.holdOpen,
    disconnectHidden: fetchContext.disconnectHidden === true,
  };
  stateless.clients.note(asked.caller, surface);
  if (request.method === "subscriptions/listen") {
    return openListen(stateless, asked).catch((thrown) =>
      refuse(stateless, context, value, thrown)
    );
  }
  const instance = context.askInstance && instanceIn(request);
  const elsewhere = instance === undefined ? undefined : context.askInstance?.(instance, value);
  if (elsewhere === undefined) return runCall(stateless, asked);
  return elsewhere.then((response) => response ?? runCall(stateless, asked))
    .catch((thrown) => refuse(stateless, context, value, thrown));
}
