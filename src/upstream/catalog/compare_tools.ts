/**
 * Compares a list of tools with what was accepted of its server. Pure. The rules:
 *
 * - The first list of a kind of client is accepted as it is. So two kinds of clients that get
 *   different tools raise no alarm.
 * - Unless no list of the same principal was accepted in this version of the server, or one of them
 *   has a change that waits for a person: then it is compared with all that was accepted of these
 *   lists. A new version is the usual way in which a tool changes.
 * - From then on a tool is accepted if it has a fingerprint that was accepted in that list, or that a
 *   person has approved.
 */
import type { ListOrigin, PinnedList, StoredChange } from "../pins.ts";

/** What is known of a server. */
export interface KnownTools {
  readonly lists: Iterable<PinnedList>;
  /** Whether a person approved a tool with this fingerprint; "" stands for its removal. */
  readonly isApproved: (tool: string, fingerprint: string) => boolean;
}

/** A list as it is now. */
export interface SeenTools {
  readonly subject: string;
  readonly origin: ListOrigin;
  /** Name → fingerprint. */
  readonly tools: ReadonlyMap<string, string>;
}

/** One difference. */
export type ToolDifference = Pick<StoredChange, "tool" | "kind" | "fingerprint" | "before">;

/** What a comparison says. */
export interface Comparison {
  /** What is accepted of the list from now on; the same object if nothing of it has changed. */
  readonly list: PinnedList;
  readonly differences: readonly ToolDifference[];
}

type Accepted = PinnedList["tools"];

/** The version of a list with changes that no person has approved. */
const unsettled = "";

/** Compares; `acceptedMax` is how many fingerprints of a tool stay accepted. */
export function compareTools(
  { subject, origin, tools }: SeenTools,
  { lists, isApproved }: KnownTools,
  acceptedMax: number,
): Comparison {
  const { principal, variant, key, version, isWhole } = origin;
  const ofPrincipal = [...lists].filter((list) => list.principal === principal);
  const own = ofPrincipal.find((list) => list.variant === variant);
  const base = own?.tools ?? baseOf(ofPrincipal, version);
  if (base === undefined) {
    const all = new Map([...tools].map(([name, print]) => [name, [print]] as const));
    const list = { subject, principal, variant, key, version, tools: all };
    return { list, differences: [] };
  }
  const accepted = new Map(own?.tools);
  const differences: ToolDifference[] = [];
  for (const [tool, fingerprint] of tools) {
    const before = base.get(tool);
    if (before !== undefined && own === undefined) accepted.set(tool, before);
    if (before?.includes(fingerprint) === true) continue;
    if (isApproved(tool, fingerprint)) {
      accepted.set(tool, [fingerprint, ...before ?? []].slice(0, acceptedMax));
      continue;
    }
    const kind = before === undefined ? "new" : "changed";
    differences.push({ tool, kind, fingerprint, before: before?.[0] ?? "" });
  }
  // The lists of other clients may lack a tool that this one never had.
  const removable = isWhole && own !== undefined ? [...own.tools] : [];
  for (const [tool, [before = ""]] of removable) {
    if (tools.has(tool)) continue;
    if (isApproved(tool, "")) accepted.delete(tool);
    else differences.push({ tool, kind: "removed", fingerprint: "", before });
  }
  const list: PinnedList = {
    subject,
    principal,
    variant,
    key,
    version: differences.length === 0 ? version : unsettled,
    tools: accepted,
  };
  return { list: own !== undefined && isSame(own, list) ? own : list, differences };
}

/** With what the first list of a kind of client is compared; undefined: it is accepted. */
function baseOf(lists: readonly PinnedList[], version: string): Accepted | undefined {
  const versions = lists.map((list) => list.version);
  if (lists.length === 0 || (versions.includes(version) && !versions.includes(unsettled))) {
    return undefined;
  }
  const all = new Map<string, readonly string[]>();
  for (const { tools } of lists) {
    for (const [tool, prints] of tools) {
      all.set(tool, [...new Set([...prints, ...all.get(tool) ?? []])]);
    }
  }
  return all;
}

function isSame(one: PinnedList, other: PinnedList): boolean {
  return one.key === other.key && one.version === other.version &&
    one.subject === other.subject && one.tools.size === other.tools.size &&
    [...one.tools].every(([tool, prints]) => prints.join() === other.tools.get(tool)?.join());
}
