/**
 * One stateless request from its message to its answer: opened at the gateway, pulled to its end,
 * and encoded. The client's going is its cancellation. What a surface says of itself is answered
 * here, too. Follows the methods of 2026-07-28; the form of the answer is reply.ts's.
 */
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { Caller, Ending, Exchange } from "../../model.ts";
import { errorText, notificationText, resultText } from "../../protocol/jsonrpc.ts";
import {
  capabilityOf,
  encodeDescription,
  encodeError,
  encodeNotice,
  encodePause,
  encodeResult,
} from "../../protocol/modern/client_facing.ts";
import type { ModernRequest } from "../../protocol/modern/request.ts";
import { checkParamHeaders } from "../../protocol/modern/tool_headers.ts";
import { jsonResponse, logFault } from "../respond.ts";
import type { Reply } from "./reply.ts";
import type { Stateless } from "./stateless.ts";

/** One request and where it goes. */
export interface Asked {
  readonly request: ModernRequest;
  readonly caller: Caller;
  readonly surface: string;
  readonly headers: Headers;
}

/** What a surface says of itself. */
export async function discover({ deps }: Stateless, asked: Asked): Promise<Response> {
  const { request, caller, surface } = asked;
  const description = await deps.gateway.describe(surface, caller);
  return jsonResponse(resultText(request.id, encodeDescription(description, deps.identity)));
}

/** Throws what keeps a request from being made at all. */
export async function assertServed({ deps }: Stateless, asked: Asked): Promise<void> {
  const { request: { method, params }, caller, surface, headers } = asked;
  const capability = capabilityOf(method);
  if (method === "tools/call") {
    const tool = await deps.gateway.tool(surface, String(params.name), caller);
    const problem = tool && checkParamHeaders(tool.inputSchema, params.arguments, headers);
    if (problem !== undefined) throw new GatewayError("header_mismatch", problem);
  } else if (capability !== undefined && capability !== "tools") {
    const { capabilities } = await deps.gateway.describe(surface, caller);
    if (capabilities[capability] !== undefined) return;
    throw new GatewayError("method_not_found", `No server here offers "${method}"`);
  }
}

/** Opens a request at the gateway; its reply is settled exactly once. */
export function runCall(
  stateless: Stateless,
  { request, caller, surface }: Asked,
  reply: Reply,
): { cancel(reason: string): void } {
  const { calls, deps } = stateless;
  const { method, params, progressToken, resume } = request;
  const exchange = deps.gateway.call(surface, {
    method,
    params,
    wantsProgress: progressToken !== undefined,
    caller,
    resume,
  });
  const cancel = (reason: string): void => {
    if (!calls.delete(cancel)) return;
    exchange.cancel(reason);
    reply.abandon();
  };
  calls.add(cancel);
  void pump(stateless, request, exchange, reply, () => calls.has(cancel))
    .finally(() => calls.delete(cancel));
  return { cancel };
}

/** Pulls an exchange to its end, unless it is given up. */
async function pump(
  { deps }: Stateless,
  request: ModernRequest,
  exchange: Exchange,
  reply: Reply,
  isWanted: () => boolean,
): Promise<void> {
  const { progressToken, envelope } = request;
  try {
    while (isWanted()) {
      const item = await exchange.next();
      if (!isWanted()) return;
      if (item.kind === "notice") {
        const wire = encodeNotice(item, progressToken, envelope.logLevel);
        if (wire !== undefined) reply.send(notificationText(wire.method, wire.params));
      } else if (item.kind === "ask") {
        // The gateway turns questions into the end of the exchange; none comes this far.
        exchange.answer(item.id, {
          kind: "refusal",
          ...new GatewayError("ask_unanswerable").toRpc(),
        });
      } else return settle(request, item, reply);
    }
  } catch (thrown) {
    logFault(deps.log, `Cannot answer "${request.method}"`, thrown);
    settle(request, { kind: "failure", error: toGatewayError(thrown) }, reply);
  }
}

function settle({ id, method }: ModernRequest, ending: Ending, reply: Reply): void {
  switch (ending.kind) {
    case "result":
      return reply.settle(resultText(id, encodeResult(method, ending)), 200);
    case "pause":
      return reply.settle(resultText(id, encodePause(ending)), 200);
    case "failure": {
      const { error, status } = encodeError(ending.error);
      return reply.settle(errorText(id, error), status);
    }
  }
}
