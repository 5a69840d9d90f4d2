/**
 * Reads a command line by the rows of commands. A library does the parsing and the help; a wrong
 * argument becomes one error text with the nearest flag or command.
 */
import { Argument, Command as Parser, CommanderError, Option } from "commander";
import { identity } from "../version.ts";
import type { Command, CommandOption, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { defaultCommand } from "./commands.ts";
import { placeFlags } from "./variable_flags.ts";

/** What a command line asks for. */
export type CommandLine =
  | { readonly kind: "run"; readonly command: Command; readonly values: CommandValues }
  /** To show a text and end. */
  | { readonly kind: "show"; readonly text: string };

const helps: ReadonlySet<string> = new Set(["-h", "--help", "-V", "--version", "help"]);

/** Flags of every command. */
const common: readonly CommandOption[] = [
  ...placeFlags,
  { flags: "--json", meaning: "print the result as JSON" },
  { flags: "-y, --yes", meaning: "answer every question with yes" },
];

/** Reads the arguments of the program. Throws a CommandError (`usage`) for a wrong one. */
export function readCommandLine(
  args: readonly string[],
  rows: readonly Command[],
): CommandLine {
  let found: CommandLine | undefined;
  let shown = "";
  const parser = new Parser(identity.name)
    .description("One URL for all your MCP servers.")
    .version(identity.version, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .configureHelp({ subcommandTerm: termOf })
    .addHelpText("after", footer);
  const commands = rows.map((row) =>
    toParser(row, (values) => {
      found = { kind: "run", command: row, values };
    })
  );
  for (const command of [parser, ...commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => shown += text,
      writeErr: () => {},
      outputError: () => {},
    });
  }
  for (const command of commands) parser.addCommand(command);
  const own = withCommand(args, rows);
  try {
    parser.parse(own, { from: "user" });
  } catch (fault) {
    if (!(fault instanceof CommanderError)) throw fault;
    if (fault.exitCode !== 0) {
      const nameOf = (word: string) => rows.find((row) => row.name === word)?.name;
      // Without a command in front, "start" was put there, and takes no argument.
      const late = own.length > args.length && fault.code === "commander.excessArguments"
        ? nameOf(commands.find((command) => command.name() === own[0])?.args[0] ?? "")
        : undefined;
      throw new CommandError(
        "usage",
        late === undefined ? toSentence(fault.message, nameOf(own[0] ?? "")) : toOrder(late),
      );
    }
  }
  return found ?? { kind: "show", text: shown.trimEnd() };
}

/** A command in the list: its name and arguments; its flags are in its own help. */
function termOf(command: Parser): string {
  const names = command.registeredArguments.map((argument) => {
    const form = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? form : `[${form}]`;
  });
  return [command.name(), ...names].join(" ");
}

/**
 * The arguments with the command first: flags of every command may stand before it. A script runner
 * may pass on its own separator.
 */
function withCommand(args: readonly string[], rows: readonly Command[]): readonly string[] {
  const own = args[0] === "--" ? args.slice(1) : args;
  const [first, second] = own;
  // The library has no error for `help` of an unknown command.
  if (first === "help" && second !== undefined) {
    return rows.some(({ name }) => name === second) ? [second, "--help"] : [second];
  }
  if (first !== undefined && (!first.startsWith("-") || helps.has(first))) return own;
  const before = commonFlagsAtStart(own);
  const name = own[before];
  return name !== undefined && rows.some((row) => row.name === name)
    ? [name, ...own.slice(0, before), ...own.slice(before + 1)]
    : [defaultCommand, ...own];
}

/** How many of the first arguments are flags of every command, with their values. */
function commonFlagsAtStart(args: readonly string[]): number {
  let end = 0;
  for (;;) {
    const [word = "", value] = (args[end] ?? "").split("=", 2);
    const flag = common.find(({ flags }) => flags.split(/,? /).includes(word));
    if (flag === undefined || !word.startsWith("-")) return end;
    const takesNext = / [A-Z]/.test(flag.flags) && value === undefined;
    end += takesNext ? 2 : 1;
  }
}

function toParser(row: Command, use: (values: CommandValues) => void): Parser {
  const parser = new Parser(row.name).description(row.summary).allowExcessArguments(false)
    .helpOption("-h, --help", "show this help");
  for (const { name, meaning, isRequired, isMany } of row.arguments) {
    const form = `${name}${isMany === true ? "..." : ""}`;
    parser.addArgument(new Argument(isRequired ? `<${form}>` : `[${form}]`, meaning));
  }
  for (const { flags, meaning, isMany = false, isHidden } of [...row.options, ...common]) {
    const option = new Option(flags.replace(/ ([A-Z][A-Z_=]*)$/, " <$1>"), meaning);
    if (isMany) option.argParser((value, all: string[] = []) => [...all, value]);
    parser.addOption(option.hideHelp(isHidden ?? false));
  }
  const lines = row.examples.map((example) => `  ${identity.name} ${example}`);
  parser.addHelpText("after", `\nFor example:\n${lines.join("\n")}`);
  parser.action(() => use(toValues(row, parser)));
  return parser;
}

function toValues(row: Command, parser: Parser): CommandValues {
  const options: Readonly<Record<string, unknown>> = parser.opts();
  const given = parser.processedArgs as readonly (string | readonly string[] | undefined)[];
  const last = row.arguments.at(-1)?.isMany === true ? given[row.arguments.length - 1] : undefined;
  return {
    argument(name) {
      const value = given[row.arguments.findIndex((argument) => argument.name === name)];
      return typeof value === "string" ? value : undefined;
    },
    rest: typeof last === "string" ? [last] : last ?? [],
    option(name) {
      const value = options[name];
      return typeof value === "string" ? value : undefined;
    },
    optionList(name) {
      const value = options[name];
      return Array.isArray(value) ? value : [];
    },
    flag: (name) => options[name] === true || options[toPositive(name)] === false,
  };
}

/** What the library calls the flag `--no-x`: a flag x, which is false if that one is given. */
function toPositive(name: string): string {
  const [, first = "", rest = ""] = /^no([A-Z])(.*)$/.exec(name) ?? [];
  return `${first.toLowerCase()}${rest}`;
}

/** The library's "error: unknown option '--prot'\n(Did you mean --port?)" as our sentence. */
function toSentence(message: string, command: string | undefined): string {
  const [problem = "", hint = ""] = message.replace(/^error: /, "")
    .replace(/\. Expected (\d+) arguments? but got (\d+)(.*?)\.?$/, " (expected $1, got $2$3)")
    .replace(/\.$/, "")
    .split("\n");
  const meant = /Did you mean (?:one of )?(.+?)\?/.exec(hint)?.[1];
  const advice = command === undefined
    ? "--help lists the commands"
    : `${command} --help shows its flags`;
  return `Cannot read the command line: ${problem}` +
    `${meant === undefined ? ";" : `; did you mean ${meant}?`} ${identity.name} ${advice}`;
}

const toOrder = (command: string): string =>
  `Cannot read the command line: a flag comes before the command "${command}"; write ` +
  `${identity.name} ${command}, then the flags`;

const footer = `
Each command has its own help: ${identity.name} COMMAND --help.
A flag takes precedence over its variable, and the environment over .env; .env.example lists all variables.`;
