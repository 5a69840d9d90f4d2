/** Rewrites a server's notice for a surface of several servers, with the names that it offers. */
import type { Notice } from "../model.ts";
import type { Subscribed } from "./scope.ts";
import type { ResolvedSurface } from "./server.ts";

/** A server's notice with its URI and logger as the surface offers them. */
export function toOffered(
  view: ResolvedSurface,
  server: string,
  notice: Notice,
  subscribed: ReadonlyMap<string, Subscribed>,
): Notice {
  if (view.servers.length === 1) return notice;
  const { method, params } = notice;
  if (method === "notifications/message") {
    const logger = params["logger"];
    const name = typeof logger === "string" && logger !== "" ? `${server}/${logger}` : server;
    return { ...notice, params: { ...params, logger: name } };
  }
  if (method !== "notifications/resources/updated") return notice;
  for (const { surface, offered, ...owner } of subscribed.values()) {
    if (surface !== view.surface || owner.server !== server || owner.uri !== params["uri"]) {
      continue;
    }
    return { ...notice, params: { ...params, uri: offered } };
  }
  return notice;
}
