/**
 * The tool `connect_{server}` of a server that lists nothing before its person has logged in: it
 * stands in the list of tools in place of the server's own, and its result is the link to the
 * log-in. Its name carries no prefix, so that it is the same on every surface. Not here: the answer
 * to its call (steps/connect.ts).
 */
import {
  type HttpServerConfig,
  type ServerConfig,
  type ServerOAuthConfig,
  toSafePrefix,
} from "../config/config.ts";
import { isOfKind } from "../config/server_kind.ts";
import { isOffered } from "../config/tool_filter.ts";
import type { GatewayError } from "../errors.ts";
import type { JsonObject, ListKind } from "../model.ts";
import { hintsOf, type PolicyItem } from "./access_policy.ts";
import { toFitting } from "./name.ts";
import type { Server } from "./server.ts";

/** How persons log in at a server; undefined: they do not. */
export function oauthOf(config: ServerConfig): ServerOAuthConfig | undefined {
  return isOfKind<HttpServerConfig>(config, "http") ? config.oauth : undefined;
}

/** A list that is just the connect tool of its server. */
const lists = new WeakSet<readonly JsonObject[]>();

/** The list of each server, so that its names are worked out once. */
const byConfig = new WeakMap<ServerConfig, readonly JsonObject[]>();

/** Whether a list of tools stands in for those of a server that wants a log-in. */
export function isConnectList(items: readonly JsonObject[]): boolean {
  return lists.has(items);
}

/** The server's own name for its connect tool, as filters and access rows see it. */
export function connectName({ name }: Pick<ServerConfig, "name">): string {
  return toFitting(`connect_${toSafePrefix(name)}`);
}

/** Kept because each call on a surface of several servers needs the name for each server. */
const offeredNames = new WeakMap<ServerConfig, { readonly name: string | undefined }>();

/**
 * What every surface calls the connect tool of a server, unless another tool has the name; undefined
 * if the server never offers one.
 */
export function offeredConnectName(config: ServerConfig): string | undefined {
  let known = offeredNames.get(config);
  if (known === undefined) offeredNames.set(config, known = { name: toOfferedName(config) });
  return known.name;
}

function toOfferedName(config: ServerConfig): string | undefined {
  if (oauthOf(config)?.connectTool !== true) return undefined;
  const own = connectName(config);
  if (!isOffered(config.tools, own)) return undefined;
  const { rename = {} } = config.tools;
  return Object.hasOwn(rename, own) ? rename[own] : own;
}

/**
 * The tools of a server that failed to list them: its connect tool, if a log-in is what it wants.
 * Undefined: the failure stands.
 */
export function connectListFor(
  kind: ListKind,
  config: ServerConfig,
  { code }: Pick<GatewayError, "code">,
): readonly JsonObject[] | undefined {
  if (kind !== "tools" || code !== "login_required") return undefined;
  if (oauthOf(config)?.connectTool !== true) return undefined;
  const known = byConfig.get(config);
  if (known !== undefined) return known;
  const list = [toTool(config)];
  lists.add(list);
  byConfig.set(config, list);
  return list;
}

/** Whether a server that failed to list something offers its connect tool to the caller. */
export function offersConnectTool(
  { server, error }: { readonly server: Server; readonly error?: GatewayError },
  isAllowed: (server: Server, item: PolicyItem) => boolean,
): boolean {
  const { config } = server;
  const [tool] = (error && connectListFor("tools", config, error)) ?? [];
  if (tool === undefined) return false;
  const own = connectName(config);
  const item = { kind: "tools", own, hints: hintsOf(tool) } as const;
  return isOffered(config.tools, own) && isAllowed(server, item);
}

function toTool(config: ServerConfig): JsonObject {
  return {
    name: connectName(config),
    title: `Log in at ${config.name}`,
    description: describe(config.name),
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: true, openWorldHint: false },
  };
}

function describe(server: string): string {
  return "Returns a link to the page at which the user logs in at the server " +
    `"${server}". Its tools are listed after the log-in. Show the link to the user.`;
}

/** Whether a listed tool is the connect tool of a server; filters rename tools, so no name counts. */
export function isConnectTool(tool: JsonObject, server: string): boolean {
  return tool["description"] === describe(server);
}
