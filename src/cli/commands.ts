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
    name: "service",
    summary: "has the system run the gateway at log-in (systemd, launchd)",
    arguments: [
      { name: "ACTION", meaning: "install, uninstall or status", isRequired: true },
    ],
    options: [
      ...listenFlags,
      { flags: "--dry-run", meaning: "print what would be done, and do nothing" },
    ],
    examples: ["service install", "service install --dry-run", "service status"],
    load: async () => (await import("./service_command.ts")).runService,
  },
];
