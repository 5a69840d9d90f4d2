/**
 * The search of a surface's tools. What a caller may find are the tools that the surface would list
 * to it: they are looked up first, and only the order comes from the index, so that a hidden tool
 * is neither found nor counted. The index knows each form of a tool once for all callers.
 */
import { toGatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Caller, JsonObject } from "../model.ts";
import { rank } from "../search/ranking.ts";
import type { ToolIndex, ToolWords } from "../search/tool_index.ts";
import { queryWordsOf, toToolWords } from "../search/tool_words.ts";
import type { CatalogReader, MissingPart } from "./catalog.ts";
import { namePrefix } from "./name.ts";
import type { ResolvedSurface, Server } from "./server.ts";

export type { ToolIndex };

/** A tool that a caller may know. */
export interface OfferedTool {
  readonly server: Server;
  /** As its server lists it. */
  readonly item: JsonObject;
  /** As the surface offers it. */
  readonly tool: JsonObject;
}

/** The tools of a surface, and the servers whose tools are not known in time. */
export interface OfferedTools {
  readonly tools: readonly OfferedTool[];
  readonly missing: readonly MissingPart[];
}

/** Searches tools. */
export interface ToolSearch {
  /**
   * What the caller may know, in the order of the lists. It waits for servers no longer than a list
   * for a client that listens for changes; never rejects.
   */
  offered(view: ResolvedSurface, caller: Caller): Promise<OfferedTools>;
  /** Those of these tools that answer to a query, best first. */
  best(query: string, among: readonly OfferedTool[]): Promise<readonly OfferedTool[]>;
  close(): void;
}

/** One form of a tool in the index. */
interface IndexedTool {
  readonly server: string;
  readonly tool: JsonObject;
  /** Undefined: it left the index. */
  id: number | undefined;
}

/** What the search works with. */
interface SearchDeps {
  readonly catalog: Pick<CatalogReader, "list">;
  /** Absent: nothing is found. */
  readonly index?: ToolIndex | undefined;
  readonly limits: Limits;
}

/** What is in the index. */
interface Indexed {
  /** The forms of a tool, by the object that its server's list has for it. */
  readonly forms: WeakMap<JsonObject, IndexedTool[]>;
  /** By id, those that were searched longest ago first. Lists that servers replaced are let go. */
  readonly byId: Map<number, WeakRef<IndexedTool>>;
}

/** Makes the search over an empty index. */
export function createToolSearch(deps: SearchDeps): ToolSearch {
  const { index } = deps;
  const indexed: Indexed = { forms: new WeakMap(), byId: new Map() };
  return {
    offered: (view, caller) => offeredTools(deps, view, caller),
    async best(query, among) {
      const words = queryWordsOf(query, deps.limits);
      if (index === undefined || words.length === 0) return [];
      const forms = among.map((offered) => formOf(indexed.forms, offered, deps.limits));
      await takeIn(index, indexed, forms, deps.limits);
      const scores = rank(index, words);
      return among
        .flatMap((offered, at) => {
          const score = scores.get(forms[at]?.id ?? -1);
          return score === undefined ? [] : [{ offered, score }];
        })
        .sort((one, other) => other.score - one.score)
        .map(({ offered }) => offered);
    },
    close: () => index?.close(),
  };
}

async function offeredTools(
  { catalog }: SearchDeps,
  view: ResolvedSurface,
  caller: Caller,
): Promise<OfferedTools> {
  const tools: OfferedTool[] = [];
  try {
    const { missing } = await catalog.list(
      "tools",
      view,
      caller,
      () => true,
      (server, item, tool) => void tools.push({ server, item, tool }),
    );
    return { tools, missing };
  } catch (thrown) {
    // The only server is broken or late, or has no tools at all.
    const error = toGatewayError(thrown);
    const missing = error.code === "method_not_found"
      ? []
      : view.servers.map(({ config: { name } }) => ({ name, reason: error.message }));
    return { tools: [], missing };
  }
}

/** Takes tools into the index that it does not know, and takes others out that are too many. */
async function takeIn(
  index: ToolIndex,
  { byId }: Indexed,
  forms: readonly IndexedTool[],
  limits: Limits,
): Promise<void> {
  const isNew = ({ id }: IndexedTool) => id === undefined;
  for (;;) {
    const portion = forms.filter(isNew).slice(0, limits.searchPortion);
    if (portion.length === 0) break;
    const ids = index.add(portion.map((form) => wordsOfForm(form, limits)));
    portion.forEach((form, at) => form.id = ids[at]);
    await index.rest();
  }
  for (const form of forms) {
    if (form.id === undefined) continue;
    const known = byId.get(form.id);
    byId.delete(form.id);
    byId.set(form.id, known ?? new WeakRef(form));
  }
  forget(index, byId, Math.max(limits.searchToolsMax, forms.length));
}

function wordsOfForm({ server, tool }: IndexedTool, limits: Limits): ToolWords {
  const name = String(tool["name"]);
  const start = namePrefix(server);
  const own = name.startsWith(start) ? name.slice(start.length) : name;
  return toToolWords(server, own, tool, limits);
}

/** The form of a tool in which it is offered. */
function formOf(
  forms: Indexed["forms"],
  { server: { config: { name: server } }, item, tool }: OfferedTool,
  { searchFormsMax }: Pick<Limits, "searchFormsMax">,
): IndexedTool {
  const ofItem = forms.get(item) ?? [];
  const known = ofItem.find((form) => form.server === server && isSame(form.tool, tool));
  if (known !== undefined) return known;
  const form: IndexedTool = { server, tool, id: undefined };
  forms.set(item, [form, ...ofItem].slice(0, searchFormsMax));
  return form;
}

/** Whether two forms of a tool have the same words. */
function isSame(one: JsonObject, other: JsonObject): boolean {
  return one["name"] === other["name"] && one["description"] === other["description"] &&
    one["title"] === other["title"] && one["inputSchema"] === other["inputSchema"];
}

/** Takes out of the index what no list has any more, and what was searched longest ago. */
function forget(index: ToolIndex, byId: Indexed["byId"], toolsMax: number): void {
  const gone: number[] = [];
  for (const [id, known] of byId) {
    const form = known.deref();
    if (form !== undefined && byId.size <= toolsMax) continue;
    byId.delete(id);
    if (form !== undefined) form.id = undefined;
    gone.push(id);
  }
  index.remove(gone);
}
