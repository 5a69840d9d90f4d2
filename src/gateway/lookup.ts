/**
 * What look-ups of names and URIs share: the result, the failure, and the order in which the lists
 * of several servers are read.
 */
import { GatewayError } from "../errors.ts";
import type { Caller, JsonObject, ListKind } from "../model.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Access } from "./access_policy.ts";
import type { CatalogReader, Part, PartOptions } from "./catalog.ts";
import { mayOffer } from "./described.ts";
import type { Scopes } from "./scope.ts";
import type { Server } from "./server.ts";

/** A server and its own name or URI for the requested item. */
export interface RouteTarget {
  readonly server: Server;
  readonly own: string;
  /** The item as its server lists it, where the look-up has seen it. */
  readonly item?: JsonObject | undefined;
  /** What the surface calls the item, where the client called it otherwise. */
  readonly offered?: string | undefined;
}

/** What looking up works with. */
export interface RouteDeps {
  readonly catalog: CatalogReader;
  readonly scopes: Scopes;
  readonly access: Access;
  /** What the items of a list are identified by; worked out once for each list. */
  readonly identities: WeakMap<readonly JsonObject[], ReadonlySet<unknown>>;
  /**
   * The lists that came last from each server, when pages of apps made calls: by their kind, the
   * extensions of the client for which they were listed, and its principal where each has a grant.
   */
  readonly latest: WeakMap<Upstream, Map<string, readonly JsonObject[]>>;
}

/** The list of a server that this scope got last. */
export function lastListOf(
  { scopes }: RouteDeps,
  kind: ListKind,
  { config }: Server,
  caller: Caller,
): readonly JsonObject[] | undefined {
  return scopes.lists(caller, config.name).get(kind);
}

/**
 * The failure for a name or URI that no server of a surface has, or that the caller may not know
 * (`isDenial`).
 */
export function unknownItem(
  kind: ListKind,
  offered: string,
  isDenial: boolean = false,
): GatewayError {
  if (kind === "resources" || kind === "templates") {
    return new GatewayError("resource_not_found", `Resource not found: "${offered}"`, {
      data: { uri: offered },
      isDenial,
    });
  }
  if (kind === "skills") {
    const text = `No skill or folder of one is at "${offered}"`;
    return new GatewayError("invalid_params", text, { isDenial });
  }
  const what = kind === "tools" ? "tool" : "prompt";
  return new GatewayError(
    "invalid_params",
    `Unknown ${what} "${offered}": list the ${what}s to see which there are`,
    { isDenial },
  );
}

/**
 * The lists of these servers, asked for side by side and looked at in their order: what the first
 * ones have is not held up by the others. A call looks first at what the servers have said by now,
 * so that one that hangs holds up no call for another one. A server whose list is unknown may own
 * the item before all that come after it, so the call waits for it: `firstListMs` from when the scope
 * first needed that server, then `listKnownMs`. A list leaves the server out after the same time at
 * the earliest; without the wait, a call could go to another server than the one in the list.
 */
export async function firstIn<T>(
  deps: RouteDeps,
  kinds: readonly ListKind[],
  servers: readonly Server[],
  caller: Caller,
  options: PartOptions,
  find: (part: Part, kind: ListKind) => T | undefined,
): Promise<T | undefined> {
  if (options.patience.kind === "call" && servers.length > 1) {
    const quick: PartOptions = { ...options, patience: { kind: "lookup" } };
    const seen = ({ server, items }: Part, kind: ListKind) => find({ server, items }, kind);
    const found = await firstIn(deps, kinds, servers, caller, quick, seen);
    if (found !== undefined) return found;
  }
  const reading = servers.flatMap((server) =>
    kinds.filter((kind) => mayOffer(server, kind, caller))
      .map((kind) => ({ kind, part: deps.catalog.part(kind, server, caller, options) }))
  );
  for (const { kind, part } of reading) {
    const found = find(await part, kind);
    if (found !== undefined) return found;
  }
  return undefined;
}
