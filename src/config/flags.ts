/**
 * The command line of the gateway. Each flag stands for one variable and takes precedence over it;
 * two more show a text and start nothing. The variable's own row checks the value. Any other
 * argument is refused with the nearest flag.
 */
import { identity } from "../version.ts";
import { ConfigError } from "./config_error.ts";
import { nearestName } from "./nearest.ts";
import { type Variable, type VariableName, variables } from "./variables.ts";

/** A flag with a value. */
interface Flag {
  readonly variable: VariableName;
  /** The name of its value in the help. */
  readonly value: string;
  readonly meaning: string;
}

const flags: Readonly<Record<string, Flag>> = {
  "--port": {
    variable: "MCP_PORT",
    value: "PORT",
    meaning: "port to listen on; 0 takes any free one",
  },
  "--host": { variable: "MCP_HOST", value: "HOST", meaning: "name or address to listen on" },
  "--config": { variable: "MCP_CONFIG", value: "FILE", meaning: "file that lists the servers" },
  "--data": {
    variable: "MCP_DATA_DIR",
    value: "FOLDER",
    meaning: "folder for sessions, log and key; :memory: keeps nothing",
  },
};

const texts: Readonly<Record<string, () => string>> = {
  "--help": helpText,
  "--version": () => identity.version,
};

/** If two flags begin with the same letter, the first wins: -h is --help, as usual. */
const known = [...Object.keys(texts), ...Object.keys(flags)];

/** What a command line asks for. */
export type CommandLine =
  /** To start, with these variables. */
  | { readonly kind: "start"; readonly env: Readonly<Record<string, string>> }
  /** To show a text and end. */
  | { readonly kind: "show"; readonly text: string };

/** Reads the arguments of the program; throws a ConfigError with a sentence for each wrong one. */
export function readFlags(args: readonly string[]): CommandLine {
  const env: Record<string, string> = {};
  const problems: string[] = [];
  // A script runner may pass on its own separator.
  const rest = args.filter((arg) => arg !== "--");
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name = "", joined] = arg.split(/=(.*)/s);
    const show = Object.hasOwn(texts, name) ? texts[name] : undefined;
    if (show !== undefined && joined === undefined) return { kind: "show", text: show() };
    const isNext = joined === undefined && name.startsWith("-") &&
      rest[0]?.startsWith("--") === false;
    const value = isNext ? rest.shift() : joined;
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (flag === undefined) {
      problems.push(refuse(arg, name, show !== undefined));
      continue;
    }
    const row: Variable<unknown> = variables[flag.variable];
    if (value !== undefined && value.trim() !== "" && row.parse(value.trim()) !== undefined) {
      env[flag.variable] = value;
    } else {
      const given = value === undefined ? "" : `=${JSON.stringify(value)}`;
      problems.push(`Cannot use ${name}${given}: expected ${row.expected}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { kind: "start", env };
}

function refuse(arg: string, name: string, takesNothing: boolean): string {
  if (takesNothing) return `Cannot use ${arg}: ${name} takes no value`;
  const near = nearestFlag(name);
  const advice = near === undefined ? `known are ${known.join(", ")}` : `did you mean ${near}?`;
  return name.startsWith("-")
    ? `Cannot use ${name}: unknown flag; ${advice}`
    : `Cannot use ${JSON.stringify(arg)}: expected a flag; ${advice}`;
}

/**
 * Compares without dashes, which would make short names look alike. A common beginning is near,
 * too.
 */
function nearestFlag(name: string): string | undefined {
  const word = name.replace(/^-+/, "");
  const words = known.map((flag) => flag.slice(2));
  const near = nearestName(word, words) ??
    words.find((other) => word !== "" && (other.startsWith(word) || word.startsWith(other)));
  return near === undefined ? undefined : `--${near}`;
}

function helpText(): string {
  const rows = Object.entries(flags).map(([name, { variable, value, meaning }]) => {
    const { default: usual }: Variable<unknown> = variables[variable];
    return [`${name} ${value}`, `${meaning} (${variable}; default ${usual})`] as const;
  });
  const all = [...rows, ["--help", "shows this text"], ["--version", "shows the version"]] as const;
  const width = Math.max(...all.map(([left]) => left.length));
  return [
    `${identity.name} ${identity.version}: one URL for all your MCP servers`,
    "",
    "Usage: bun run start [flags], or deno task start [flags]",
    "",
    ...all.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    "",
    "A flag takes precedence over its variable, and the environment over .env; .env.example lists all variables.",
  ].join("\n");
}
