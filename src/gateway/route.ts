/**
 * Which server a name or a URI belongs to, and what that server calls it; and the way back for the
 * URIs in a server's results. With a single server nothing is looked up that its filter does not
 * demand. Unknown URIs are never broadcast: an owner is found in a list, in an earlier result, or by
 * a template, or the answer is that there is none.
 */
import type { ToolFilter } from "../config/config.ts";
import { isOffered } from "../config/tool_filter.ts";
import { GatewayError } from "../errors.ts";
import type { Caller, JsonObject, ListKind } from "../model.ts";
import { listKinds } from "../model.ts";
import type { CatalogReader, Part, PartOptions } from "./catalog.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import { mayBelong } from "./name.ts";
import { type Scopes, subscriptionKey } from "./scope.ts";
import { fromGatewayUri, matchesTemplate, toGatewayUri } from "./uri.ts";

/** A server and its own word for what was asked. */
export interface RouteTarget {
  readonly server: Server;
  readonly own: string;
}

/** Finds owners. */
export interface Router {
  /** Throws `invalid_params` for an unknown name, or the failure of the only server that could know it. */
  name(
    kind: "tools" | "prompts",
    view: ResolvedSurface,
    offered: string,
    caller: Caller,
  ): Promise<RouteTarget>;
  /** The tool of that name, as its server lists it. */
  tool(view: ResolvedSurface, offered: string, caller: Caller): Promise<JsonObject | undefined>;
  /** Throws `resource_not_found` when no server owns the URI, `upstream_late` while one may. */
  uri(view: ResolvedSurface, offered: string, caller: Caller): Promise<RouteTarget>;
  /** The owner of a template as it was listed, or else of a URI. */
  template(view: ResolvedSurface, offered: string, caller: Caller): Promise<RouteTarget>;
  /** A tool's or prompt's result, or read contents, with URIs as this surface offers them. */
  result(
    view: ResolvedSurface,
    server: Server,
    value: JsonObject,
    caller: Caller,
  ): Promise<JsonObject>;
}

