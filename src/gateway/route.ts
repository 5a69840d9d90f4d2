/**
 * Which server a name belongs to, and what that server calls it. With a single server nothing is
 * looked up that its filter or its pin does not demand. Lists that are in memory answer at once; only a name
 * that none of them has waits for servers. Not here: URIs (resource_route.ts).
 */
import { offersApprovedOnly } from "../config/pin_mode.ts";
import { isOffered } from "../config/tool_filter.ts";
import type { GatewayError } from "../errors.ts";
import type { Caller, JsonObject } from "../model.ts";
import { isDeniedFor } from "./access_policy.ts";
import type { Part, PartOptions } from "./catalog.ts";
import { connectName, isConnectList, offeredConnectName } from "./connect_tool.ts";
import { firstIn, lastListOf, type RouteDeps, type RouteTarget, unknownItem } from "./lookup.ts";
import { filterOf, nameStart } from "./name.ts";
import { type Answered, toOfferedResult } from "./offered_result.ts";
import { targetOfPageCall } from "./page_call.ts";
import { ownerOfSkill, ownerOfTemplate, ownerOfUri } from "./resource_route.ts";
import { reservedNames } from "./search_tools.ts";
import type { ResolvedSurface, Server } from "./server.ts";

type NamedKind = "tools" | "prompts";

/** Finds owners. */
export interface Router {
  /** The owner of a name by the lists in memory; undefined when they do not decide. */
  known(
    kind: NamedKind,
    view: ResolvedSurface,
    offered: string,
    caller: Caller,
  ): RouteTarget | undefined;
  /**
   * Throws `invalid_params` for an unknown name, or the failure of the only server that could know
   * it. A name that is not listed may be one that a page of an app calls (page_call.ts).
   */
  name(
    kind: NamedKind,
    view: ResolvedSurface,
    offered: string,
    caller: Caller,
  ): Promise<RouteTarget>;
  /** Throws `resource_not_found` when no server owns the URI, `upstream_late` while one may. */
  uri(view: ResolvedSurface, offered: string, caller: Caller): Promise<RouteTarget>;
  /** Where a request for a skill goes; undefined where no list tells. */
  skill(
    view: ResolvedSurface,
    offered: string,
    caller: Caller,
  ): Promise<RouteTarget | undefined>;
  /** The owner of a template as it was listed, or else of a URI. */
  template(view: ResolvedSurface, offered: string, caller: Caller): Promise<RouteTarget>;
  /** A tool's or prompt's result, or read contents, with URIs as this surface offers them. */
  result(
    view: ResolvedSurface,
    answered: Answered,
    value: JsonObject,
    caller: Caller,
  ): JsonObject | Promise<JsonObject>;
}

/** Makes the router. */
export function createRouter(given: Omit<RouteDeps, "identities" | "latest">): Router {
  const deps: RouteDeps = { ...given, identities: new WeakMap(), latest: new WeakMap() };
  return {
    known: (kind, view, offered, caller) => ownerInMemory(deps, kind, view, offered, caller),
    name: (kind, view, offered, caller) => ownerOfName(deps, kind, view, offered, caller),
    uri: (view, offered, caller) => ownerOfUri(deps, view, offered, caller),
    skill: (view, offered, caller) => ownerOfSkill(deps, view, offered, caller),
    template: (view, offered, caller) => ownerOfTemplate(deps, view, offered, caller),
    result: (view, answered, value, caller) => toOfferedResult(deps, view, answered, value, caller),
  };
}

/** The only server of a surface that changes no name. */
function unchangedOf(kind: NamedKind, view: ResolvedSurface): Server | undefined {
  const { servers: [only, ...others], prefixed } = view;
  if (only === undefined || others.length > 0 || prefixed || hasOwnTools(kind, view)) {
    return undefined;
  }
  // What is not in its list waits for a person's approval, or may be anything.
  if (kind === "tools" && offersApprovedOnly(only.config)) return undefined;
  return filterOf(only, kind).rename === undefined ? only : undefined;
}

/** Whether tools may have other names than their servers give them, which pages of apps know. */
const changesNames = ({ servers, prefixed }: ResolvedSurface): boolean =>
  prefixed || servers.some((server) => filterOf(server, "tools").rename !== undefined);

