/**
 * Requests by methods that the protocol does not name: they reach the server where its surface is
 * its own and nothing of it is withheld, as any call does. Elsewhere their methods are unknown. Which
 * names are the protocol's, the codecs know. Web APIs refuse such requests themselves.
 */
import { GatewayError } from "../errors.ts";
import type { Call, Exchange } from "../model.ts";
import { failureExchange } from "./exchange.ts";
import type { Member, View } from "./member.ts";
import { allServers } from "./members.ts";

/** The server that such requests to a surface reach. */
export function foreignTarget({ surface, members: [member] }: View): Member | undefined {
  if (surface === allServers || member === undefined) return undefined;
  // A filter names tools; what another method reaches cannot be told.
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
