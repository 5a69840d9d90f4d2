/** The log line about a server that was started or read for the first time. */
import { bytesPerKilobyte, msPerSecond } from "../../limits.ts";
import { listKindNames } from "../../model.ts";
import type { Catalog } from "../deps.ts";

/** One line about a successful start: `files: 14 tools, 2 prompts (1.2 s, 18 KB)`. */
export function describeCatalog(
  server: string,
  catalog: Pick<Catalog, "lists">,
  ms: number,
): string {
  const counts = listKindNames.flatMap((kind) => {
    const { length } = catalog.lists[kind];
    return length === 0 ? [] : [`${length} ${length === 1 ? kind.slice(0, -1) : kind}`];
  });
  const seconds = (ms / msPerSecond).toFixed(1);
  const kilobytes = Math.ceil(JSON.stringify(catalog.lists).length / bytesPerKilobyte);
  return `${server}: ${counts.join(", ") || "no tools"} (${seconds} s, ${kilobytes} KB)`;
}
