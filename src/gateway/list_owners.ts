/**
 * Whose the URIs in the lists of several servers are. That cannot be told by one list alone: tools
 * name pages that the resources lack, and skills name files that the resources lack. So the other
 * list of each server is read, too, as far as it is known.
 */
import type { Caller, ListKind } from "../model.ts";
import { mayOffer } from "./described.ts";
import { createPageNames, type PageNames, type PagesIn, type ServerList } from "./pages.ts";
import type { Server } from "./server.ts";
import { createFirstOwner, type FirstOwner, uriKinds, type UrisIn } from "./skills.ts";

/** Reads a list of a server; one that is not known is empty. Never rejects. */
export type ReadList = (kind: ListKind, server: Server) => Promise<ServerList>;

/** What the surface calls the pages in these parts; undefined where none can change its name. */
export async function pageNames(
  pagesIn: PagesIn,
  kind: ListKind,
  parts: readonly ServerList[],
  read: ReadList,
): Promise<PageNames | undefined> {
  if (parts.length < 2 || (kind !== "tools" && kind !== "resources")) return undefined;
  if (parts.every((part) => pagesIn(kind, part).size === 0)) return undefined;
  const other = kind === "tools" ? "resources" : "tools";
  const others = await Promise.all(parts.map(({ server }) => read(other, server)));
  const lists = parts.flatMap((part, index) =>
    [
      { kind, list: part },
      { kind: other, list: others[index] ?? { ...part, items: [] } },
    ] as const
  );
  return createPageNames(pagesIn, lists);
}

/** Which server keeps the URI of a resource or of a skill's file as it is. */
export async function firstOwner(
  urisIn: UrisIn,
  servers: readonly Server[],
  caller: Caller,
  read: ReadList,
): Promise<FirstOwner> {
  const lists = servers.flatMap((server) =>
    uriKinds.filter((kind) => mayOffer(server, kind, caller))
      .map(async (kind) => ({ kind, list: await read(kind, server) }))
  );
  return createFirstOwner(urisIn, await Promise.all(lists));
}
