/**
 * A POST of the handshake era, over either of its transports: the body is checked as a whole, and a
 * fault of the whole body gets one error. Not here: what the messages do.
 */
import { toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { idOf } from "../../protocol/jsonrpc.ts";
import type { RequestContext } from "../request_context.ts";
import { errorResponse, faultResponse } from "../respond.ts";
import { assertRevisionHeader, hasRequests, type Inbound, onlyIdOf, toInbound } from "./inbound.ts";

/** Answers a POST with the response that `take` returns for its messages, or with an error. */
export async function answerBody(
  { limits, log }: { readonly limits: Limits; readonly log: Log },
  context: RequestContext,
  value: unknown,
  take: (inbound: Inbound) => Response | Promise<Response>,
): Promise<Response> {
  let inbound: Inbound | undefined;
  try {
    inbound = toInbound(value, limits);
    assertRevisionHeader(context.request.headers);
    if (hasRequests(inbound)) context.assertOpen();
    return await take(inbound);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    if (error.code === "internal") return faultResponse(thrown, log);
    return errorResponse(error, inbound ? onlyIdOf(inbound) : idOf(value, limits));
  }
}
