/**
 * The last look at a call before its server gets it, where only accepted tools are offered: the list
 * of the very connection that takes the call must offer the tool. A stored list may be older, and a
 * call may have waited since its name was looked up.
 */
import { GatewayError } from "../errors.ts";
import type { JsonObject } from "../model.ts";

/** The names of each list, worked out once. */
const namesOf = new WeakMap<readonly JsonObject[], ReadonlySet<unknown>>();

/** Whether a list offers a tool of this name. */
export function offersTool(tools: readonly JsonObject[], name: unknown): boolean {
  let names = namesOf.get(tools);
  if (names === undefined) namesOf.set(tools, names = new Set(tools.map((tool) => tool["name"])));
  return names.has(name);
}

/** The failure of a call that no server gets: it looks like that of any unknown name. */
export function notOffered(name: unknown): GatewayError {
  return new GatewayError(
    "invalid_params",
    `Unknown tool ${JSON.stringify(name)}: list the tools to see which there are`,
    { data: { outcome: "not_sent" } },
  );
}
