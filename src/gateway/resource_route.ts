/**
 * Which server a URI or template belongs to. Unknown URIs are never broadcast: an owner is found in
 * a list, in a tool or result that named the URI before, or by a template, or the answer is that
 * there is none. With a single server nothing is looked up. Not here: the way back, for the URIs in
 * a server's results (offered_result.ts).
 */
import type { GatewayError } from "../errors.ts";
import { type Caller, type ListKind, listKinds } from "../model.ts";
import { isPageUri } from "./app_meta.ts";
import type { Part, PartOptions } from "./catalog.ts";
import { firstIn, type RouteDeps, type RouteTarget, unknownItem } from "./lookup.ts";
import { offeredKey } from "./scope.ts";
import { isWithheld, type ResolvedSurface, type Server, soleOwner } from "./server.ts";
import { isUriKind, isWithin, uriKinds } from "./skills.ts";
import { fromGatewayUri, matchesTemplate } from "./uri.ts";

/** Throws `resource_not_found` when no server owns the URI, `upstream_late` while one may. */
export async function ownerOfUri(
  deps: RouteDeps,
  view: ResolvedSurface,
  offered: string,
  caller: Caller,
): Promise<RouteTarget> {
  const only = soleOwner(view);
  if (only !== undefined) return { server: only, own: offered };
  const known = seenOwner(deps, view, offered, caller) ??
    await withheldPage(deps, view, offered, caller);
  if (known !== undefined) return known;
  const owner = await listedOwner(deps, view, offered, caller, { kind: "call" });
  if (owner !== undefined) return { server: owner, own: offered };
  throw unknownItem("resources", offered);
}

/** Where a request for a skill goes; undefined where no list tells. */
export async function ownerOfSkill(
  deps: RouteDeps,
  view: ResolvedSurface,
  offered: string,
  caller: Caller,
): Promise<RouteTarget | undefined> {
  if (view.servers.some((server) => isWithheld(server, "skills"))) return undefined;
  const only = soleOwner(view);
  if (only !== undefined) return { server: only, own: offered };
  const known = seenOwner(deps, view, offered, caller);
  if (known !== undefined) return known;
  const server = await firstIn(
    deps,
    uriKinds,
    view.servers,
    caller,
    { patience: { kind: "lookup" } },
    (part, kind) => isListed(deps, part, kind, offered) ? part.server : undefined,
  );
  return server && { server, own: offered };
}

/** The owner of a template as it was listed, or else of a URI. */
export async function ownerOfTemplate(
  deps: RouteDeps,
  view: ResolvedSurface,
  offered: string,
  caller: Caller,
): Promise<RouteTarget> {
  if (view.servers.length > 1 && fromGatewayUri(offered) === undefined) {
    const options: PartOptions = { patience: { kind: "call" } };
    const find = (part: Part) => has(deps, part, "templates", offered) ? part.server : undefined;
    const owner = await firstIn(deps, ["templates"], view.servers, caller, options, find);
    if (owner !== undefined) return { server: owner, own: offered };
  }
  return await ownerOfUri(deps, view, offered, caller);
}

/** Whether a server lists a resource or a file of a skill with this URI. */
function isListed({ catalog }: RouteDeps, { items }: Part, kind: ListKind, uri: string): boolean {
  return isUriKind(kind) && catalog.urisIn(kind, items).uris.has(uri);
}

/**
 * The owner of what is in the folder of a skill, listed or not: files of dynamic skills are in no
 * list. Of folders in one another the inner one decides.
 */
async function folderOwner(
  deps: RouteDeps,
  { surface, servers }: ResolvedSurface,
  uri: string,
  caller: Caller,
): Promise<Server | undefined> {
  const candidates: { readonly server: Server; readonly folder: string }[] = [];
  const options: PartOptions = { patience: { kind: "memory" } };
  await firstIn(deps, ["skills"], servers, caller, options, ({ server, items }) => {
    const { folders } = deps.catalog.urisIn("skills", items);
    for (const folder of folders) if (isWithin(folder, uri)) candidates.push({ server, folder });
    return undefined;
  });
  for (const got of deps.scopes.of(caller.scope).skillFolders.values()) {
    const server = servers.find(({ config }) => config.name === got.server);
    if (server === undefined || got.surface !== surface || !isWithin(got.offered, uri)) continue;
    candidates.push({ server, folder: got.offered });
  }
  // The sort is stable: of equal folders the first server's stays first.
  candidates.sort((one, other) => other.folder.length - one.folder.length);
  return candidates[0]?.server;
}

