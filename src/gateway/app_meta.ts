/**
 * What MCP Apps puts into `_meta`: the page that shows what a tool returns, and who may call the
 * tool. A page is a resource whose URI starts with `ui://`. Follows the extension's text of
 * 2026-01-26 (`_meta.ui`, and the flat key that it deprecates), and the key that ChatGPT reads.
 */
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";

/** Hosts refuse a page with another scheme. */
export const pageScheme = "ui://";

/** Members of `_meta` whose value is a page's URI; the object `_meta.ui` has one, too. */
const flatKeys = ["ui/resourceUri", "openai/outputTemplate"] as const;
const nestedKey = "resourceUri";

/** Whether a URI is that of a page. */
export function isPageUri(uri: unknown): uri is string {
  return typeof uri === "string" && uri.startsWith(pageScheme);
}

/** The URIs that a tool or a result names as the page that belongs to it, each once. */
export function namedPages({ _meta: meta }: JsonObject): readonly string[] {
  if (!isJsonObject(meta)) return [];
  const { ui } = meta;
  const named = [isJsonObject(ui) ? ui[nestedKey] : undefined, ...flatKeys.map((key) => meta[key])];
  return [...new Set(named.filter(isPageUri))];
}

/** The same tool or result with other URIs for its page; the rest stays to the letter. */
export function withNamedPages(
  holder: JsonObject,
  rename: (uri: string) => string,
): JsonObject {
  const { _meta: meta } = holder;
  if (!isJsonObject(meta)) return holder;
  const changed = renameIn(meta, flatKeys, rename);
  const ui = isJsonObject(meta["ui"]) ? renameIn(meta["ui"], [nestedKey], rename) : meta["ui"];
  if (changed === meta && ui === meta["ui"]) return holder;
  return { ...holder, _meta: ui === meta["ui"] ? changed : { ...changed, ui } };
}

function renameIn(
  members: JsonObject,
  keys: readonly string[],
  rename: (uri: string) => string,
): JsonObject {
  let changed = members;
  for (const key of keys) {
    const uri = members[key];
    const renamed = isPageUri(uri) ? rename(uri) : uri;
    if (renamed !== uri) changed = { ...changed, [key]: renamed };
  }
  return changed;
}

/**
 * Whether the pages of its own server may call a tool. Without `visibility` they may, and so may
 * the model. A value that cannot be understood admits nothing.
 */
export function admitsApp({ _meta: meta }: JsonObject): boolean {
  const ui = isJsonObject(meta) ? meta["ui"] : undefined;
  const visibility = isJsonObject(ui) ? ui["visibility"] : undefined;
  if (visibility === undefined || visibility === null) return true;
  return Array.isArray(visibility) && visibility.includes("app");
}
