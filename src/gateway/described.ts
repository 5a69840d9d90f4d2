/**
 * What the servers of a surface say of themselves, as far as it is known in time. A server that
 * hangs delays no answer that another one can give.
 */
import { offersList, withoutSkills } from "../extensions.ts";
import type { Caller, Description, JsonObject, ListKind } from "../model.ts";
import type { Scopes } from "./scope.ts";
import { isWithheld, type ResolvedSurface, type Server } from "./server.ts";
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
      return toOfferedDescription(server, known);
    }
    const reading = server.upstream.describe(caller);
    reading.catch(() => {});
    return withinPatience(server, caller, { patience: { kind: "glance" } }, reading)
      .then((description) => toOfferedDescription(server, description), () => undefined);
  });
}

/** Descriptions without what a surface withholds: one object for each, as merging expects. */
const withoutWithheld = new WeakMap<Description, Map<string, Description>>();

/**
 * What a surface says of a server. One that withholds resources still has them: a tool may name
 * some.
 */
function toOfferedDescription({ withheld }: Server, description: Description): Description {
  if (withheld === undefined) return description;
  const made = withoutWithheld.get(description) ?? new Map<string, Description>();
  withoutWithheld.set(description, made);
  const key = [...withheld].join();
  let offered = made.get(key);
  if (offered === undefined) {
    const { capabilities } = description;
    const without = withheld.has("skills") ? withoutSkills(capabilities) : { ...capabilities };
    if (withheld.has("prompts")) delete without["prompts"];
    made.set(key, offered = { ...description, capabilities: without });
  }
  return offered;
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

/** Whether a list of a server is worth reading: a surface offers it, and the server may have it. */
export function mayOffer(server: Server, kind: ListKind, caller: Caller): boolean {
  if (isWithheld(server, kind)) return false;
  if (kind !== "skills") return true;
  const { upstream } = server;
  const known = upstream.knownDescription(caller);
  return known === undefined || offersList(known.capabilities, kind);
}
