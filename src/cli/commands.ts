/**
 * The commands of the program, as rows. Only the command in use is loaded. A new command is a new
 * row and a file `<name>_command.ts` that exports its function.
 */
import type { Command } from "./command.ts";
import { listenFlags } from "./variable_flags.ts";

/** The command of a command line without one. */
export const defaultCommand = "start";

/** In the order of the help. */
export const commands: readonly Command[] = [
  {
    name: "start",
    summary: "starts the gateway (the default)",
    arguments: [],
    options: [
      ...listenFlags,
      {
        flags: "--until-unattached",
        meaning: "stop after the last attached program has left",
        isHidden: true,
      },
    ],
    examples: ["start --port 9100", "start --config ~/mcp.json"],
    load: async () => (await import("./start_command.ts")).runStart,
  },
  {
    name: "stdio",
    summary: "serves a client that starts a command, on stdio",
    arguments: [
      {
        name: "NAME",
        meaning: "one server, under its own names; without it all servers",
        isRequired: false,
      },
    ],
    options: [{ flags: "--server NAME", meaning: "the same as NAME" }],
    examples: ["stdio", "stdio files", "stdio --config ~/mcp.json --data ~/.mcp"],
    load: async () => (await import("./stdio_command.ts")).runStdio,
  },
];
