/** The log line about the tools of a server that changed. */
import type { Limits } from "../../limits.ts";
import { quote } from "../../protocol/quote.ts";
import { showUnseen } from "../../unseen_characters.ts";
import { identity } from "../../version.ts";
import type { StoredChange, ToolChangeKind } from "../pins.ts";

const kinds: readonly ToolChangeKind[] = ["changed", "new", "removed"];

/** One line about the changes of one list: what changed, and what a person can do. */
export function describeChanges(
  server: string,
  changes: readonly Pick<StoredChange, "tool" | "kind">[],
  withholds: boolean,
  { correctionItemsMax }: Pick<Limits, "correctionItemsMax">,
): string {
  const parts = kinds.flatMap((kind) => {
    const names = changes.filter((change) => change.kind === kind)
      .map(({ tool }) => quote(showUnseen(tool)));
    const named = names.slice(0, correctionItemsMax).join(", ");
    const rest = names.length - correctionItemsMax;
    return names.length === 0 ? [] : [`${kind} ${named}${rest > 0 ? ` and ${rest} more` : ""}`];
  });
  const name = JSON.stringify(server);
  const shows = `"${identity.name} changes ${server}" shows the difference`;
  const isWithheld = withholds && changes.some(({ kind }) => kind !== "removed");
  const what = isWithheld
    ? "what is new or changed is not offered until a person approves it: " +
      `"${identity.name} approve ${server}"`
    : shows;
  return `Tools of server ${name} are not as they were first seen: ${parts.join("; ")}. ` +
    `${what.charAt(0).toUpperCase()}${what.slice(1)}`;
}
