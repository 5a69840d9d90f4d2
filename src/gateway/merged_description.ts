/** The description of a surface: the capabilities and instructions of its servers, merged. */
import { beginning } from "../excerpt.ts";
import type { Limits } from "../limits.ts";
import type { Description, JsonObject } from "../model.ts";
import type { ResolvedSurface } from "./server.ts";

/**
 * The union of what is known; where a server is silent, everything is declared, since lists can
 * follow.
 */
export function mergeDescriptions(
  view: ResolvedSurface,
  known: readonly (Description | undefined)[],
  limits: Limits,
): Description {
  const all = known.filter((one) => one !== undefined);
  const silent = all.length < known.length;
  const has = (name: string): boolean =>
    silent || all.some((one) => one.capabilities[name] !== undefined);
  const subscribe = silent ||
    all.some((one) =>
      (one.capabilities["resources"] as JsonObject | undefined)?.["subscribe"] === true
    );
  const only = view.servers.length === 1 ? all[0] : undefined;
  const tasks = all.map((one) => one.capabilities["tasks"]).find((one) => one !== undefined);
  const capabilities: JsonObject = {
    ...(only?.capabilities["experimental"] === undefined
      ? {}
      : { experimental: only.capabilities["experimental"] }),
    // The gateway itself tells of servers that restart, and a reload of its configuration changes
    // lists.
    logging: {},
    ...(has("completions") ? { completions: {} } : {}),
    ...(has("prompts") ? { prompts: { listChanged: true } } : {}),
    ...(has("resources") ? { resources: { subscribe, listChanged: true } } : {}),
    ...(tasks === undefined ? {} : { tasks }),
    ...(has("tools") || all.length === 0 ? { tools: { listChanged: true } } : {}),
  };
  const instructions = only !== undefined
    ? only.instructions
    : joinInstructions(view, known, limits);
  return { capabilities, serverInfo: only?.serverInfo, instructions };
}

function joinInstructions(
  view: ResolvedSurface,
  known: readonly (Description | undefined)[],
  limits: Limits,
): string | undefined {
  const texts = view.servers.flatMap((server, index) => {
    const text = known[index]?.instructions;
    return text === undefined || text === "" ? [] : [`# ${server.config.name}\n\n${text}`];
  });
  if (texts.length === 0) return undefined;
  return beginning(texts.join("\n\n"), limits.instructionsCharsMax);
}
