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
import { assertRevisionHeader, type Inbound, onlyIdOf, toInbound } from "./inbound.ts";

/** The response to anything thrown while a body is taken. */
export type Refuse = (thrown: unknown) => Response;

/**
 * Answers a POST with the response that `take` returns for its messages, or with an error. A
 * promise that `take` returns must not reject: `refuse` turns a later error into a response.
 */
export function answerBody(
  { limits, log }: { readonly limits: Limits; readonly log: Log },
  context: RequestContext,
  value: unknown,
  take: (inbound: Inbound, refuse: Refuse) => Response | Promise<Response>,
): Response | Promise<Response> {
  let inbound: Inbound | undefined;
  const refuse: Refuse = (thrown) => {
    const error = toGatewayError(thrown);
    if (error.code === "internal") return faultResponse(thrown, log);
    return errorResponse(error, inbound ? onlyIdOf(inbound) : idOf(value, limits));
  };
  try {
    inbound = toInbound(value, limits);
    assertRevisionHeader(context.request.headers);
    if (inbound.requests.length > 0) context.assertOpen();
    return take(inbound, refuse);
  } catch (thrown) {
    return refuse(thrown);
  }
}
