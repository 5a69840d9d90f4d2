/**
 * What a principal may see and use: one check shared by lists, descriptions, calls, completion,
 * watches and notices. What is denied looks as if it did not exist.
 */
import type { ListKind, Principal } from "../model.ts";
import type { ResolvedSurface, Server } from "./server.ts";

/** An item of a server, by the server's own name or URI. */
export interface PolicyItem {
  readonly kind: ListKind;
  readonly own: string;
}

/** `ask`: a person would have to allow each call; the item is listed. */
export type PolicyAnswer = "allow" | "deny" | "ask";

/**
 * Decides; pure, and called often. Without an item it is about the server as a whole: a server that
 * is denied is gone from the surface.
 */
export type Policy = (principal: Principal, server: string, item?: PolicyItem) => PolicyAnswer;

/** Everybody may use everything that the gateway serves them. */
export const allowAll: Policy = () => "allow";

/** A surface without the servers that a principal may not know. */
export function visibleTo(
  policy: Policy,
  principal: Principal,
  view: ResolvedSurface,
): ResolvedSurface {
  const { servers } = view;
  for (const { config } of servers) {
    if (policy(principal, config.name) !== "deny") continue;
    const isAllowed = ({ config: { name } }: Server) => policy(principal, name) !== "deny";
    return { ...view, servers: servers.filter(isAllowed) };
  }
  return view;
}
