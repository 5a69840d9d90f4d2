/**
 * The three tools of a surface whose tools are found by a search: their definitions, which never
 * change, and what is said to a model that uses them. Not here: the search (tool_search.ts) and the
 * answers (steps/search.ts).
 */
import { matchesPattern } from "../config/tool_filter.ts";
import { beginning } from "../excerpt.ts";
import { defaultLimits, type Limits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import type { ResolvedSurface, SearchMode } from "./server.ts";

/** Their names. */
export const searchToolNames = {
  search: "search_tools",
  describe: "describe_tool",
  call: "call_tool",
} as const;

const { searchHits, searchHitsMax } = defaultLimits;
const text = { type: "string" };
const reads = { readOnlyHint: true, openWorldHint: false };

/** Their definitions. Each client reads them first, so each word costs: a test bounds the whole. */
export const searchTools: readonly JsonObject[] = [
  {
    name: searchToolNames.search,
    title: "Search tools",
    description:
      "Finds tools by what they do, best first. Start here: say in a few words what you " +
      "want to do. Then read a tool with describe_tool and run it with call_tool. " +
      "Without a query it lists the servers, or all tools of one server.",
    inputSchema: {
      type: "object",
      properties: {
        query: { type: "string", description: 'Such as "create calendar event"' },
        server: { type: "string", description: "Only tools of this server" },
        limit: { type: "integer", minimum: 1, maximum: searchHitsMax, default: searchHits },
      },
    },
    outputSchema: {
      type: "object",
      properties: {
        tools: {
          type: "array",
          items: {
            type: "object",
            properties: { name: text, server: text, description: text },
            required: ["name", "server"],
          },
        },
        servers: {
          type: "array",
          items: { type: "object", properties: { name: text, tools: { type: "integer" } } },
        },
      },
      required: ["tools"],
    },
    annotations: reads,
  },
  {
    name: searchToolNames.describe,
    title: "Describe a tool",
    description: "Returns the definition of a tool that search_tools found: its description and " +
      "the JSON Schema of its arguments. Read it before the first call of a tool.",
    inputSchema: {
      type: "object",
      properties: { name: text },
      required: ["name"],
    },
    annotations: reads,
  },
  {
    name: searchToolNames.call,
    title: "Call a tool",
    description:
      "Runs a tool that search_tools found, with arguments as describe_tool shows them, " +
      "and returns its result.",
    inputSchema: {
      type: "object",
      properties: { name: text, arguments: { type: "object" } },
      required: ["name"],
    },
    annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
    execution: { taskSupport: "optional" },
  },
];

const ownNames: ReadonlySet<unknown> = new Set(Object.values(searchToolNames));
const noNames: ReadonlySet<string> = new Set();

/** Names that no server's tool has on this surface. */
export function reservedNames({ search }: Pick<ResolvedSurface, "search">): ReadonlySet<string> {
  return search === undefined ? noNames : ownNames as ReadonlySet<string>;
}

/** Whether a name is that of one of the three on this surface. */
export function isSearchTool({ search }: Pick<ResolvedSurface, "search">, name: unknown): boolean {
  return search !== undefined && ownNames.has(name);
}

/** The patterns of pinned tools that no tool of a list has the name of. */
export function unmatchedPins({ pinned }: SearchMode, tools: readonly JsonObject[]): string[] {
  return pinned.filter((pattern) =>
    !tools.some(({ name }) => matchesPattern(pattern, String(name)))
  );
}

/** Whether a tool is listed next to the three. */
export function isPinned({ pinned }: SearchMode, { name }: JsonObject): boolean {
  return pinned.some((pattern) => matchesPattern(pattern, String(name)));
}

/** The instructions of such a surface: those of servers would be longer than the list it saves. */
export function searchInstructions(
  { servers }: Pick<ResolvedSurface, "servers">,
  { instructionsCharsMax }: Pick<Limits, "instructionsCharsMax">,
): string {
  const names = servers.map(({ config }) => config.name).join(", ");
  const { search, describe, call } = searchToolNames;
  return beginning(
    `The tools of these servers are not listed. Find one with ${search}, read it with ${describe}, ` +
      `and run it with ${call}. Servers: ${names}`,
    instructionsCharsMax,
  );
}
