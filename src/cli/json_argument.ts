/** An argument that is a JSON object. */
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";

/** Reads it from the command line, or from stdin for `-`; `what` names it in errors. */
export async function readJsonArgument(
  { platform: { system } }: CommandContext,
  given: string,
  what: string,
): Promise<JsonObject> {
  const text = given === "-" ? await new Response(system.stdin()).text() : given;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    throw new CommandError(
      "usage",
      `Cannot read ${what} as JSON: ${reason}; quote it for the shell: '{"key": "value"}'`,
    );
  }
  if (isJsonObject(value)) return value;
  throw new CommandError("usage", `Cannot use ${what}: expected a JSON object`);
}
