/**
 * The changes of one server that wait for a person: which there are, and how they are reported. What
 * a list no longer shows does not wait: a newer change of a tool takes the place of an older one, and
 * a tool that is again as it was accepted needs no approval. The log keeps that it was different.
 */
import { putWithin } from "../../bounded.ts";
import type { ChangeKey, ListOrigin, PinUpdate, StoredChange } from "../pins.ts";
import { describeChanges } from "./change_line.ts";
import type { ToolDifference } from "./compare_tools.ts";
import type { PinnedServer } from "./pin_state.ts";

/** Identifies a change among those of its server. */
export function changeId({ tool, fingerprint }: ChangeKey): string {
  return `${fingerprint} ${tool}`;
}

/** Notes the differences of a list as changes that wait; `fresh` are those that did not before. */
export function noteChanges(
  server: PinnedServer,
  seen: ReadonlyMap<string, string>,
  { principal, variant, isWhole }: ListOrigin,
  differences: readonly ToolDifference[],
): { readonly fresh: readonly StoredChange[]; readonly update: PinUpdate } {
  const { changes, deps: { clock, limits } } = server;
  const at = clock.wall();
  const fresh = differences.filter((one) => !changes.has(changeId(one)))
    .map((one): StoredChange => ({ ...one, principal, variant, at, isApproved: false }));
  const current = new Set(differences.map(changeId));
  const gone = [...changes.values()].filter((change) =>
    change.principal === principal && change.variant === variant &&
    !current.has(changeId(change)) && (isWhole || seen.has(change.tool))
  );
  for (const change of gone) changes.delete(changeId(change));
  for (const change of fresh) changes.set(changeId(change), change);
  const beyond = [...changes.values()].slice(0, Math.max(0, changes.size - limits.toolChangesMax));
  for (const change of beyond) changes.delete(changeId(change));
  const dropped = [...gone, ...beyond];
  if (fresh.length === 0 && dropped.length === 0) return { fresh, update: {} };
  const kept = fresh.filter((change) => changes.has(changeId(change)));
  const droppedDefinitions = dropped.filter((change) => !isUsed(server, change))
    .map(({ fingerprint }) => fingerprint);
  return { fresh, update: { changes: kept, droppedChanges: dropped, droppedDefinitions } };
}

/** Whether something that is kept refers to the definition of a change. */
function isUsed({ places, changes }: PinnedServer, { tool, fingerprint }: StoredChange): boolean {
  return [...places?.values() ?? []].some(({ list }) =>
    list.tools.get(tool)?.includes(fingerprint) === true
  ) || [...changes.values()].some((one) => one.tool === tool && one.before === fingerprint);
}

/** Emits changes and logs them in one line: each once in a run, and no tool too often. */
export function reportChanges(
  { name, reported, reports, deps: { limits, emit, logOf } }: PinnedServer,
  changes: readonly StoredChange[],
  withholds: boolean,
): void {
  const told = changes.filter((change) => {
    const times = reports.get(change.tool) ?? 0;
    if (reported.has(changeId(change)) || times >= limits.toolChangesToldMax) return false;
    putWithin(reports, change.tool, times + 1, limits.toolChangesMax);
    return true;
  });
  if (told.length === 0) return;
  for (const change of told) {
    reported.add(changeId(change));
    emit({ type: "tool_changed", server: name, tool: change.tool, change: change.kind });
  }
  for (const oldest of reported) {
    if (reported.size <= limits.toolApprovalsMax) break;
    reported.delete(oldest);
  }
  logOf(name).warn(describeChanges(name, told, withholds, limits));
}
