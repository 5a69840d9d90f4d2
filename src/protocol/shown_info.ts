/**
 * The `serverInfo` of a surface: always the gateway's name and version; for a single server also
 * its own title, icons and website, if they are valid. Follows `Implementation` and `Icon` of
 * 2025-11-25.
 */
import * as v from "valibot";
import { defaultLimits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { oneLine } from "../one_line.ts";

/** Which members the client's revision has. */
export interface InfoMembers {
  readonly titles: boolean;
  /** `icons` and `websiteUrl`, which came in the same revision. */
  readonly icons: boolean;
}

const { serverTitleCharsMax, serverUrlCharsMax, serverIconsMax, serverIconCharsMax } =
  defaultLimits;

const title = v.pipe(
  v.string(),
  v.transform((text) => oneLine(text, serverTitleCharsMax)),
  v.nonEmpty(),
);
const websiteUrl = v.pipe(
  v.string(),
  v.maxLength(serverUrlCharsMax),
  v.check((text) => hasScheme(text, ["http:", "https:"])),
);
const src = v.pipe(
  v.string(),
  v.maxLength(serverIconCharsMax),
  v.check((text) => hasScheme(text, ["http:", "https:", "data:"])),
);
const shortText = v.pipe(v.string(), v.maxLength(serverTitleCharsMax));
const icon = v.object({
  src,
  mimeType: v.optional(shortText),
  sizes: v.optional(v.pipe(v.array(shortText), v.maxLength(serverIconsMax))),
  theme: v.optional(v.picklist(["light", "dark"])),
});

/** The `serverInfo` of a surface; `own` is the info of the only server behind it. */
export function shownInfo(
  identity: { readonly name: string; readonly version: string },
  own: JsonObject | undefined,
  members: InfoMembers,
): JsonObject {
  if (own === undefined) return { ...identity };
  // A server without a title is shown by its name.
  const titled = members.titles ? valid(title, own.title) ?? valid(title, own.name) : undefined;
  const url = members.icons ? valid(websiteUrl, own.websiteUrl) : undefined;
  const icons = members.icons ? iconsOf(own.icons) : [];
  return {
    ...identity,
    ...(titled === undefined ? {} : { title: titled }),
    ...(url === undefined ? {} : { websiteUrl: url }),
    ...(icons.length === 0 ? {} : { icons }),
  };
}

/** The valid icons, up to a number and a total size. */
function iconsOf(own: unknown): JsonObject[] {
  if (!Array.isArray(own)) return [];
  const icons: JsonObject[] = [];
  let chars = 0;
  for (const one of own.slice(0, serverIconsMax)) {
    const checked = valid(icon, one);
    if (checked === undefined) continue;
    chars += checked.src.length;
    if (chars > serverIconCharsMax) break;
    icons.push({ ...checked });
  }
  return icons;
}

function valid<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> | undefined {
  const checked = v.safeParse(schema, value);
  return checked.success ? checked.output : undefined;
}

function hasScheme(text: string, schemes: readonly string[]): boolean {
  return URL.canParse(text) && schemes.includes(new URL(text).protocol);
}
