/**
 * The commands of the program, as rows. Only the command in use is loaded. A new command is a new
 * row and a file `<name>_command.ts` that exports its function.
 */
import type { Command } from "./command.ts";
import { listenFlags } from "./variable_flags.ts";

/** The command of a command line without one. */
export const defaultCommand = "start";

const clientIds =
  "claude-desktop, claude-code, cursor, vscode, windsurf, zed, codex, gemini or goose";

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
    name: "connect",
    summary: "connects a client to the gateway",
    arguments: [{
      name: "CLIENT",
      meaning: clientIds,
      isRequired: true,
    }],
    options: [
      { flags: "--write", meaning: "add it: by the client's own command, else in its file" },
      { flags: "--project", meaning: "for the project in the current folder alone" },
      { flags: "--stdio", meaning: "by a program over stdio instead of the URL" },
      { flags: "--name NAME", meaning: "name of the entry (default mcp-wrapper)" },
      {
        flags: "--header HEADER",
        meaning: 'header for the client to send, as "NAME: VALUE"',
        isMany: true,
      },
    ],
    examples: ["connect claude-code", "connect cursor --write"],
    load: async () => (await import("./connect_command.ts")).runConnect,
  },
  {
    name: "import",
    summary: "takes over the servers of your clients",
    arguments: [{
      name: "FILE",
      meaning: "a client's file (default: those of the user that exist)",
      isRequired: false,
    }],
    options: [
      { flags: "--client CLIENT", meaning: "only this client, or whose file FILE is" },
      { flags: "--only NAME", meaning: "only this server", isMany: true },
    ],
    examples: ["import", "import .vscode/mcp.json --yes"],
    load: async () => (await import("./import_command.ts")).runImport,
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
