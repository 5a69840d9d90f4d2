/**
 * The pins of one server: what was accepted of its lists, which changes wait for a person, and which
 * tools may be offered meanwhile. Not here: the comparison (compare_tools.ts), and what a person
 * does about all servers (tool_pins.ts).
 */
import { putWithin } from "../../bounded.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import type { ListOrigin, PinnedList, PinUpdate, StoredChange } from "../pins.ts";
import { compareTools, type ToolDifference } from "./compare_tools.ts";
import { changeId, noteChanges, reportChanges } from "./pinned_changes.ts";
import type { PinDeps, PinnedPlace, PinnedServer } from "./pin_state.ts";
import { fingerprintsOf, toDefinition } from "./tool_fingerprint.ts";

/** The state of a server, with what is stored of its changes. */
export function createPinnedServer(
  name: string,
  deps: PinDeps,
  stored: readonly StoredChange[] = [],
): PinnedServer {
  const entries = (isApproved: boolean) =>
    stored.filter((change) => change.isApproved === isApproved)
      .map((change) => [changeId(change), change] as const);
  const changes = new Map(entries(false));
  return {
    name,
    deps,
    places: undefined,
    loading: undefined,
    changes,
    approvals: new Map(entries(true)),
    reported: new Set(changes.keys()),
    reports: new Map(),
    prints: new Map(),
    known: new WeakMap(),
    subject: undefined,
    listeners: new Set(),
    revision: 0,
  };
}

/**
 * Takes what is stored now; changes that were seen later than `since` may not be stored yet. Returns
 * whether other tools are approved than before.
 */
export function takeStored(
  server: PinnedServer,
  stored: readonly StoredChange[],
  since: number,
): boolean {
  const { changes, approvals, reported } = server;
  const before = [...approvals.keys()].sort().join("\n");
  const young = [...changes].filter(([, { at }]) => at > since);
  for (const kept of [changes, approvals]) kept.clear();
  for (const change of stored) {
    (change.isApproved ? approvals : changes).set(changeId(change), change);
    // The instance that saw it first has reported it.
    if (!change.isApproved) reported.add(changeId(change));
  }
  for (const [id, change] of young) if (!approvals.has(id)) changes.set(id, change);
  // The lists are read again when one is compared.
  server.places = undefined;
  server.revision += 1;
  return before !== [...approvals.keys()].sort().join("\n");
}

const placeId = ({ principal, variant }: Pick<PinnedList, "principal" | "variant">): string =>
  `${variant} ${principal}`;

/** Forgets all that is known of a server, which is another program now. */
export function forgetServer(server: PinnedServer): void {
  const { changes, approvals, reported, reports } = server;
  for (const kept of [changes, approvals, reported, reports]) kept.clear();
  server.places = new Map();
  server.revision += 1;
}

/** Reads what is stored; what is stored of another program is forgotten. */
export async function loadServer(
  server: PinnedServer,
  subject: string,
): Promise<Map<string, PinnedPlace>> {
  const { name, deps: { store } } = server;
  server.loading ??= readPlaces(server).finally(() => void (server.loading = undefined));
  const places = server.places ?? await server.loading;
  server.places = places;
  if ([...places.values()].every(({ list }) => list.subject === subject)) return places;
  forgetServer(server);
  await store.remove([name]);
  return server.places ?? places;
}

async function readPlaces(
  { name, changes, approvals, deps: { store } }: PinnedServer,
): Promise<Map<string, PinnedPlace>> {
  const lists = await store.lists(name);
  const used = lists.flatMap(({ tools }) => [...tools.values()].flat());
  const changed = [...changes.values(), ...approvals.values()]
    .flatMap(({ fingerprint, before }) => [fingerprint, before]);
  if (lists.length > 0) {
    await store.update(name, { keptDefinitions: new Set([...used, ...changed]) });
  }
  return new Map(lists.map((list) => [placeId(list), { list }]));
}

