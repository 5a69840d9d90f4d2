/**
 * Ways into the HTTP layer for requests whose principals were let in elsewhere: by the admin API, or
 * by another instance. Neither the guard nor the authenticator of clients looks at them.
 */
import { GatewayError } from "../errors.ts";
import type { AnswerForwarded } from "../instances/internal_api.ts";
import type { Principal } from "../model.ts";
import type { FetchContext } from "../runtime/runtime.ts";
import {
  answerFor,
  type DispatchDeps,
  fail,
  finish,
  isOpen,
  noContext,
  notOwned,
  type RequestOnItsWay,
} from "./dispatch.ts";

/**
 * Answers a request to the endpoint at a path for a principal that was admitted elsewhere: neither
 * the guard nor the authenticator of clients looks at it. Never rejects.
 */
export type Passage = (
  request: Request,
  path: string,
  principal: Principal,
  context?: FetchContext,
) => Promise<Response>;

/** Makes the passage of a layer. */
export function createPassage(layer: DispatchDeps): Passage {
  return async (request, path, principal, fetchContext = noContext) => {
    const arrived: RequestOnItsWay = { layer, request, fetchContext, cors: undefined };
    try {
      const match = await layer.match(`http://gateway${path}`);
      if (isOpen(match.row)) throw new GatewayError("path_unknown");
      return await finish(arrived, await answerFor(arrived, match.row, match, principal));
    } catch (thrown) {
      return await fail(arrived, thrown);
    }
  };
}

/** Makes the passage for requests that other instances have let in. */
export function createForwardedPassage(layer: DispatchDeps): AnswerForwarded {
  return async (forwarded, signal, disconnectHidden) => {
    const { method, path, headers, principal, remoteAddress, isHeldOpen } = forwarded;
    // Its body is text already, which the context keeps.
    const request = new Request(`http://gateway${path}`, { method, headers, signal });
    const fetchContext: FetchContext = {
      remoteAddress,
      disconnectHidden,
      ...(isHeldOpen && { holdOpen: () => {} }),
    };
    const arrived: RequestOnItsWay = { layer, request, fetchContext, cors: undefined, forwarded };
    try {
      const match = await layer.match(request.url);
      if (isOpen(match.row)) throw new GatewayError("path_unknown");
      const answered = await answerFor(arrived, match.row, match, principal);
      return answered === notOwned ? undefined : await finish(arrived, answered);
    } catch (thrown) {
      return await fail(arrived, thrown);
    }
  };
}
