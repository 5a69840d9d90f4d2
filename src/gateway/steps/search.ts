/**
 * Answers the tools by which a surface's tools are found: searches, definitions, and calls that make
 * no sense. A fault of the model's own call is a result that it can read. Calls of found tools do not
 * come here: they were unwrapped first (unwrap.ts).
 */
import { GatewayError } from "../../errors.ts";
import { truncate } from "../../excerpt.ts";
import { isJsonObject } from "../../json.ts";
import type { Ending, JsonObject } from "../../model.ts";
import { oneLine } from "../../one_line.ts";
import type { MissingPart } from "../catalog.ts";
import { isSearchTool, searchToolNames } from "../search_tools.ts";
import type { OfferedTool } from "../tool_search.ts";
import { toolError, unknownTool } from "../unknown_tool.ts";
import type { CallContext, MakeStep, StepDeps } from "./steps.ts";
import { problemOfCall } from "./unwrap.ts";

/** Makes the step. */
export const makeSearchStep: MakeStep = (deps) => ({
  name: "search",
  before(context) {
    const { call: { method, params }, surface } = context;
    if (method !== "tools/call" || !isSearchTool(surface, params["name"])) return;
    if (params["task"] !== undefined) {
      throw new GatewayError("method_not_found", `"${params["name"]}" does not run as a task`);
    }
    const answer = answers.get(String(params["name"]));
    const args = params["arguments"] ?? {};
    return answer?.(context, isJsonObject(args) ? args : {}, deps)
      .then((value): Ending => ({ kind: "result", value }));
  },
  close: () => deps.search.close(),
});

type ToolAnswer = (context: CallContext, args: JsonObject, deps: StepDeps) => Promise<JsonObject>;

const answers: ReadonlyMap<string, ToolAnswer> = new Map([
  [searchToolNames.search, searchFor],
  [searchToolNames.describe, describe],
  [searchToolNames.call, refuseCall],
]);

/** A call that holds none, or one of the three. */
function refuseCall(_context: CallContext, args: JsonObject): Promise<JsonObject> {
  const problem = problemOfCall(args) ?? `call "${args["name"]}" directly, not by this tool`;
  return Promise.resolve(toolError(`Cannot call a tool: ${problem}`));
}

/** What a search is for; a text says what is wrong with it. */
function readQuery(
  { query = "", server, limit }: JsonObject,
  { searchHits, searchHitsMax }: StepDeps["limits"],
): { query: string; server: string | undefined; limit: number } | string {
  if (typeof query !== "string") return '"query" must be a text';
  if (server !== undefined && typeof server !== "string") return '"server" must be a text';
  const isGiven = limit !== undefined;
  if (isGiven && !(Number.isInteger(limit) && Number(limit) >= 1)) {
    return `"limit" must be a whole number from 1 to ${searchHitsMax}`;
  }
  return { query, server, limit: Math.min(isGiven ? Number(limit) : searchHits, searchHitsMax) };
}

async function searchFor(
  { call, surface }: CallContext,
  args: JsonObject,
  { search, limits }: StepDeps,
): Promise<JsonObject> {
  const asked = readQuery(args, limits);
  if (typeof asked === "string") return toolError(`Cannot search: ${asked}`);
  const { query, server, limit } = asked;
  const { tools, missing } = await search.offered(surface, call.caller);
  if (server !== undefined && surface.servers.every(({ config }) => config.name !== server)) {
    const names = surface.servers.map(({ config }) => config.name).join(", ");
    const text = `There is no server ${JSON.stringify(oneLine(server, limits.logNameCharsMax))}. ` +
      `Servers: ${names}`;
    return toolError(truncate(text, limits.searchAnswerCharsMax));
  }
  const among = server === undefined
    ? tools
    : tools.filter((one) => one.server.config.name === server);
  const note = missingNote(missing);
  if (query.trim() !== "") {
    const best = await search.best(query, among);
    return foundTools(best.slice(0, limit), note, limits);
  }
  if (server !== undefined) return foundTools(among.slice(0, limits.searchHitsMax), note, limits);
  return serverCounts(surface, tools, note, limits);
}

/** The hits: in text for the model, and as data. */
function foundTools(
  hits: readonly OfferedTool[],
  note: string,
  { searchAnswerCharsMax, searchLineCharsMax }: StepDeps["limits"],
): JsonObject {
  const tools: JsonObject[] = [];
  const lines: string[] = [];
  let chars = 0;
  for (const { server, tool } of hits) {
    const name = String(tool["name"]);
    const told = typeof tool["description"] === "string" ? tool["description"] : tool["title"];
    const description = typeof told === "string" ? oneLine(told, searchLineCharsMax) : "";
    const line = description === "" ? name : `${name}: ${description}`;
    chars += line.length + 1;
    if (chars > searchAnswerCharsMax) break;
    lines.push(line);
    tools.push({ name, server: server.config.name, description });
  }
  const text = lines.length === 0
    ? "No tool answers to these words. Try others, or search without a query to see the servers."
    : lines.join("\n");
  return { content: [{ type: "text", text: text + note }], structuredContent: { tools } };
}

/** Each server with the number of its tools. */
function serverCounts(
  { servers }: CallContext["surface"],
  tools: readonly OfferedTool[],
  note: string,
  { searchAnswerCharsMax }: StepDeps["limits"],
): JsonObject {
  const counted = Map.groupBy(tools, ({ server }) => server);
  const counts = servers.map((server) => ({
    name: server.config.name,
    tools: counted.get(server)?.length ?? 0,
  }));
  const text = counts.map(({ name, tools: count }) => `${name}: ${count}`).join("\n");
  const shown = `Servers and how many tools each has:\n${text}`;
  return {
    content: [{ type: "text", text: truncate(shown, searchAnswerCharsMax) + note }],
    structuredContent: { tools: [], servers: counts },
  };
}

function missingNote(missing: readonly MissingPart[]): string {
  if (missing.length === 0) return "";
  const names = missing.map(({ name }) => name).join(", ");
  return `\n(The tools of these servers are not known at the moment: ${names})`;
}

/** The definition as a list would have it, and how its server wants to be used. */
async function describe(
  { call, surface }: CallContext,
  { name }: JsonObject,
  { search, catalog, limits }: StepDeps,
): Promise<JsonObject> {
  if (typeof name !== "string") {
    return toolError(
      `Cannot describe a tool: "name" must be one that ${searchToolNames.search} found`,
    );
  }
  const { tools } = await search.offered(surface, call.caller);
  const found = tools.find(({ tool }) => tool["name"] === name);
  if (found === undefined) return unknownTool(name, tools, limits);
  const { server, tool } = found;
  const alone = { ...surface, servers: [server], search: undefined };
  const { instructions } = await catalog.describe(alone, call.caller);
  const about = instructions === undefined || instructions === ""
    ? []
    : [{ type: "text", text: `How to use the server "${server.config.name}":\n${instructions}` }];
  return { content: [{ type: "text", text: JSON.stringify(tool) }, ...about] };
}
