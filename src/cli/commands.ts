/**
 * The commands of the program, as rows. Only the command in use is loaded. A new command is a new
 * row and a file `<name>_command.ts` that exports its function.
 */
import { accessCommands } from "./access_commands.ts";
import type { Command, CommandArgument, CommandOption } from "./command.ts";
import { maintaining } from "./maintaining_commands.ts";
import { profiles } from "./profiles_row.ts";
import { reviewCommands } from "./review_commands.ts";
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

const ofProfile: CommandOption = { flags: "--profile NAME", meaning: "the tools of a profile" };

const starting: readonly Command[] = [
  {
    name: "start",
    summary: "start the gateway (the default)",
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
    summary: "serve a client on stdin and stdout, as a command that it starts",
    arguments: [
      {
        name: "NAME",
        meaning: "one server, with its own names for its tools (default: all servers)",
        isRequired: false,
      },
    ],
    options: [{ flags: "--server NAME", meaning: "the same as NAME" }, ofProfile],
    examples: ["stdio", "stdio files", "stdio --config ~/mcp.json --data ~/.mcp"],
    load: async () => (await import("./stdio_command.ts")).runStdio,
  },
  {
    name: "status",
    summary: "show the running gateway and the state of each server",
    arguments: [server(false, "show everything about one server")],
    options: [],
    examples: ["status", "status files", "status --json"],
    load: async () => (await import("./status_command.ts")).runStatus,
  },
  {
    name: "page",
    summary: "open the page of the running gateway in a browser",
    arguments: [],
    options: [{ flags: "--no-browser", meaning: "only print the link, which works once" }],
    examples: ["page", "page --no-browser"],
    load: async () => (await import("./page_command.ts")).runPage,
  },
  {
    name: "logs",
    summary: "show the log of the gateway, or its audit trail",
    arguments: [server(false, "show only the lines about this server")],
    options: [
      { flags: "--audit", meaning: "show the audit trail (MCP_AUDIT=on): who called what" },
      { flags: "-f, --follow", meaning: "keep printing new lines until Ctrl-C" },
      { flags: "-n, --lines COUNT", meaning: "how many lines to show (default 100)" },
    ],
    examples: ["logs -f", "logs files --lines 20", "logs --audit"],
    load: async () => (await import("./logs_command.ts")).runLogs,
  },
  {
    name: "doctor",
    summary: "check everything that the gateway needs, and say what to do",
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
    summary: "list the configured servers",
    arguments: [],
    options: [],
    examples: ["list", "list --json"],
    load: async () => (await import("./list_command.ts")).runList,
  },
  {
    name: "add",
    summary: "add a server: a command, a URL or a web API",
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
      {
        flags: "--base-url URL",
        meaning: "address of the web API, if its document has another or none",
      },
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
    summary: "remove a server",
    arguments: [server(true)],
    options: [inFile],
    examples: ["remove files", "remove files --file"],
    load: async () => (await import("./change_command.ts")).runRemove,
  },
  {
    name: "enable",
    summary: "enable a disabled server",
    arguments: [server(true)],
    options: [inFile],
    examples: ["enable files"],
    load: async () => (await import("./change_command.ts")).runEnable,
  },
  {
    name: "disable",
    summary: "disable a server; it stays configured",
    arguments: [server(true)],
    options: [inFile],
    examples: ["disable files"],
    load: async () => (await import("./change_command.ts")).runDisable,
  },
];

const using: readonly Command[] = [
  {
    name: "restart",
    summary: "restart a server of the running gateway; its running calls fail",
    arguments: [server(true)],
    options: [],
    examples: ["restart files"],
    load: async () => (await import("./restart_command.ts")).runRestart,
  },
  {
    name: "test",
    summary: "start a server and say whether it works",
    arguments: [server(true)],
    options: [],
    examples: ["test files"],
    load: async () => (await import("./test_command.ts")).runTest,
  },
  {
    name: "tools",
    summary: "list the tools of all servers, of one, or of a profile",
    arguments: [server(false)],
    options: [ofProfile],
    examples: ["tools", "tools files", "tools --profile work", "tools files --json"],
    load: async () => (await import("./tools_command.ts")).runTools,
  },
  {
    name: "call",
    summary: "call a tool and print its result",
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

const clients: readonly Command[] = [
  {
    name: "connect",
    summary: "connect a client to the gateway",
    arguments: [{
      name: "CLIENT",
      meaning: clientIds,
      isRequired: true,
    }],
    options: [
      {
        flags: "--write",
        meaning: "make the change: by the client's own command, else in its file",
      },
      { flags: "--project", meaning: "only for the project in the current folder" },
      { flags: "--stdio", meaning: "have the client start a program, instead of using the URL" },
      {
        flags: "--profile NAME",
        meaning: "connect it to a profile: to some tools of some servers",
      },
      { flags: "--name NAME", meaning: "name of the entry (default mcp-wrapper)" },
      {
        flags: "--header NAME=VALUE",
        meaning: "header for the client to send",
        isMany: true,
      },
    ],
    examples: ["connect claude-code", "connect cursor --write", "connect vscode --profile work"],
    load: async () => (await import("./connect_command.ts")).runConnect,
  },
  {
    name: "import",
    summary: "copy the servers of your clients into mcp.json",
    arguments: [{
      name: "FILE",
      meaning: "a client's file (default: the files of your clients)",
      isRequired: false,
    }],
    options: [
      {
        flags: "--client CLIENT",
        meaning: "only this client; with FILE, the client that it belongs to",
      },
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
  profiles,
  ...using,
  ...reviewCommands,
  ...clients,
  ...accessCommands,
  ...maintaining,
];
