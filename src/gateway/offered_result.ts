/**
 * The way back for the URIs in a server's results: resource links, embedded resources, read
 * contents, and the page of an app that a result names. Each becomes what the surface calls it, and
 * is remembered, so that it can be read later though no list names it.
 */
import type { Caller, JsonObject } from "../model.ts";
import { isJsonObject } from "../json.ts";
import { isPageUri, namedPages, withNamedPages } from "./app_meta.ts";
import type { RouteDeps } from "./lookup.ts";
import { offeredUri } from "./pages.ts";
import { listedOwner, seenOwner } from "./resource_route.ts";
import { isWithheld, type ResolvedSurface, type Server } from "./server.ts";

/** The answered call, as far as URIs in its result depend on it. */
export interface Answered {
  readonly server: Server;
  /** What was called: the server's own name or URI for it, and the client's. */
  readonly item?: { readonly own: string; readonly offered: string } | undefined;
}

/** A tool's or prompt's result, or read contents, with URIs as the surface offers them. */
export function toOfferedResult(
  deps: RouteDeps,
  view: ResolvedSurface,
  answered: Answered,
  value: JsonObject,
  caller: Caller,
): JsonObject | Promise<JsonObject> {
  const pages = namedPages(value);
  // Most results name no URI; they are returned unchanged and without a copy.
  if (pages.length === 0 && !holdsUris(value)) return value;
  const toOffered = (own: string) => offeredOf(deps, view, answered, own, caller);
  const rename: Rename = async (holder) => {
    const own = String(holder["uri"]);
    const offered = await toOffered(own);
    return offered === own ? holder : { ...holder, uri: offered };
  };
  if (pages.length === 0) return withOfferedUris(value, rename);
  return Promise.all(pages.map(async (own) => [own, await toOffered(own)] as const))
    .then((pairs) => {
      const byOwn = new Map(pairs);
      const renamed = withNamedPages(value, (own) => byOwn.get(own) ?? own);
      return withOfferedUris(renamed, rename);
    });
}

/** Whether the blocks, contents or messages of a result name a URI. */
function holdsUris({ content, contents, messages }: JsonObject): boolean {
  if (Array.isArray(content)) return content.some(hasUri);
  if (Array.isArray(contents)) return contents.some(isUriHolder);
  if (!Array.isArray(messages)) return false;
  return messages.some((message) => isJsonObject(message) && hasUri(message["content"]));
}

function withOfferedUris(value: JsonObject, rename: Rename): JsonObject | Promise<JsonObject> {
  if (!holdsUris(value)) return value;
  const { content, contents, messages } = value;
  if (Array.isArray(content)) return withBlocks(value, "content", content, rename);
  if (Array.isArray(contents)) return withContents(value, contents, rename);
  return Array.isArray(messages) ? withMessages(value, messages, rename) : value;
}

type Rename = (holder: JsonObject) => Promise<JsonObject>;

const isUriHolder = (one: unknown): one is JsonObject =>
  isJsonObject(one) && typeof one["uri"] === "string";

/** Whether a block of content names a URI. */
function hasUri(block: unknown): boolean {
  if (!isJsonObject(block)) return false;
  return block["type"] === "resource_link"
    ? isUriHolder(block)
    : block["type"] === "resource" && isUriHolder(block["resource"]);
}

async function withBlocks(
  value: JsonObject,
  key: string,
  blocks: readonly unknown[],
  rename: Rename,
): Promise<JsonObject> {
  return { ...value, [key]: await Promise.all(blocks.map((one) => withBlock(one, rename))) };
}

async function withBlock(block: unknown, rename: Rename): Promise<unknown> {
  if (!isJsonObject(block) || !hasUri(block)) return block;
  if (block["type"] === "resource_link") return await rename(block);
  return { ...block, resource: await rename(block["resource"] as JsonObject) };
}

async function withContents(
  value: JsonObject,
  contents: readonly unknown[],
  rename: Rename,
): Promise<JsonObject> {
  const held = contents.map((one) => isUriHolder(one) ? rename(one) : one);
  return { ...value, contents: await Promise.all(held) };
}

async function withMessages(
  value: JsonObject,
  messages: readonly unknown[],
  rename: Rename,
): Promise<JsonObject> {
  const changed = messages.map(async (message: unknown) =>
    isJsonObject(message)
      ? { ...message, content: await withBlock(message["content"], rename) }
      : message
  );
  return { ...value, messages: await Promise.all(changed) };
}

/** What the surface calls a server's URI; it is remembered, so that it can be read later. */
async function offeredOf(
  deps: RouteDeps,
  view: ResolvedSurface,
  { server, item }: Answered,
  own: string,
  caller: Caller,
): Promise<string> {
  // What a client reads comes back under the URI by which the client asked for it.
  if (own === item?.own) return item.offered;
  const kind = isPageUri(own) ? "memory" : "glance";
  const owner = seenOwner(deps, view, own, caller)?.server ??
    await listedOwner(deps, view, own, caller, { kind });
  const offered = offeredUri(server, own, owner);
  if (offered === own || isWithheld(server, "resources")) {
    const { surface } = view;
    deps.scopes.saw(caller.scope, { surface, offered }, { server: server.config.name, uri: own });
  }
  return offered;
}