const withPrefix = [true] as const;
const withoutPrefix = [false] as const;
const eitherWay = [false, true] as const;

/** Whether the surface has tools of its own, whose names a server's may meet. */
const hasOwnTools = (kind: NamedKind, view: ResolvedSurface): boolean =>
  kind === "tools" && reservedNames(view).size > 0;

/** Whether the names of a surface are tried with and without prefix, in order. */
function prefixings(kind: NamedKind, view: ResolvedSurface): readonly boolean[] {
  const { servers, prefixed } = view;
  // Bare names that meet are offered under their prefixed ones (catalog.ts).
  if (prefixed) return withPrefix;
  return servers.length === 1 && !hasOwnTools(kind, view) ? withoutPrefix : eitherWay;
}

/** Whether a name can be this server's. */
const isCandidate = ({ config }: Server, prefixed: boolean, offered: string): boolean =>
  !prefixed || offered.startsWith(nameStart(config)) || offered === offeredConnectName(config);

function ownerInMemory(
  deps: RouteDeps,
  kind: NamedKind,
  view: ResolvedSurface,
  offered: string,
  caller: Caller,
): RouteTarget | undefined {
  for (const prefixed of prefixings(kind, view)) {
    for (const server of view.servers) {
      if (!isCandidate(server, prefixed, offered)) continue;
      const known = server.upstream.known(kind, caller);
      const items = known ?? lastListOf(deps, kind, server, caller);
      // A server whose list is not in memory may own the name: memory does not decide.
      if (items === undefined) return undefined;
      const found = deps.catalog.names(server, items, kind, prefixed).find(offered);
      if (found === undefined) continue;
      // What the client saw last may have changed: then the list itself is read.
      return known === undefined ? undefined : { server, own: found.own, item: found.item };
    }
  }
  return undefined;
}

async function ownerOfName(
  deps: RouteDeps,
  kind: NamedKind,
  view: ResolvedSurface,
  offered: string,
  caller: Caller,
): Promise<RouteTarget> {
  const unchanged = unchangedOf(kind, view);
  if (unchanged !== undefined) {
    // Names that nothing changes need no list, only the consent of filter and policy.
    if (!isOffered(filterOf(unchanged, kind), offered)) throw unknownItem(kind, offered);
    const { access: { policy, strictest } } = deps;
    const { principal } = caller;
    const { name } = unchanged.config;
    // Where some names are denied, those that are none must fail alike: the list tells.
    if (strictest(principal, name) !== "deny") return { server: unchanged, own: offered };
    if (isDeniedFor(policy, principal, name, { kind, own: offered })) {
      throw unknownItem(kind, offered, true);
    }
  }
  const isAlone = view.servers.length === 1;
  let failure: GatewayError | undefined;
  // A list made for another client may lack items that this one is offered: its own list is read.
  for (const source of ["nearest", "own"] as const) {
    const options: PartOptions = { patience: { kind: "call" }, source };
    for (const prefixed of prefixings(kind, view)) {
      const find = (part: Part): RouteTarget | undefined => {
        const { server, items } = part;
        const isPrefixed = prefixed && !(view.prefixed && isConnectList(items));
        const own = deps.catalog.names(server, items, kind, isPrefixed).toOwn(offered);
        // While a server that may have it starts, it is not unknown.
        if (prefixed || isAlone || part.error?.code === "upstream_late") failure ??= part.error;
        return own === undefined ? undefined : { server, own };
      };
      const servers = view.servers.filter((server) => isCandidate(server, prefixed, offered));
      const target = await firstIn(deps, [kind], servers, caller, options, find);
      if (target !== undefined) return target;
    }
    if (failure !== undefined) throw failure;
  }
  const target = kind === "tools" && changesNames(view)
    ? await targetOfPageCall(deps, view, offered, caller)
    : undefined;
  const found = target ?? (kind === "tools" ? connectTarget(view, offered) : undefined);
  if (found !== undefined) return found;
  throw unknownItem(kind, offered);
}

/** A connect tool that was listed before the log-in. */
function connectTarget({ servers }: ResolvedSurface, offered: string): RouteTarget | undefined {
  const server = servers.find(({ config }) => offeredConnectName(config) === offered);
  return server && { server, own: connectName(server.config) };
}
