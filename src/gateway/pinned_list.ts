/**
 * The list of tools of a surface whose tools are found by a search: the three, and the pinned ones,
 * which are the only part that depends on servers.
 */
import { toGatewayError } from "../errors.ts";
import type { Caller } from "../model.ts";
import type { CatalogReader, MergedList } from "./catalog.ts";
import { isPinned, searchTools } from "./search_tools.ts";
import type { ResolvedSurface, SearchMode } from "./server.ts";

/** The list. Never rejects: a server that is broken costs its pinned tools alone. */
export async function pinnedList(
  catalog: Pick<CatalogReader, "list">,
  view: ResolvedSurface,
  search: SearchMode,
  caller: Caller,
  hears: () => boolean,
): Promise<MergedList> {
  if (search.pinned.length === 0) return { items: searchTools, missing: [] };
  try {
    const { items, missing } = await catalog.list("tools", view, caller, hears);
    return { items: [...searchTools, ...items.filter((tool) => isPinned(search, tool))], missing };
  } catch (thrown) {
    const { code, message } = toGatewayError(thrown);
    const names = code === "method_not_found" ? [] : view.servers.map(({ config }) => config.name);
    return { items: searchTools, missing: names.map((name) => ({ name, reason: message })) };
  }
}