/** Makes the router. */
export function createRouter(
  deps: { readonly catalog: CatalogReader; readonly scopes: Scopes },
): Router {
  const { catalog, scopes } = deps;
  const identities = new WeakMap<readonly JsonObject[], ReadonlySet<unknown>>();

  function has(part: Part, kind: ListKind, uri: string): boolean {
    let known = identities.get(part.items);
    if (known === undefined) {
      known = new Set(part.items.map((item) => item[listKinds[kind].identity]));
      identities.set(part.items, known);
    }
    return known.has(uri);
  }

  /**
   * The lists of these servers, asked for side by side and looked at in their order: what the first
   * ones have is not held up by the others. A call looks first at what the servers have told by now,
   * so that one that hangs holds up no call for another one.
   */
  async function firstIn<T>(
    kind: ListKind,
    servers: readonly Server[],
    caller: Caller,
    options: PartOptions,
    find: (part: Part) => T | undefined,
  ): Promise<T | undefined> {
    if (options.patience.kind === "call" && servers.length > 1) {
      const quick: PartOptions = { ...options, patience: { kind: "glance" } };
      const seen = ({ server, items }: Part) => find({ server, items });
      const found = await firstIn(kind, servers, caller, quick, seen);
      if (found !== undefined) return found;
    }
    const reading = servers.map((server) => catalog.part(kind, server, caller, options));
    for (const part of reading) {
      const found = find(await part);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async function name(
    kind: "tools" | "prompts",
    view: ResolvedSurface,
    offered: string,
    caller: Caller,
  ): Promise<RouteTarget> {
    const [only, ...others] = view.servers;
    const isAlone = only !== undefined && others.length === 0;
    // Names that nothing changes need no list, only the filter's consent.
    const filter: ToolFilter = isAlone && kind === "tools" ? only.config.tools : {};
    if (isAlone && !view.prefixed && filter.rename === undefined) {
      if (!isOffered(filter, offered)) throw unknownName(kind, offered);
      return { server: only, own: offered };
    }
    let failure: GatewayError | undefined;
    // A list made for another client may lack what this one is offered: then its own is looked at.
    for (const source of ["nearest", "own"] as const) {
      // Bare names that meet are offered under their prefixed ones (catalog.ts).
      for (const prefixed of view.prefixed ? [true] : isAlone ? [false] : [false, true]) {
        const servers = prefixed
          ? view.servers.filter(({ config }) => mayBelong(config.name, offered))
          : view.servers;
        const options: PartOptions = { patience: { kind: "call" }, source };
        const target = await firstIn(
          kind,
          servers,
          caller,
          options,
          (part): RouteTarget | undefined => {
            const own = catalog.names(part, kind, prefixed).toOwn(offered);
            // While a server that may have it starts, it is not unknown.
            if (prefixed || isAlone || part.error?.code === "upstream_late") failure ??= part.error;
            return own === undefined ? undefined : { server: part.server, own };
          },
        );
        if (target !== undefined) return target;
      }
      if (failure !== undefined) throw failure;
    }
    throw unknownName(kind, offered);
  }

  function seen(view: ResolvedSurface, offered: string, caller: Caller): RouteTarget | undefined {
    const memory = scopes.of(caller.scope);
    const key = subscriptionKey({ surface: view.surface, offered });
    const owner = fromGatewayUri(offered) ?? memory.subscribed.get(key) ??
      memory.seenUris.get(offered);
    const server = view.servers.find((one) => one.config.name === owner?.server);
    return server === undefined || owner === undefined ? undefined : { server, own: owner.uri };
  }

  async function listed(
    view: ResolvedSurface,
    uri: string,
    caller: Caller,
    patience: PartOptions["patience"],
  ): Promise<Server | undefined> {
    let late: GatewayError | undefined;
    const ownerIn = (kind: ListKind, isOwner: (part: Part) => boolean) =>
      firstIn(kind, view.servers, caller, { patience }, (part) => {
        if (part.error?.code === "upstream_late") late ??= part.error;
        return isOwner(part) ? part.server : undefined;
      });
    const owner = await ownerIn("resources", (part) => has(part, "resources", uri)) ??
      await ownerIn("templates", (part) =>
        part.items.some((item) => {
          const template = item["uriTemplate"];
          return typeof template === "string" && matchesTemplate(template, uri);
        }));
    // As for names: while a server that may own it starts, it is not known that none does.
    if (owner === undefined && late !== undefined && patience.kind === "call") throw late;
    return owner;
  }

  async function uri(view: ResolvedSurface, offered: string, caller: Caller): Promise<RouteTarget> {
    const [only, ...others] = view.servers;
    if (only !== undefined && others.length === 0) return { server: only, own: offered };
    const known = seen(view, offered, caller);
    if (known !== undefined) return known;
    const owner = await listed(view, offered, caller, { kind: "call" });
    if (owner !== undefined) return { server: owner, own: offered };
    throw new GatewayError("resource_not_found", `Resource not found: "${offered}"`, {
      data: { uri: offered },
    });
  }

  /** What this surface calls a server's URI; it is remembered, so that it can be read later. */
  async function offeredUri(
    view: ResolvedSurface,
    server: Server,
    own: string,
    caller: Caller,
  ): Promise<string> {
    const owner = seen(view, own, caller)?.server ??
      await listed(view, own, caller, { kind: "glance" });
    if (owner !== undefined && owner !== server) return toGatewayUri(server.config.name, own);
    scopes.saw(caller.scope, own, { server: server.config.name, uri: own });
    return own;
  }

  async function renamed(
    view: ResolvedSurface,
    server: Server,
    holder: JsonObject,
    caller: Caller,
  ): Promise<JsonObject> {
    const own = holder["uri"];
    if (typeof own !== "string") return holder;
    const offered = await offeredUri(view, server, own, caller);
    return offered === own ? holder : { ...holder, uri: offered };
  }

  async function block(
    view: ResolvedSurface,
    server: Server,
    value: unknown,
    caller: Caller,
  ): Promise<unknown> {
    if (!isObject(value)) return value;
    if (value["type"] === "resource_link") return await renamed(view, server, value, caller);
    if (value["type"] !== "resource" || !isObject(value["resource"])) return value;
    return { ...value, resource: await renamed(view, server, value["resource"], caller) };
  }

  async function result(
    view: ResolvedSurface,
    server: Server,
    value: JsonObject,
    caller: Caller,
  ): Promise<JsonObject> {
    if (view.servers.length === 1) return value;
    const change = (one: unknown): Promise<unknown> => block(view, server, one, caller);
    const { content, contents, messages } = value;
    if (Array.isArray(content)) {
      return { ...value, content: await Promise.all(content.map(change)) };
    }
    if (Array.isArray(contents)) {
      const held = contents.map((one) => isObject(one) ? renamed(view, server, one, caller) : one);
      return { ...value, contents: await Promise.all(held) };
    }
    if (!Array.isArray(messages)) return value;
    const changed = messages.map(async (message: unknown) =>
      isObject(message) ? { ...message, content: await change(message["content"]) } : message
    );
    return { ...value, messages: await Promise.all(changed) };
  }

  return {
    name,
    async tool(view, offered, caller) {
      const { server, own } = await name("tools", view, offered, caller);
      const { items } = await catalog.part("tools", server, caller, { patience: { kind: "call" } });
      return items.find((item) => item["name"] === own);
    },
    uri,
    result,
    async template(view, offered, caller) {
      if (view.servers.length > 1 && fromGatewayUri(offered) === undefined) {
        const owner = await firstIn(
          "templates",
          view.servers,
          caller,
          { patience: { kind: "call" } },
          (part) => has(part, "templates", offered) ? part.server : undefined,
        );
        if (owner !== undefined) return { server: owner, own: offered };
      }
      return await uri(view, offered, caller);
    },
  };
}

function unknownName(kind: "tools" | "prompts", offered: string): GatewayError {
  const what = kind === "tools" ? "tool" : "prompt";
  return new GatewayError(
    "invalid_params",
    `Unknown ${what} "${offered}": list the ${what}s to see which there are`,
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
