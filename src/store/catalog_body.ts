/**
 * Converts a catalog to its stored text and back. The text is checked in full when it is read,
 * since it may come from an older version, a manual edit or a damaged disk.
 */
import { offersList } from "../extensions.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import { isJsonObject } from "../protocol/jsonrpc.ts";
import type { Catalog } from "../upstream/deps.ts";

/** The text; undefined, with a warning, if it is too large to store. */
export function toBody(
  catalog: Catalog,
  server: string,
  { catalogCharsMax }: Pick<Limits, "catalogCharsMax">,
  log: Log,
): string | undefined {
  const body = JSON.stringify(catalog);
  if (body.length <= catalogCharsMax) return body;
  log.warn("Cannot keep the catalog of a server: it is too large", { server, chars: body.length });
  return undefined;
}

/** The catalog of a text; undefined when any part is not what `toBody` writes. */
export function toCatalog(body: string): Catalog | undefined {
  const catalog = parse(body);
  if (!isJsonObject(catalog)) return undefined;
  const { description, lists } = catalog;
  if (!isJsonObject(description) || !isJsonObject(lists)) return undefined;
  const { capabilities, serverInfo, instructions } = description;
  if (!isJsonObject(capabilities)) return undefined;
  if (serverInfo !== undefined && !isJsonObject(serverInfo)) return undefined;
  if (instructions !== undefined && typeof instructions !== "string") return undefined;
  const { tools, prompts, resources, templates } = lists;
  if (!isObjects(tools) || !isObjects(prompts)) return undefined;
  if (!isObjects(resources) || !isObjects(templates)) return undefined;
  // Versions before skills were known stored none: such a catalog says nothing of a server with skills.
  const { skills = offersList(capabilities, "skills") ? undefined : [] } = lists;
  if (!isObjects(skills)) return undefined;
  return {
    description: { capabilities, serverInfo, instructions },
    lists: { tools, prompts, resources, templates, skills },
  };
}

/** The value of a JSON text; undefined if it is invalid. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObjects(value: unknown): value is readonly JsonObject[] {
  return Array.isArray(value) && value.every(isJsonObject);
}
