/**
 * How the lists of several servers become one: names and URIs as the surface offers them, and
 * without what the caller may not know. A hidden item keeps its name, so that names stay stable. Not
 * here: how the lists are read (catalog.ts).
 */
import { describedBy } from "../config/tool_filter.ts";
import { type JsonObject, type ListKind, listKinds } from "../model.ts";
import { hintsOf, type PolicyItem } from "./access_policy.ts";
import { isPageUri, namedPages, withNamedPages } from "./app_meta.ts";
import { isConnectList } from "./connect_tool.ts";
import type { NameTable } from "./name.ts";
import { offeredUri, type PageNames, type ServerList } from "./pages.ts";
import type { Server } from "./server.ts";
import { type FirstOwner, isSkillAllowed, toOfferedSkill } from "./skills.ts";

/** Gets a tool or prompt of a list: as its server lists it, and as the surface offers it. */
export type NoteOffered = (server: Server, item: JsonObject, offered: JsonObject) => void;

/** What merging works with. */
export interface Merging {
  readonly parts: readonly ServerList[];
  /** Whether names carry their server's. */
  readonly prefixed: boolean;
  /** The names of a part. */
  readonly names: (
    part: ServerList,
    kind: "tools" | "prompts",
    prefixed: boolean,
  ) => NameTable;
  /** Whether the caller may know an item. */
  readonly isAllowed: (server: Server, item: PolicyItem) => boolean;
  readonly note?: NoteOffered | undefined;
  /** Names of tools that are the surface's own. */
  readonly reserved: ReadonlySet<string>;
  /** Names of pages; absent where none needs one of its own. */
  readonly pages: PageNames | undefined;
  /** Whose the URIs of resources and skills are; absent where each can have one owner alone. */
  readonly ownerOf: FirstOwner | undefined;
  /** A listed tool names this page under this URI. */
  readonly listedPage: (server: Server, own: string, offered: string) => void;
}

/** Tools or prompts of all parts. */
export function mergeNamed(merging: Merging, kind: "tools" | "prompts"): JsonObject[] {
  const { parts, prefixed, names, isAllowed, note, reserved } = merging;
  const items: JsonObject[] = [];
  const taken = new Set<string>(kind === "tools" ? reserved : []);
  for (const part of parts) {
    const table = names(part, kind, prefixed);
    const listed = new Set<string>();
    // The tool in place of those of a server that wants a log-in says what to do.
    const isDescribed = kind === "tools" && !isConnectList(part.items);
    const { tools } = part.server.config;
    const describe = (own: string) => isDescribed ? describedBy(tools, own) : undefined;
    for (const item of part.items) {
      const own = item["name"];
      if (typeof own !== "string" || listed.has(own)) continue;
      listed.add(own);
      let name = table.toOffered(own);
      // Bare names of two servers may meet: the later one is offered under its prefixed name.
      if (name !== undefined && taken.has(name)) name = names(part, kind, true).toOffered(own);
      if (name === undefined || taken.has(name)) continue;
      taken.add(name);
      const hints = kind === "tools" ? hintsOf(item) : undefined;
      if (!isAllowed(part.server, { kind, own, hints })) continue;
      const offered = withOfferedPages(merging, part.server, item);
      const named = name === own ? offered : { ...offered, name };
      const description = describe(own);
      const described = description === undefined ? named : { ...named, description };
      note?.(part.server, item, described);
      items.push(described);
    }
  }
  return items;
}

/** A tool whose page is named as the surface names it. */
function withOfferedPages(
  { pages, listedPage }: Merging,
  server: Server,
  item: JsonObject,
): JsonObject {
  if (pages === undefined) return item;
  for (const own of namedPages(item)) listedPage(server, own, pages.toOffered(server, own));
  return withNamedPages(item, (own) => pages.toOffered(server, own));
}

/** Skills of all parts; two servers' skills with the same URI are two. */
export function mergeSkills({ parts, isAllowed, ownerOf }: Merging): JsonObject[] {
  const skills = new Map<unknown, JsonObject | undefined>();
  for (const { server, items } of parts) {
    for (const skill of items) {
      const offered = ownerOf === undefined ? skill : toOfferedSkill(server, skill, ownerOf);
      const { uri } = offered;
      if (skills.has(uri)) continue;
      const isKnown = isSkillAllowed(skill, (item) => isAllowed(server, item));
      skills.set(uri, isKnown ? offered : undefined);
    }
  }
  return [...skills.values()].filter((skill) => skill !== undefined);
}

/** Resources or templates of all parts. */
export function mergeUris(
  { parts, isAllowed, pages, ownerOf }: Merging,
  kind: ListKind,
): JsonObject[] {
  const { identity } = listKinds[kind];
  const items: JsonObject[] = [];
  const owners = new Map<string, Server>();
  const taken = new Set<string>();
  const toOffered = (server: Server, uri: string): string => {
    if (parts.length < 2) return uri;
    if (pages !== undefined && isPageUri(uri)) return pages.toOffered(server, uri);
    return offeredUri(server, uri, ownerOf?.(uri) ?? owners.get(uri));
  };
  for (const { server, items: ownItems } of parts) {
    for (const item of ownItems) {
      const own = item[identity];
      if (typeof own !== "string") continue;
      const offered = toOffered(server, own);
      if (!owners.has(own)) owners.set(own, server);
      if (taken.has(offered)) continue;
      taken.add(offered);
      if (!isAllowed(server, { kind, own })) continue;
      items.push(offered === own ? item : { ...item, [identity]: offered });
    }
  }
  return items;
}
