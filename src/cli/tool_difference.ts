/** How a changed tool is shown to a person: what it was, and what it is now, line by line. */
import { defaultLimits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import type { ToolChangeView } from "./change_forms.ts";
import { toWords } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { showUnseen } from "../unseen_characters.ts";
import { toAgo } from "./times.ts";

/** The lines of a change: its head, and each member that differs. */
export function toDifferenceLines(
  change: ToolChangeView,
  { style }: Pick<Terminal, "style">,
  now: number,
): string[] {
  const { server, tool, kind, isWithheld, seenAt, isCut, before, after } = change;
  const name = toWords(showUnseen(`${server}: ${tool}`), defaultLimits.describedCharsMax);
  const when = `seen ${toAgo(Date.parse(seenAt), now)}`;
  const state = isWithheld ? ", not offered until it is approved" : "";
  return [
    `${style("strong", name)} ${
      style(kind === "removed" ? "faint" : "warn", kind)
    }, ${when}${state}`,
    ...toMembers(before ?? {}, after ?? {}).flatMap(([member, was, is]) => [
      `  ${member}`,
      ...was.map((line) => style("bad", `  - ${line}`)),
      ...is.map((line) => style("good", `  + ${line}`)),
    ]),
    ...isCut === true ? [style("warn", `  ${cutNote}`)] : [],
  ];
}

const cutNote = "Its definition is too long to be shown whole: read it at the server before you " +
  "approve it";

type Member = readonly [name: string, was: readonly string[], is: readonly string[]];

/** The members that differ, with the lines that only one of both has. */
function toMembers(before: JsonObject, after: JsonObject): readonly Member[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => name !== "name");
  return names.flatMap((name): readonly Member[] => {
    const [was, is] = [toLines(before[name]), toLines(after[name])];
    if (was.join("\n") === is.join("\n")) return [];
    return [[name, ...withoutSame(was, is)]];
  });
}

function toLines(value: unknown): readonly string[] {
  if (value === undefined) return [];
  return (typeof value === "string" ? value : JSON.stringify(value, null, 2)).split("\n");
}

/** Both without the lines at the start and at the end that they share. */
function withoutSame(
  one: readonly string[],
  other: readonly string[],
): readonly [readonly string[], readonly string[]] {
  const most = Math.min(one.length, other.length);
  let start = 0;
  while (start < most && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < most - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  return [one.slice(start, one.length - end), other.slice(start, other.length - end)];
}
