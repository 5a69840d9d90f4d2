/**
 * The commands of the program, as rows. Only the command in use is loaded. A new command is a new
 * row and a file `<name>_command.ts` that exports its function.
 */
import type { Command, CommandArgument, CommandOption } from "./command.ts";
import { listenFlags } from "./variable_flags.ts";

/** The command of a command line without one. */
export const defaultCommand = "start";

const clientIds =
  "claude-desktop, claude-code, cursor, vscode, windsurf, zed, codex, gemini or goose";

const server = (isRequired: boolean, meaning = "name of a server"): CommandArgument => ({
  name: "NAME",
  meaning,
  isRequired,
});

const inFile: CommandOption = {
  flags: "--file",
  meaning: "change mcp.json; its comments and all other servers stay as they are",
};

const starting: readonly Command[] = [
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
  {
    name: "status",
    summary: "shows the running gateway and the state of each server",
    arguments: [server(false, "show all that is known of one server")],
    options: [],
    examples: ["status", "status files", "status --json"],
    load: async () => (await import("./status_command.ts")).runStatus,
  },
  {
    name: "logs",
    summary: "shows the log of the gateway",
    arguments: [server(false, "show only what concerns this server")],
    options: [
      { flags: "-f, --follow", meaning: "go on with each new line until Ctrl-C" },
      { flags: "-n, --lines COUNT", meaning: "how many of the last lines to show (default 100)" },
    ],
    examples: ["logs -f", "logs files --lines 20"],
    load: async () => (await import("./logs_command.ts")).runLogs,
  },
  {
    name: "doctor",
    summary: "checks everything that the gateway needs, and says what to do",
    arguments: [],
    options: [{
      flags: "--fix",
      meaning: "repair modes, missing folders and the PATH of the service; asks before each",
    }],
    examples: ["doctor", "doctor --fix", "doctor --json"],
    load: async () => (await import("./doctor_command.ts")).runDoctor,
  },
];

const configuring: readonly Command[] = [
  {
    name: "list",
    summary: "lists the configured servers",
    arguments: [],
    options: [],
    examples: ["list", "list --json"],
    load: async () => (await import("./list_command.ts")).runList,
  },
  {
    name: "add",
    summary: "adds a server: a command, a URL or a web API",
    arguments: [
      server(true, "name for the server"),
      {
        name: "TARGET",
        meaning: "URL; or, after --, a command with its arguments",
        isRequired: false,
        isMany: true,
      },
    ],
    options: [
      { flags: "--recipe NAME", meaning: "a built-in recipe of a web API, or a file with one" },
      { flags: "--openapi PLACE", meaning: "file or URL of an OpenAPI document" },
      { flags: "--base-url URL", meaning: "where the web API is, if not where its document says" },
      {
        flags: "--env NAME=VALUE",
        meaning: "variable for the command",
        isMany: true,
      },
      {
        flags: "--header NAME=VALUE",
        meaning: "header to send with each request",
        isMany: true,
      },
      { flags: "--cwd FOLDER", meaning: "folder that the command starts in" },
      { flags: "--replace", meaning: "replace a server of the same name" },
      inFile,
    ],
    examples: [
      "add files -- npx -y @modelcontextprotocol/server-filesystem /home/me/docs",
      "add docs https://example.com/mcp --header 'X-Team=blue'",
      "add prices --recipe coingecko",
      "add shop --openapi ./petshop.yaml --base-url https://api.example.com",
    ],
    load: async () => (await import("./add_command.ts")).runAdd,
  },
  {
    name: "remove",
    summary: "removes a server",
    arguments: [server(true)],
    options: [inFile],
    examples: ["remove files", "remove files --file"],
    load: async () => (await import("./change_command.ts")).runRemove,
  },
  {
    name: "enable",
    summary: "switches a disabled server on",
    arguments: [server(true)],
    options: [inFile],
    examples: ["enable files"],
    load: async () => (await import("./change_command.ts")).runEnable,
  },
  {
    name: "disable",
    summary: "switches a server off; it stays configured",
    arguments: [server(true)],
    options: [inFile],
    examples: ["disable files"],
    load: async () => (await import("./change_command.ts")).runDisable,
  },
];

const using: readonly Command[] = [
  {
    name: "restart",
    summary: "restarts a server of the running gateway",
    arguments: [server(true)],
    options: [],
    examples: ["restart files"],
    load: async () => (await import("./restart_command.ts")).runRestart,
  },
  {
    name: "test",
    summary: "starts a server and says whether it works",
    arguments: [server(true)],
    options: [],
    examples: ["test files"],
    load: async () => (await import("./test_command.ts")).runTest,
  },
  {
    name: "tools",
    summary: "lists the tools of all servers, or of one",
    arguments: [server(false)],
    options: [],
    examples: ["tools", "tools files", "tools files --json"],
    load: async () => (await import("./tools_command.ts")).runTools,
  },
  {
    name: "call",
    summary: "calls a tool and prints its result",
    arguments: [
      server(true),
      { name: "TOOL", meaning: "the tool, by the server's own name for it", isRequired: true },
      { name: "JSON", meaning: "its arguments as a JSON object; - reads stdin", isRequired: false },
    ],
    options: [],
    examples: [`call files read_text_file '{"path": "/home/me/docs/a.txt"}'`],
    load: async () => (await import("./call_command.ts")).runCall,
  },
];

const maintaining: readonly Command[] = [
  {
    name: "backup",
    summary: "copies the database of the gateway to a new file",
    arguments: [{ name: "FILE", meaning: "the file to make", isRequired: true }],
    options: [],
    examples: ["backup mcp-wrapper-backup.db"],
    load: async () => (await import("./backup_command.ts")).runBackup,
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

const clients: readonly Command[] = [
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
];

/** In the order of the help. */
export const commands: readonly Command[] = [
  ...starting,
  ...configuring,
  ...using,
  ...clients,
  ...maintaining,
];
