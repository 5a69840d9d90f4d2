/**
 * Where a call goes, noted while it finds its way: for the log, and for whether its client gets
 * progress of the gateway's own while the server is silent.
 */
import type { Call, JsonObject } from "../model.ts";
import { nameIn } from "./call_failure.ts";
import { nameStart } from "./name.ts";
import type { ResolvedSurface, Server } from "./server.ts";

/** Notes the server of a call, and by `params` its own name for the called item. */
export function noteTarget(
  { target }: Call,
  params: JsonObject,
  server: Server | undefined,
): void {
  if (target === undefined || server === undefined) return;
  target.server = server.config.name;
  target.keepAlive = server.config.keepAlive;
  const name = nameIn(params);
  if (name !== undefined) target.name = name;
}

/** Notes what applies to all possible owners of a name, until the owner is found. */
export function noteCandidates(
  { target, wantsProgress }: Call,
  view: ResolvedSurface,
  offered: string,
): void {
  if (target === undefined || !wantsProgress) return;
  const isOn = view.servers.some(({ config }) =>
    config.keepAlive !== false && (!view.prefixed || offered.startsWith(nameStart(config)))
  );
  if (!isOn) target.keepAlive = false;
}
