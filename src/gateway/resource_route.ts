/**
 * Which server a URI or template belongs to, and the way back for the URIs in a server's results.
 * Unknown URIs are never broadcast: an owner is found in a list, in an earlier result, or by a
 * template, or the answer is that there is none. With a single server nothing is looked up.
 */
import type { GatewayError } from "../errors.ts";
import { type Caller, type JsonObject, type ListKind, listKinds } from "../model.ts";
import type { Part, PartOptions } from "./catalog.ts";
import { firstIn, type RouteDeps, type RouteTarget, unknownItem } from "./lookup.ts";
import { subscriptionKey } from "./scope.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import { fromGatewayUri, matchesTemplate, toGatewayUri } from "./uri.ts";

/** Throws `resource_not_found` when no server owns the URI, `upstream_late` while one may. */
export async function ownerOfUri(
  deps: RouteDeps,
  view: ResolvedSurface,
  offered: string,
  caller: Caller,
): Promise<RouteTarget> {
  const [only, ...others] = view.servers;
  if (only !== undefined && others.length === 0) return { server: only, own: offered };
  const known = seen(deps, view, offered, caller);
  if (known !== undefined) return known;
  const owner = await listed(deps, view, offered, caller, { kind: "call" });
  if (owner !== undefined) return { server: owner, own: offered };
  throw unknownItem("resources", offered);
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
    const owner = await firstIn(deps, "templates", view.servers, caller, options, find);
    if (owner !== undefined) return { server: owner, own: offered };
  }
  return await ownerOfUri(deps, view, offered, caller);
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

/** The owner by the URI's own form, a subscription, or a result that named it. */
function seen(
  { scopes }: RouteDeps,
  view: ResolvedSurface,
  offered: string,
  caller: Caller,
): RouteTarget | undefined {
  const memory = scopes.of(caller.scope);
  const key = subscriptionKey({ surface: view.surface, offered });
  const owner = fromGatewayUri(offered) ?? memory.subscribed.get(key) ??
    memory.seenUris.get(offered);
  const server = view.servers.find((one) => one.config.name === owner?.server);
  return server === undefined || owner === undefined ? undefined : { server, own: owner.uri };
}

async function listed(
  deps: RouteDeps,
  { servers }: ResolvedSurface,
  uri: string,
  caller: Caller,
  patience: PartOptions["patience"],
): Promise<Server | undefined> {
  let late: GatewayError | undefined;
  const ownerIn = (kind: ListKind, isOwner: (part: Part) => boolean) =>
    firstIn(deps, kind, servers, caller, { patience }, (part) => {
      if (part.error?.code === "upstream_late") late ??= part.error;
      return isOwner(part) ? part.server : undefined;
    });
  const owner = await ownerIn("resources", (part) => has(deps, part, "resources", uri)) ??
    await ownerIn("templates", (part) =>
      part.items.some((item) => {
        const template = item["uriTemplate"];
        return typeof template === "string" && matchesTemplate(template, uri);
      }));
  // As for names: while a server that may own it starts, it is not known that none does.
  if (owner === undefined && late !== undefined && patience.kind === "call") throw late;
  return owner;
}

/** A tool's or prompt's result, or read contents, with URIs as the surface offers them. */
export function toOfferedResult(
  deps: RouteDeps,
  view: ResolvedSurface,
  server: Server,
  value: JsonObject,
  caller: Caller,
): JsonObject | Promise<JsonObject> {
  const rename = (holder: JsonObject) => renamed(deps, view, server, holder, caller);
  const { content, contents, messages } = value;
  if (Array.isArray(content)) {
    return content.some(hasUri) ? withBlocks(value, "content", content, rename) : value;
  }
  if (Array.isArray(contents)) {
    return contents.some(isUriHolder) ? withContents(value, contents, rename) : value;
  }
  if (!Array.isArray(messages)) return value;
  return messages.some((message) => isObject(message) && hasUri(message["content"]))
    ? withMessages(value, messages, rename)
    : value;
}

type Rename = (holder: JsonObject) => Promise<JsonObject>;

const isUriHolder = (one: unknown): one is JsonObject =>
  isObject(one) && typeof one["uri"] === "string";

/** Whether a block of content names a URI. */
function hasUri(block: unknown): boolean {
  if (!isObject(block)) return false;
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
  if (!isObject(block) || !hasUri(block)) return block;
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
    isObject(message)
      ? { ...message, content: await withBlock(message["content"], rename) }
      : message
  );
  return { ...value, messages: await Promise.all(changed) };
}

/** What the surface calls a server's URI; it is remembered, so that it can be read later. */
async function renamed(
  deps: RouteDeps,
  view: ResolvedSurface,
  server: Server,
  holder: JsonObject,
  caller: Caller,
): Promise<JsonObject> {
  const own = String(holder["uri"]);
  const owner = seen(deps, view, own, caller)?.server ??
    await listed(deps, view, own, caller, { kind: "glance" });
  if (owner !== undefined && owner !== server) {
    return { ...holder, uri: toGatewayUri(server.config.name, own) };
  }
  deps.scopes.saw(caller.scope, own, { server: server.config.name, uri: own });
  return holder;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
