/** `tools`: what the tools of a server, or of all, are called, take and do. */
import { defaultLimits } from "../limits.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printResult } from "./output.ts";
import { withProgress } from "./progress_line.ts";
import { listAll, withSurface } from "./server_calls.ts";
import { chooseSurface, describeSurface, type SurfaceChoice } from "./surface_choice.ts";
import { toWords, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Lists the tools of one server by their own names, or those of all, or of a profile, as clients see
 * them.
 */
export async function runTools(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const choice = chooseSurface(values, values.argument("NAME"));
  const { terminal, signal } = context;
  const tools = await withProgress(
    context,
    `Asking ${choice?.kind === "servers" ? choice.name : "the servers"} for the tools`,
    () =>
      withSurface(context, choice, (surface) => listAll(surface, "tools/list", "tools", signal)),
  );
  printResult(
    context,
    { tools },
    () =>
      tools.length === 0
        ? [choice === undefined ? "No server offers a tool" : toNothing(choice)]
        : tools.flatMap((tool) => toLines(tool, terminal)),
  );
  return exitCodes.ok;
}

function toNothing(choice: NonNullable<SurfaceChoice>): string {
  const words = describeSurface(choice);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} offers no tool`;
}

function toLines(tool: JsonObject, { width, style }: Terminal): string[] {
  const name = String(tool["name"]);
  const parameters = parametersOf(tool).map(({ key, isRequired }) => isRequired ? key : `${key}?`);
  const description = typeof tool["description"] === "string" ? tool["description"] : "";
  const words = toWords(description, defaultLimits.describedCharsMax);
  const head = toWords(name, defaultLimits.nameCharsMax);
  const takes = toWords(parameters.join(", "), defaultLimits.describedCharsMax);
  const [first = head, ...others] = wrap(`${head}(${takes})`, width);
  return [
    first.startsWith(head) ? style("strong", head) + first.slice(head.length) : first,
    ...others.map((line) => `    ${line}`),
    ...wrap(firstSentence(words), Math.min(width, defaultLimits.plainColumns), "  ")
      .map((line) => style("faint", line)),
  ];
}

/** Descriptions are written for models, and long; their first sentence says what a tool does. */
function firstSentence(words: string): string {
  return /^.*?[.!?](?=\s|$)/.exec(words)?.[0] ?? words;
}

/** The arguments of a tool, required ones first. */
export function parametersOf(
  { inputSchema }: JsonObject,
): readonly { readonly key: string; readonly isRequired: boolean }[] {
  if (!isJsonObject(inputSchema)) return [];
  const { properties, required } = inputSchema;
  const names = new Set<unknown>(Array.isArray(required) ? required : []);
  return Object.keys(isJsonObject(properties) ? properties : {})
    .map((key) => ({ key, isRequired: names.has(key) }))
    .sort((one, other) => Number(other.isRequired) - Number(one.isRequired));
}
