/**
 * The lists of one running lane: fetched once, page by page within bounds, and kept until the
 * server says that they changed. A capability that is absent is an empty list without asking.
 */
import { errorTable, GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { type JsonObject, type ListKind, listKinds, type Notice } from "../model.ts";
import { isJsonObject } from "../protocol/jsonrpc.ts";
import type { Catalog } from "./deps.ts";

/** The lists of one lane. */
export interface LaneLists {
  get(kind: ListKind): Promise<readonly JsonObject[]>;
  all(): Promise<Catalog["lists"]>;
  /** The next `get` asks again. */
  forget(kind: ListKind): void;
}

/** What the lists are fetched with. */
export interface LaneListsOptions {
  readonly capabilities: JsonObject;
  readonly request: (method: string, params: JsonObject) => Promise<JsonObject>;
  readonly limits: Pick<Limits, "listPagesMax" | "listItemsMax">;
  readonly log: Log;
}

/** The names of the four lists. */
export const listKindNames = Object.keys(listKinds) as ListKind[];

/** The lists that a notice says have changed; without a notice all of them. */
export function changedKinds(notice?: Notice): ListKind[] {
  return listKindNames.filter((kind) =>
    notice === undefined ||
    notice.method === `notifications/${listKinds[kind].capability}/list_changed`
  );
}

/** Makes the lists of a lane; nothing is fetched yet. */
export function createLaneLists(options: LaneListsOptions): LaneLists {
  const known = new Map<ListKind, Promise<readonly JsonObject[]>>();
  const get = (kind: ListKind): Promise<readonly JsonObject[]> => {
    if (!isJsonObject(options.capabilities[listKinds[kind].capability])) return Promise.resolve([]);
    const kept = known.get(kind);
    if (kept !== undefined) return kept;
    const fetching = fetchList(kind, options);
    known.set(kind, fetching);
    fetching.catch(() => {
      if (known.get(kind) === fetching) known.delete(kind);
    });
    return fetching;
  };
  return {
    get,
    async all() {
      const [tools, prompts, resources, templates] = await Promise.all([
        get("tools"),
        get("prompts"),
        get("resources"),
        get("templates"),
      ]);
      return { tools, prompts, resources, templates };
    },
    forget: (kind) => void known.delete(kind),
  };
}

async function fetchList(kind: ListKind, options: LaneListsOptions): Promise<JsonObject[]> {
  const { method, key, identity } = listKinds[kind];
  const { limits, log } = options;
  const items = new Map<string, JsonObject>();
  const cursors = new Set<string>();
  let params: JsonObject = {};
  for (let page = 1;; page++) {
    const value = await fetchPage(kind, params, options);
    // The codec lets only items with an identity through.
    for (const item of (value[key] ?? []) as readonly JsonObject[]) {
      const name = String(item[identity]);
      if (!items.has(name)) items.set(name, item);
    }
    const cursor = value["nextCursor"];
    if (typeof cursor !== "string") break;
    const problem = cursors.has(cursor)
      ? "its pages come round again"
      : page >= limits.listPagesMax
      ? `it has more than ${limits.listPagesMax} pages`
      : items.size >= limits.listItemsMax
      ? `it has more than ${limits.listItemsMax} items`
      : undefined;
    if (problem !== undefined) {
      log.warn(`Stopped reading ${method}: ${problem}`, { items: items.size });
      break;
    }
    cursors.add(cursor);
    params = { cursor };
  }
  return [...items.values()].slice(0, limits.listItemsMax);
}

async function fetchPage(
  kind: ListKind,
  params: JsonObject,
  options: LaneListsOptions,
): Promise<JsonObject> {
  try {
    return await options.request(listKinds[kind].method, params);
  } catch (error) {
    // Servers with resources often have no templates and do not know the method.
    const isUnknown = error instanceof GatewayError &&
      error.upstream?.code === errorTable.method_not_found.rpc;
    if (kind === "templates" && isUnknown) return {};
    throw error;
  }
}