/** Takes a list as the server gave it now; see `ServerPins.see`. */
export async function seeTools(
  server: PinnedServer,
  tools: readonly JsonObject[],
  origin: ListOrigin,
  { subject, withholds }: { readonly subject: string; readonly withholds: boolean },
): Promise<void> {
  const { deps, name } = server;
  const prints = await printsOf(server, tools);
  // The last lists of a server that is another one by now.
  if (await server.subject !== subject) return;
  const places = await loadServer(server, subject);
  const seen = new Map(tools.map((tool, at) => [String(tool["name"]), prints[at] ?? ""]));
  const id = placeId(origin);
  const before = places.get(id);
  const { list, differences } = compareTools(
    { subject, origin, tools: seen },
    {
      lists: [...places.values()].map((place) => place.list),
      isApproved: (tool, fingerprint) => server.approvals.has(changeId({ tool, fingerprint })),
    },
    deps.limits.acceptedPrintsMax,
  );
  const place = before ?? { list };
  const isNews = list !== before?.list;
  const definitions = definitionsFor(tools, prints, before?.list, differences, deps.limits);
  place.list = list;
  // The list that was read last stands last.
  places.delete(id);
  places.set(id, place);
  if (isNews) server.revision += 1;
  if (withholds) server.known.set(tools, { place, prints, offered: [], revision: -1 });
  const noted = noteChanges(server, seen, origin, differences);
  const update: PinUpdate = {
    ...noted.update,
    ...(isNews ? { lists: [list], droppedLists: dropOldest(places, deps.limits) } : {}),
    ...(isNews || noted.fresh.length > 0 ? { definitions } : {}),
  };
  reportChanges(server, noted.fresh, withholds);
  if (Object.keys(update).length === 0) return;
  await deps.store.update(name, update).catch((fault) => {
    deps.logOf(name).warn("Cannot keep the fingerprints of the tools", { fault });
  });
}

/** The fingerprints of a list; those of a list that came before are known. */
async function printsOf(
  { prints, deps }: PinnedServer,
  tools: readonly JsonObject[],
): Promise<readonly string[]> {
  const digest = deps.sha256(JSON.stringify(tools));
  const made = prints.get(digest) ?? await fingerprintsOf(tools, deps);
  putWithin(prints, digest, made, deps.limits.knownPrintsMax);
  return made;
}

/** The definitions that are stored for the first time. */
function definitionsFor(
  tools: readonly JsonObject[],
  prints: readonly string[],
  before: PinnedList | undefined,
  differences: readonly ToolDifference[],
  { definitionCharsMax }: Pick<Limits, "definitionCharsMax">,
): ReadonlyMap<string, string> {
  const changed = new Set(differences.map(({ tool }) => tool));
  const fresh = tools.flatMap((tool, at) => {
    const [name, print = ""] = [String(tool["name"]), prints[at]];
    const isKnown = before?.tools.get(name)?.includes(print) === true;
    return isKnown && !changed.has(name) ? [] : [[print, tool] as const];
  });
  return new Map(fresh.map(([print, tool]) => [print, toDefinition(tool, definitionCharsMax)]));
}

function dropOldest(
  places: Map<string, PinnedPlace>,
  { pinnedListsMax }: Pick<Limits, "pinnedListsMax">,
): readonly PinnedList[] {
  const oldest = [...places].slice(0, Math.max(0, places.size - pinnedListsMax));
  for (const [id] of oldest) places.delete(id);
  return oldest.map(([, { list }]) => list);
}

/** Takes a list from a stored catalog; see `ServerPins.recall`. */
export async function recallTools(
  server: PinnedServer,
  tools: readonly JsonObject[],
  key: string,
  subject: string,
): Promise<boolean> {
  const places = await loadServer(server, subject);
  const place = [...places.values()].find(({ list }) => list.key === key);
  if (place === undefined) return false;
  const prints = await printsOf(server, tools);
  server.known.set(tools, { place, prints, offered: [], revision: -1 });
  return true;
}

const nothing: readonly JsonObject[] = [];

/** The tools of a list that are accepted; see `ServerPins.offered`. */
export function acceptedTools(
  { known, revision, approvals }: PinnedServer,
  tools: readonly JsonObject[],
): readonly JsonObject[] {
  const list = known.get(tools);
  if (list === undefined) return nothing;
  if (list.revision === revision) return list.offered;
  const accepted = tools.filter((tool, at) => {
    const [name, fingerprint = ""] = [String(tool["name"]), list.prints[at]];
    return list.place.list.tools.get(name)?.includes(fingerprint) === true ||
      approvals.has(changeId({ tool: name, fingerprint }));
  });
  list.revision = revision;
  const isSame = accepted.length === list.offered.length &&
    accepted.every((tool, at) => tool === list.offered[at]);
  if (!isSame) list.offered = accepted.length === tools.length ? tools : accepted;
  return list.offered;
}

/** The failure of a list of which it cannot be told what is approved. */
export function unreadable(server: string, cause: unknown): GatewayError {
  const message = `Cannot tell which tools of server "${server}" are approved: ` +
    "their fingerprints cannot be read";
  return new GatewayError("upstream_unavailable", message, { data: { server }, cause });
}
