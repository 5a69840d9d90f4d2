/** What a model gets that asks for a tool which it cannot know: the names that come next. */
import { nearestName } from "../config/nearest.ts";
import type { Limits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { oneLine } from "../one_line.ts";
import { searchToolNames } from "./search_tools.ts";
import type { OfferedTool } from "./tool_search.ts";

/** A result that reports an error of the model's own call. */
export function toolError(text: string): JsonObject {
  return { content: [{ type: "text", text }], isError: true };
}

/** The result for a name that none of these tools has. */
export function unknownTool(
  name: string,
  tools: readonly OfferedTool[],
  { searchNearestMax, logNameCharsMax }: Pick<Limits, "searchNearestMax" | "logNameCharsMax">,
): JsonObject {
  const near = nearNames(name, tools, searchNearestMax);
  const advice = near.length === 0
    ? ""
    : ` Did you mean ${near.map((one) => JSON.stringify(one)).join(" or ")}?`;
  return toolError(
    `There is no tool ${JSON.stringify(oneLine(name, logNameCharsMax))}.${advice} ` +
      `Find tools with ${searchToolNames.search}.`,
  );
}

/** Names that a mistyped one may have meant, and those that end as it does, without a server. */
function nearNames(name: string, tools: readonly OfferedTool[], namesMax: number): string[] {
  const names = tools.map(({ tool }) => String(tool["name"]));
  const own = tools.filter(({ item }) => item["name"] === name)
    .map(({ tool }) => String(tool["name"]));
  // Long names cost the square of their length to compare.
  const near = name.length > longestCompared ? undefined : nearestName(name, names);
  return [...new Set([...own, ...(near === undefined ? [] : [near])])].slice(0, namesMax);
}

/** The longest name that a prefixing surface offers is 64 characters long. */
const longestCompared = 100;
