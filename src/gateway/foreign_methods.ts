/**
 * Requests by methods that the protocol does not name: on a server's own surface they reach it like
 * any call, unless some of its tools are withheld. On other surfaces their methods are unknown. The
 * codecs know the names of the protocol. Web APIs refuse such requests themselves.
 */
import { GatewayError } from "../errors.ts";
import type { Call, Exchange } from "../model.ts";
import { failureExchange } from "./exchange.ts";
import type { Member, View } from "./server.ts";
import { allServers } from "./servers.ts";

/** The server that such requests to a surface reach. */
export function foreignTarget({ surface, members: [member] }: View): Member | undefined {
  if (surface === allServers || member === undefined) return undefined;
  // A filter names tools; it cannot say what another method reaches.
  const { allow, deny } = member.config.tools;
  return allow === undefined && deny === undefined ? member : undefined;
}

/** Makes the handler; `relay` opens a call at a server. */
export function createForeignHandler(
  relay: (view: View, call: Call, member: Member) => Exchange,
): (view: View, call: Call) => Exchange {
  return (view, call) => {
    const member = foreignTarget(view);
    if (member !== undefined) return relay(view, call, member);
    return failureExchange(new GatewayError("method_not_found", `Unknown method "${call.method}"`));
  };
}
