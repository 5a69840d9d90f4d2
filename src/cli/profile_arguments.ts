/** The entry that the arguments of `profiles add` describe, as it would stand in `mcp.json`. */
import type { JsonObject } from "../model.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { readJsonArgument } from "./json_argument.ts";

/** The flags that make an entry, by the names of their values. */
const flags = ["servers", "tools", "pinned", "description"] as const;

/** The entry, from flags or from JSON. Throws `usage` for what does not fit. */
export async function toProfileEntry(
  context: CommandContext,
  values: CommandValues,
): Promise<JsonObject> {
  const json = values.argument("JSON");
  if (json === undefined) return fromFlags(values);
  const flag = flags.find((name) => values.option(name) !== undefined) ??
    (values.flag("search") ? "search" : undefined);
  if (flag === undefined) return await readJsonArgument(context, json, "the profile");
  throw new CommandError(
    "usage",
    `Cannot use --${flag} with a profile in JSON; write it into the JSON`,
  );
}

function fromFlags(values: CommandValues): JsonObject {
  const names = namesOf(values, "servers");
  if (names === undefined) {
    throw new CommandError(
      "usage",
      "Cannot add a profile without servers; give --servers, or the profile as JSON",
    );
  }
  const allow = namesOf(values, "tools");
  const pinned = namesOf(values, "pinned");
  const description = values.option("description");
  return {
    ...(description === undefined ? {} : { description }),
    servers: allow === undefined
      ? names
      : Object.fromEntries(names.map((name) => [name, { tools: { allow } }])),
    ...(values.flag("search") ? { tools: "search" } : {}),
    ...(pinned === undefined ? {} : { pinned }),
  };
}

/** Names separated by commas; undefined if the flag is absent. */
function namesOf(values: CommandValues, flag: string): string[] | undefined {
  const names = values.option(flag)?.split(",").map((name) => name.trim())
    .filter((name) => name !== "");
  if (names?.length !== 0) return names;
  throw new CommandError("usage", `Cannot use --${flag}: expected names separated by commas`);
}
