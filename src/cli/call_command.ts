/**
 * `call`: calls a tool and prints its result. Its progress stands on the terminal meanwhile, and
 * the server's questions are asked there.
 */
import { isConnectTool } from "../app.ts";
import { isJsonObject } from "../json.ts";
import { defaultLimits } from "../limits.ts";
import type { JsonObject, Notice } from "../model.ts";
import { askPerson, personCapabilities } from "./asked_person.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { readJsonArgument } from "./json_argument.ts";
import { printResult } from "./output.ts";
import { withProgress } from "./progress_line.ts";
import {
  type CalledSurface,
  listAll,
  readToEnd,
  serversOf,
  valueOf,
  withSurface,
} from "./server_calls.ts";
import { findServer, unknownName } from "./found_names.ts";
import { type AdvisedServer, toLoginAdvice } from "./server_advice.ts";
import { toWords } from "./table.ts";
import { parametersOf } from "./tools_command.ts";
import { toVisible } from "./visible_text.ts";

/** Calls a tool; the exit code says whether its result is an error. */
export async function runCall(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const name = values.argument("NAME") ?? "";
  const tool = values.argument("TOOL") ?? "";
  const args = await readJsonArgument(context, values.argument("JSON") ?? "{}", "the arguments");
  const result = await withProgress(
    context,
    `Calling ${tool} of ${name}`,
    (say) =>
      withSurface(
        context,
        { kind: "servers", name },
        (surface) => callTool(context, surface, { server: name, tool, args }, say),
      ),
  );
  printResult(context, result, () => toLines(result));
  return result["isError"] === true ? exitCodes.failed : exitCodes.ok;
}

/** Which tool, of which server. */
interface CalledTool {
  readonly server: string;
  readonly tool: string;
  readonly args: JsonObject;
}

async function callTool(
  context: CommandContext,
  surface: CalledSurface,
  called: CalledTool,
  say: (text: string) => void,
): Promise<JsonObject> {
  const { terminal, signal } = context;
  const { tool, args } = called;
  const exchange = surface.gateway.call(surface.surface, {
    method: "tools/call",
    params: { name: tool, arguments: args },
    wantsProgress: true,
    capabilities: terminal.canAsk ? personCapabilities : {},
  });
  const ending = await readToEnd(exchange, {
    notice: (notice) => {
      const text = toProgress(notice);
      if (text !== undefined) say(text);
    },
    answer: (ask) => askPerson(context, ask),
  }, signal);
  if (ending.kind === "failure" && !signal.aborted) await assertKnown(context, surface, called);
  return valueOf(ending, signal);
}

/** Says what is wrong with a call that failed, if the tool or its arguments are the reason. */
async function assertKnown(
  { signal }: CommandContext,
  surface: CalledSurface,
  { server, tool, args }: CalledTool,
): Promise<void> {
  const tools = await listAll(surface, "tools/list", "tools", signal).catch(() => undefined);
  if (tools === undefined) return;
  if (tools.some((one) => isConnectTool(one, server))) {
    throw await loginMissing(surface, server);
  }
  const known = tools.find(({ name }) => name === tool);
  if (known === undefined) throw unknownName("tool", tool, tools.map(({ name }) => String(name)));
  const missing = parametersOf(known)
    .filter(({ key, isRequired }) => isRequired && args[key] === undefined)
    .map(({ key }) => key);
  if (missing.length === 0) return;
  throw new CommandError("usage", `Cannot call ${tool} without ${missing.join(", ")}`);
}

/** The error for a call before the log-in, with what the operator does. */
async function loginMissing(surface: CalledSurface, name: string): Promise<CommandError> {
  const view: AdvisedServer = findServer(await serversOf(surface), name);
  const advice = toLoginAdvice(name, view.login).join(" ");
  return new CommandError("needsPerson", `Server "${name}" needs a log-in. ${advice}`);
}

/** One line about a notice of progress: "3 of 10: reading". */
function toProgress({ method, params }: Notice): string | undefined {
  if (method !== "notifications/progress") return undefined;
  const { progress, total, message } = params;
  const done = typeof total === "number" ? `${progress} of ${total}` : String(progress);
  return typeof message === "string"
    ? `${done}: ${toWords(message, defaultLimits.plainColumns)}`
    : done;
}

/** The content of a result as lines; what is no text is named. */
function toLines(result: JsonObject): string[] {
  const { content, structuredContent } = result;
  const blocks = Array.isArray(content) ? content.filter(isJsonObject) : [];
  if (blocks.length === 0 && structuredContent !== undefined) {
    return [JSON.stringify(structuredContent, null, 2)];
  }
  return blocks.map(toBlock);
}

function toBlock(block: JsonObject): string {
  const { type, text, data, mimeType, uri, resource } = block;
  if (type === "text") return toVisible(String(text));
  if (isJsonObject(resource)) {
    return typeof resource["text"] === "string"
      ? toVisible(resource["text"])
      : `[resource ${toWords(String(resource["uri"]), defaultLimits.describedCharsMax)}]`;
  }
  const facts = [
    type,
    ...(mimeType === undefined ? [] : [mimeType]),
    ...(uri === undefined ? [] : [uri]),
    // Base64 has four characters for three bytes.
    ...(typeof data === "string" ? [`${Math.floor(data.length * 3 / 4)} bytes`] : []),
  ];
  return `[${toWords(facts.join(" "), defaultLimits.describedCharsMax)}; --json shows it]`;
}
