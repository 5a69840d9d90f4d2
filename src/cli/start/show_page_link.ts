/**
 * The link to the operator's page, for the person who starts the gateway: on a terminal alone, and in
 * no log, since the first one who opens it is logged in.
 */
import type { GatewayHandle } from "../../app.ts";
import { identity } from "../../version.ts";
import type { Platform } from "../platform.ts";
import type { OpenListeners } from "./listeners.ts";

/** Prints it if stderr is a terminal and the admin API is on. */
export function showPageLink(
  { system }: Pick<Platform, "system">,
  { admin }: Pick<GatewayHandle, "admin">,
  { adminUrl }: Pick<OpenListeners, "adminUrl">,
): void {
  if (admin === undefined || adminUrl === undefined || !system.isTerminal("stderr")) return;
  const { url } = admin.pageLink();
  const text = `\nOpen the page of this gateway: ${url}\n` +
    `(The link works once, for ten minutes; ${identity.name} page makes another.)\n\n`;
  // A terminal that has gone takes nothing.
  void system.write("stderr", text).catch(() => {});
}
