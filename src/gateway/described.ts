/**
 * What the servers of a surface say of themselves, as far as it is known in time. A server that
 * hangs delays no answer that another one can give.
 */
import { offersList } from "../extensions.ts";
import type { Caller, Description, JsonObject, ListKind } from "../model.ts";
import type { Scopes } from "./scope.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import type { WithinPatience } from "./waits.ts";

/** What reading descriptions needs. */
interface Describing {
  readonly scopes: Scopes;
  readonly withinPatience: WithinPatience;
}

/** Whether a server with these capabilities is meant. */
export type IsOffered = (capabilities: JsonObject) => boolean;

/**
 * The description of each server; undefined for a server that does not answer in time. A known
 * description comes without a promise, which spares the wait and its timer.
 */
export function descriptionsOf(
  { scopes, withinPatience }: Describing,
  { servers }: ResolvedSurface,
  caller: Caller,
): (Description | undefined | Promise<Description | undefined>)[] {
  return servers.map((server) => {
    const known = server.upstream.knownDescription(caller);
    if (known !== undefined) {
      scopes.server(caller.scope, server.config.name).answered = true;
      return known;
    }
    const reading = server.upstream.describe(caller);
    reading.catch(() => {});
    return withinPatience(server, caller, { patience: { kind: "glance" } }, reading)
      .catch(() => undefined);
  });
}

/** Whether a server offers something, or may offer it; known as soon as the first one does. */
export function anyOffers(
  describing: Describing,
  view: ResolvedSurface,
  caller: Caller,
  isOffered: IsOffered,
): Promise<boolean> {
  return new Promise((resolve) => {
    const looking = descriptionsOf(describing, view, caller).map(async (reading) => {
      const known = await reading;
      if (known === undefined || isOffered(known.capabilities)) resolve(true);
    });
    Promise.all(looking).then(() => resolve(false));
  });
}

/** Whether a server may have skills; lists of other kinds are read in any case. */
export function mayOffer({ upstream }: Server, kind: ListKind, caller: Caller): boolean {
  if (kind !== "skills") return true;
  const known = upstream.knownDescription(caller);
  return known === undefined || offersList(known.capabilities, kind);
}
