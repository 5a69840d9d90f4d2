/** The flags that stand for variables: each takes precedence over its variable. */
import { ConfigError } from "../config/config_error.ts";
import { type Variable, type VariableName, variables } from "../config/variables.ts";
import type { CommandOption, CommandValues } from "./command.ts";

/** Such a flag: its name among the values of a command, and the variable. */
interface VariableFlag extends CommandOption {
  readonly key: string;
  readonly variable: VariableName;
}

const flag = (
  key: string,
  value: string,
  variable: VariableName,
  meaning: string,
  /** For a default that is no constant. */
  usual = (variables[variable] as Variable<unknown>).default,
) => ({
  key,
  variable,
  flags: `--${key} ${value}`,
  meaning: `${meaning} (${variable}; default ${usual})`,
});

/** Where the files are: for every command. */
export const placeFlags: readonly VariableFlag[] = [
  flag(
    "config",
    "FILE",
    "MCP_CONFIG",
    "file that lists the servers",
    "./mcp.json, else that of this account",
  ),
  flag(
    "data",
    "FOLDER",
    "MCP_DATA_DIR",
    "folder for sessions, log and key; :memory: keeps nothing",
    "./data, else that of this account",
  ),
];

/** Where to listen: for `start`. */
export const listenFlags: readonly VariableFlag[] = [
  flag("port", "PORT", "MCP_PORT", "port to listen on; 0 takes any free one"),
  flag("host", "HOST", "MCP_HOST", "name or address to listen on"),
];

/** The variables that these flags set. Throws a ConfigError with a sentence for each wrong value. */
export function readVariableFlags(values: CommandValues): Record<string, string> {
  const given = [...placeFlags, ...listenFlags].flatMap(({ key, variable }) => {
    const value = values.option(key);
    return value === undefined ? [] : [{ key, variable, value }];
  });
  const wrong = given.filter(({ variable, value }) => {
    const row: Variable<unknown> = variables[variable];
    return value.trim() === "" || row.parse(value.trim()) === undefined;
  });
  if (wrong.length > 0) {
    throw new ConfigError(
      wrong.map(({ key, variable, value }) =>
        `Cannot use --${key}=${JSON.stringify(value)}: expected ${variables[variable].expected}`
      ),
    );
  }
  return Object.fromEntries(given.map(({ variable, value }) => [variable, value]));
}
