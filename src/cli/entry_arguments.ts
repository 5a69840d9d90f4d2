/** The entry that the arguments of `add` describe, as it would stand in `mcp.json`. */
import { builtInRecipes } from "../config/built_in.ts";
import { nearestName } from "../config/nearest.ts";
import { resolvePath } from "../config/path.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";

/** The entry; each way to reach a server has its own keys. Throws `usage` for what does not fit. */
export function toEntry(
  context: CommandContext,
  values: CommandValues,
): Readonly<Record<string, unknown>> {
  const { rest } = values;
  const [first = ""] = rest;
  const ways = [
    ...(rest.length > 0 ? [isUrl(first) ? "a URL" : "a command"] : []),
    ...(values.option("recipe") === undefined ? [] : ["--recipe"]),
    ...(values.option("openapi") === undefined ? [] : ["--openapi"]),
  ];
  if (ways.length !== 1) {
    throw new CommandError(
      "usage",
      ways.length === 0
        ? "Cannot add a server without a way to reach it; give a URL, -- and a command, " +
          "--recipe or --openapi"
        : `Cannot add a server that is reached by ${ways.join(" and ")}; give one of them`,
    );
  }
  if (rest.length > 0 && !isUrl(first)) return toCommand(context, values);
  refuse(values, ["env", "cwd"], "a server that the gateway does not start");
  const headers = toPairs(
    values.optionList("header"),
    "--header",
    /^([!#$%&'*+.^_`|~\w-]+)[=:](.*)$/s,
  );
  const common = Object.keys(headers).length === 0 ? {} : { headers };
  if (rest.length > 0) {
    refuse(values, ["baseUrl"], "an MCP server");
    if (rest.length > 1) {
      throw new CommandError("usage", `Cannot read "${rest[1]}" after the URL; nothing may follow`);
    }
    return { url: first, ...common };
  }
  const baseUrl = values.option("baseUrl");
  const base = baseUrl === undefined ? {} : { baseUrl };
  const recipe = values.option("recipe");
  if (recipe !== undefined) return { recipe: toRecipe(context, recipe), ...base, ...common };
  return { openapi: toPlace(context, values.option("openapi") ?? ""), ...base, ...common };
}

function toCommand(context: CommandContext, values: CommandValues) {
  refuse(values, ["header", "baseUrl"], "a program");
  const [command = "", ...args] = values.rest;
  const env = toPairs(values.optionList("env"), "--env", /^([^=\0]+)=(.*)$/s);
  const { cwd } = context.platform;
  const isRelative = (word: string): boolean => /^\.{1,2}[\\/]/.test(word);
  const folder = values.option("cwd");
  return {
    command: isRelative(command) ? resolvePath(cwd, command) : command,
    ...(args.length === 0 ? {} : { args }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
    ...(folder !== undefined
      ? { cwd: toPlace(context, folder) }
      // The words mean files of the folder in which they were typed.
      : args.some(isRelative)
      ? { cwd }
      : {}),
  };
}

/** Pairs such as NAME=value. */
function toPairs(
  texts: readonly string[],
  flag: string,
  form: RegExp,
): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const [, name, value = ""] = form.exec(text) ?? [];
    // The text may hold a secret, so the error does not repeat it.
    if (name === undefined) {
      throw new CommandError("usage", `Cannot read ${flag}: expected NAME=VALUE`);
    }
    return [name, value.trim()];
  }));
}

function refuse(values: CommandValues, names: readonly string[], what: string): void {
  for (const name of names) {
    if (values.option(name) === undefined && values.optionList(name).length === 0) continue;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new CommandError("usage", `Cannot use --${flag}: it has no meaning for ${what}`);
  }
}

function isUrl(word: string): boolean {
  return /^https?:\/\//i.test(word);
}

function toRecipe(context: CommandContext, recipe: string): string {
  if (builtInRecipes.has(recipe)) return recipe;
  if (/[\\/]|\.json$/.test(recipe)) return toPlace(context, recipe);
  const known = [...builtInRecipes.keys()];
  const near = nearestName(recipe, known);
  throw new CommandError(
    "notFound",
    `Cannot find recipe "${recipe}"; ` +
      (near === undefined ? `there are ${known.join(", ")}, and files` : `did you mean "${near}"?`),
  );
}

/** A URL as it is; a path absolute, since the current folder is not the gateway's. */
function toPlace({ platform: { cwd } }: CommandContext, place: string): string {
  return isUrl(place) || /^~(?:\/|$)/.test(place) ? place : resolvePath(cwd, place);
}
