/** The description of a surface: the capabilities and instructions of its servers, merged. */
import { beginning } from "../excerpt.ts";
import { extensionsIn, mergeExtensions, passing, relayedExtensions } from "../extensions.ts";
import type { Limits } from "../limits.ts";
import type { Description, JsonObject } from "../model.ts";
import { foreignTarget } from "./foreign_methods.ts";
import { searchInstructions } from "./search_tools.ts";
import type { ResolvedSurface } from "./server.ts";

/** The description of a surface with one server, by that server's: every handshake needs it. */
const alone = new WeakMap<
  Description,
  { readonly takesUnknown: boolean; readonly merged: Description }
>();

/** The same descriptions without instructions, so that each stays one object, too. */
const uninstructed = new WeakMap<Description, Description>();

/** A description without the server's instructions. */
export function withoutInstructions(description: Description): Description {
  const known = uninstructed.get(description);
  if (known !== undefined) return known;
  const made = { ...description, instructions: undefined };
  uninstructed.set(description, made);
  return made;
}

/** The same descriptions with resources, where no server has any. */
const resourceful = new WeakMap<Description, Description>();

/** A description of a surface that has resources of its own: results that are read on. */
export function withResources(description: Description): Description {
  const { capabilities } = description;
  if (capabilities["resources"] !== undefined) return description;
  const known = resourceful.get(description);
  if (known !== undefined) return known;
  const made = { ...description, capabilities: { ...capabilities, resources: {} } };
  resourceful.set(description, made);
  return made;
}

/**
 * The union of what is known; where a server is silent, everything is declared, since lists can
 * follow.
 */
export function mergeDescriptions(
  view: ResolvedSurface,
  known: readonly (Description | undefined)[],
  limits: Limits,
): Description {
  const [only] = known;
  const isMerged = known.length > 1 || view.search !== undefined;
  if (only === undefined || isMerged) return merge(view, known, limits);
  const takesUnknown = foreignTarget(view) !== undefined;
  const before = alone.get(only);
  if (before?.takesUnknown === takesUnknown) return before.merged;
  const merged = merge(view, known, limits);
  alone.set(only, { takesUnknown, merged });
  return merged;
}

function merge(
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
  const extensions = mergedExtensions(view, all, silent);
  const capabilities: JsonObject = {
    ...(only?.capabilities["experimental"] === undefined
      ? {}
      : { experimental: only.capabilities["experimental"] }),
    ...(Object.keys(extensions).length === 0 ? {} : { extensions }),
    // The gateway itself tells of servers that restart, and a reload of its configuration changes
    // lists.
    logging: {},
    ...(has("completions") ? { completions: {} } : {}),
    ...(has("prompts") ? { prompts: { listChanged: true } } : {}),
    ...(has("resources") ? { resources: { subscribe, listChanged: true } } : {}),
    ...(tasks === undefined ? {} : { tasks }),
    ...(has("tools") || all.length === 0 || view.search !== undefined
      ? { tools: { listChanged: true } }
      : {}),
  };
  const instructions = view.search !== undefined
    ? searchInstructions(view, limits)
    : only !== undefined
    ? only.instructions
    : joinInstructions(view, known, limits);
  return { capabilities, serverInfo: only?.serverInfo, instructions };
}

/**
 * What servers declare of extensions, as far as it passes this surface; while one is silent, also
 * the relayed ones, without settings.
 */
function mergedExtensions(
  view: ResolvedSurface,
  known: readonly Description[],
  silent: boolean,
): JsonObject {
  const takesUnknown = foreignTarget(view) !== undefined;
  const declared = known.map(({ capabilities }) => extensionsIn(capabilities));
  const assumed = silent ? relayedExtensions.map((id) => ({ [id]: {} })) : [];
  return passing(mergeExtensions([...declared, ...assumed]), takesUnknown);
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
