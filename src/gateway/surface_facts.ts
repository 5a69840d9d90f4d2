/**
 * What the HTTP layer learns of a surface without waiting: whether a principal may know it, and what
 * its card can say. No server is started for it.
 */
import { foreignTarget } from "./foreign_methods.ts";
import type { ResolvedSurface } from "./server.ts";
import type { CardFacts, Surface } from "./surface.ts";

/** A surface of which a principal may know the servers of `view`. */
export function describeSurface(whole: ResolvedSurface, view: ResolvedSurface): Surface {
  return {
    name: view.surface,
    takesForeign: foreignTarget(view) !== undefined,
    isHidden: isHidden(whole, view),
  };
}

/** What its card can say to that principal. */
export function describeCard(whole: ResolvedSurface, view: ResolvedSurface): CardFacts {
  const [only, other] = view.servers;
  const status = other === undefined ? only?.upstream.status() : undefined;
  return {
    isPublic: whole.card === "public",
    isHidden: isHidden(whole, view),
    serverInfo: status?.implementation ?? status?.serverInfo,
    description: whole.description,
  };
}

function isHidden(whole: ResolvedSurface, view: ResolvedSurface): boolean {
  return view.servers.length === 0 && whole.servers.length > 0;
}
