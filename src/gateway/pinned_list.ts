/**
 * The list of tools of a surface whose tools are found by a search: the three, and the pinned ones,
 * which are the only part that depends on servers.
 */
import { toGatewayError } from "../errors.ts";
import type { Caller, JsonObject } from "../model.ts";
import type { CatalogReader, MergedList } from "./catalog.ts";
import type { Log } from "../log.ts";
import type { Access } from "./access_policy.ts";
import { isPinned, searchTools, unmatchedPins } from "./search_tools.ts";
import type { ResolvedSurface, SearchMode } from "./server.ts";

/** What the list is made with. */
export interface PinnedListDeps {
  readonly catalog: Pick<CatalogReader, "list">;
  readonly access: Pick<Access, "isSameForAll">;
  readonly log: Log;
}

/**
 * The list. Never rejects: a server that is broken costs its pinned tools alone. The first list that
 * is whole shows which pinned names no tool has: the log names them.
 */
export async function pinnedList(
  { catalog, access, log }: PinnedListDeps,
  view: ResolvedSurface,
  search: SearchMode,
  caller: Caller,
  hears: () => boolean,
): Promise<MergedList> {
  if (search.pinned.length === 0) return { items: searchTools, missing: [] };
  try {
    const { items, missing } = await catalog.list("tools", view, caller, hears);
    // Others may not see what is there.
    const isWhole = missing.length === 0 && access.isSameForAll(caller.principal);
    if (isWhole) nameUnmatched(log, view, search, items);
    return { items: [...searchTools, ...items.filter((tool) => isPinned(search, tool))], missing };
  } catch (thrown) {
    const { code, message } = toGatewayError(thrown);
    const names = code === "method_not_found" ? [] : view.servers.map(({ config }) => config.name);
    return { items: searchTools, missing: names.map((name) => ({ name, reason: message })) };
  }
}

/** What was named already: the object is the configuration's own, so a reload names it again. */
const named = new WeakSet<SearchMode>();

function nameUnmatched(
  log: Log,
  { surface }: ResolvedSurface,
  search: SearchMode,
  tools: readonly JsonObject[],
): void {
  if (named.has(search)) return;
  named.add(search);
  for (const name of unmatchedPins(search, tools)) {
    log.warn(
      `Cannot list the pinned tool "${name}" on ${surface}: no tool there has this name; ` +
        'correct "pinned" of the profile, or its servers and filters',
    );
  }
}