function has(
  { identities }: RouteDeps,
  { items }: Part,
  kind: ListKind,
  uri: string,
): boolean {
  let known = identities.get(items);
  if (known === undefined) {
    known = new Set(items.map((item) => item[listKinds[kind].identity]));
    identities.set(items, known);
  }
  return known.has(uri);
}

/** The owner by the URI's own form, a subscription, or a tool or result that named it. */
export function seenOwner(
  { scopes }: RouteDeps,
  view: ResolvedSurface,
  offered: string,
  caller: Caller,
): RouteTarget | undefined {
  const { subscribed, listedPages, seenUris } = scopes.of(caller.scope);
  const key = offeredKey({ surface: view.surface, offered });
  // Where resources are withheld, only what a tool named can be read.
  const isOpen = !view.servers.some((one) => isWithheld(one, "resources"));
  const owner = (isOpen ? fromGatewayUri(offered) ?? subscribed.get(key) : undefined) ??
    listedPages.get(key) ??
    seenUris.get(key);
  const server = view.servers.find((one) => one.config.name === owner?.server);
  return server === undefined || owner === undefined ? undefined : { server, own: owner.uri };
}

/** Where resources are withheld: the owner of a page by its gateway URI, if a tool names the page. */
async function withheldPage(
  deps: RouteDeps,
  { servers }: ResolvedSurface,
  offered: string,
  caller: Caller,
): Promise<RouteTarget | undefined> {
  const named = fromGatewayUri(offered);
  const server = servers.find(({ config }) => config.name === named?.server);
  if (named === undefined || server === undefined || !isWithheld(server, "resources")) {
    return undefined;
  }
  const part = await deps.catalog.part("tools", server, caller, { patience: { kind: "call" } });
  return deps.catalog.pagesIn("tools", part).has(named.uri)
    ? { server, own: named.uri }
    : undefined;
}

/** The first server whose lists have the URI, exactly or by a template. */
export async function listedOwner(
  deps: RouteDeps,
  view: ResolvedSurface,
  uri: string,
  caller: Caller,
  patience: PartOptions["patience"],
): Promise<Server | undefined> {
  const { servers } = view;
  let late: GatewayError | undefined;
  const ownerIn = (
    kinds: readonly ListKind[],
    isOwner: (part: Part, kind: ListKind) => boolean,
    options: PartOptions = { patience },
  ) =>
    firstIn(deps, kinds, servers, caller, options, (part, kind) => {
      if (part.error?.code === "upstream_late") late ??= part.error;
      return isOwner(part, kind) ? part.server : undefined;
    });
  const hasPage = (part: Part, kind: ListKind) => deps.catalog.pagesIn(kind, part).has(uri);
  // Servers may leave the pages that their tools name out of the list of resources. A server of
  // which no list is known has shown no page: it is waited for only when no other one has it.
  const owner = isPageUri(uri)
    ? await ownerIn(["resources", "tools"], hasPage, { patience: { kind: "memory" } }) ??
      (patience.kind === "call" ? await ownerIn(["resources", "tools"], hasPage) : undefined)
    : await ownerIn(uriKinds, (part, kind) => isListed(deps, part, kind, uri));
  const found = owner ?? await folderOwner(deps, view, uri, caller) ??
    await ownerIn(["templates"], (part) =>
      part.items.some((item) => {
        const template = item["uriTemplate"];
        return typeof template === "string" && matchesTemplate(template, uri);
      }));
  // As for names: while a server that may own it starts, it is not known that none does.
  if (found === undefined && late !== undefined && patience.kind === "call") throw late;
  return found;
}
