/**
 * The MCP clients that `connect` and `import` know, as rows: where their files are on each system,
 * in which format they list servers, the entry for the gateway, their own command, what to restart,
 * and the most tools that they take. Not here: how paths are found (client_places.ts) and how files
 * are changed (server_list.ts).
 */
import type { ServerFormat, ServerObject } from "./server_editor.ts";

/** The systems that have rows, as Node names them. */
export type ClientSystem = "linux" | "darwin" | "win32";

/** `user`: for everything the user opens; `project`: for one folder. */
export type ClientScope = "user" | "project";

/** How the gateway is reached: by its URL, or by a program that speaks over stdio. */
export interface GatewayAddress {
  readonly url: string;
  /** Sent by the client with each request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly command: string;
  readonly args: readonly string[];
}

/** An entry to add, for a client's own command. */
export interface OwnCommandRequest {
  readonly name: string;
  readonly scope: ClientScope;
  readonly address: GatewayAddress;
  readonly isByUrl: boolean;
  readonly entry: ServerObject;
}

/** A client's own program that adds servers. */
export interface OwnCommand {
  readonly program: string;
  /** Undefined if the command cannot add this one. Headers never pass: others could see them. */
  readonly add: (request: OwnCommandRequest) => readonly string[] | undefined;
  /** Removes an entry first where `add` refuses a name that exists. */
  readonly remove?: (name: string, scope: ClientScope) => readonly string[];
}

/** One client. */
export interface Client {
  /** As on the command line. */
  readonly id: string;
  readonly label: string;
  /** Other spellings of the id. */
  readonly otherIds: readonly string[];
  readonly format: ServerFormat;
  /** The key of the object that lists the servers. */
  readonly listKey: string;
  /** Other keys under which it reads servers. */
  readonly otherListKeys?: readonly string[];
  /** Templates of the user's file, the likeliest first; `client_places.ts` fills them in. */
  readonly userFiles: Readonly<Record<ClientSystem, readonly string[]>>;
  /** The file inside a project; undefined if there is none. */
  readonly projectFile?: string;
  /** The form of references to variables in its texts. */
  readonly references: "none" | "braces" | "shell";
  /** Undefined if the client reaches servers by programs alone. */
  readonly byUrl?: (name: string, address: GatewayAddress) => ServerObject;
  readonly byProgram: (name: string, address: GatewayAddress) => ServerObject;
  readonly ownCommand?: OwnCommand;
  /** What makes it read the file again, as a sentence. */
  readonly restart: string;
  /** A link that adds the entry when it is opened. */
  readonly link?: (name: string, entry: ServerObject) => string;
  /** The most tools that it takes from all servers. */
  readonly toolsMax?: number;
}

const program = (_name: string, { command, args }: GatewayAddress): ServerObject => ({
  command,
  args,
});

/** The headers under the client's key; nothing without headers. */
function headersAs(key: string, { headers }: GatewayAddress): ServerObject {
  return Object.keys(headers).length === 0 ? {} : { [key]: headers };
}

const everywhere = (path: string): Client["userFiles"] => ({
  linux: [path],
  darwin: [path],
  win32: [path],
});

/** Goose lists a server with all its keys. */
const gooseEntry = (name: string, type: string, reached: ServerObject): ServerObject => ({
  enabled: true,
  type,
  name,
  description: "All MCP servers of the gateway",
  ...reached,
  envs: {},
  env_keys: [],
  timeout: 300,
});

/** Base64 of the UTF-8 bytes of a text. */
function toBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

const vsCodeFolders = ["Code", "Code - Insiders", "VSCodium"] as const;
const vsCodeFiles = (base: string) => vsCodeFolders.map((name) => `${base}/${name}/User/mcp.json`);

/** In the order of the help. */
export const clients: readonly Client[] = [
  {
    id: "claude-desktop",
    label: "Claude Desktop",
    otherIds: ["claude_desktop", "claudedesktop"],
    format: "jsonc",
    listKey: "mcpServers",
    userFiles: {
      linux: ["{config}/Claude/claude_desktop_config.json"],
      darwin: ["{support}/Claude/claude_desktop_config.json"],
      // The packaged program reads its own copy of the folder, and the older one the plain folder.
      win32: [
        "{local}/Packages/Claude_*/LocalCache/Roaming/Claude/claude_desktop_config.json",
        "{roaming}/Claude/claude_desktop_config.json",
      ],
    },
    references: "none",
    byProgram: program,
    restart: "Quit Claude Desktop completely and open it again.",
  },
  {
    id: "claude-code",
    label: "Claude Code",
    otherIds: ["claude", "claude_code", "claudecode"],
    format: "jsonc",
    listKey: "mcpServers",
    userFiles: everywhere("{claude}/.claude.json"),
    projectFile: ".mcp.json",
    references: "braces",
    byUrl: (_name, address) => ({
      type: "http",
      url: address.url,
      ...headersAs("headers", address),
    }),
    byProgram: program,
    ownCommand: {
      program: "claude",
      add: ({ name, scope, address, isByUrl }) =>
        isByUrl
          ? ["mcp", "add", "--transport", "http", "--scope", scope, name, address.url]
          : ["mcp", "add", "--scope", scope, name, "--", address.command, ...address.args],
      remove: (name, scope) => ["mcp", "remove", "--scope", scope, name],
    },
    restart: "Start Claude Code again; /mcp shows the connection.",
  },
  {
    id: "cursor",
    label: "Cursor",
    otherIds: [],
    format: "jsonc",
    listKey: "mcpServers",
    userFiles: everywhere("{home}/.cursor/mcp.json"),
    projectFile: ".cursor/mcp.json",
    references: "braces",
    byUrl: (_name, address) => ({ url: address.url, ...headersAs("headers", address) }),
    byProgram: program,
    restart: "Cursor reads the file again by itself; Settings > MCP shows the connection.",
    link: (name, entry) =>
      `cursor://anysphere.cursor-deeplink/mcp/install?name=${encodeURIComponent(name)}` +
      `&config=${encodeURIComponent(toBase64(JSON.stringify(entry)))}`,
  },
  {
    id: "vscode",
    label: "VS Code",
    otherIds: ["vs-code", "code", "vs_code", "copilot"],
    format: "jsonc",
    listKey: "servers",
    userFiles: {
      linux: vsCodeFiles("{config}"),
      darwin: vsCodeFiles("{support}"),
      win32: vsCodeFiles("{roaming}"),
    },
    projectFile: ".vscode/mcp.json",
    references: "braces",
    byUrl: (_name, address) => ({
      type: "http",
      url: address.url,
      ...headersAs("headers", address),
    }),
    byProgram: (name, address) => ({ type: "stdio", ...program(name, address) }),
    ownCommand: {
      program: "code",
      add: ({ name, scope, entry }) =>
        scope === "user" ? ["--add-mcp", JSON.stringify({ name, ...entry })] : undefined,
    },
    restart: 'Run "MCP: List Servers" in VS Code and start the server.',
    link: (name, entry) =>
      `vscode:mcp/install?${encodeURIComponent(JSON.stringify({ name, ...entry }))}`,
    toolsMax: 128,
  },
  {
    id: "windsurf",
    label: "Windsurf",
    otherIds: ["cascade"],
    format: "jsonc",
    listKey: "mcpServers",
    userFiles: everywhere("{home}/.codeium/windsurf/mcp_config.json"),
    references: "braces",
    byUrl: (_name, address) => ({ serverUrl: address.url, ...headersAs("headers", address) }),
    byProgram: program,
    restart: "Press the refresh button of the MCP list in Windsurf.",
    toolsMax: 100,
  },
  {
    id: "zed",
    label: "Zed",
    otherIds: [],
    format: "jsonc",
    listKey: "context_servers",
    userFiles: {
      linux: ["{config}/zed/settings.json"],
      darwin: ["{home}/.config/zed/settings.json"],
      win32: ["{roaming}/Zed/settings.json"],
    },
    projectFile: ".zed/settings.json",
    references: "none",
    byUrl: (_name, address) => ({ url: address.url, ...headersAs("headers", address) }),
    byProgram: (name, address) => ({ ...program(name, address), env: {} }),
    restart:
      "Zed reads the file again by itself; the settings of the Agent Panel show the connection.",
  },
  {
    id: "codex",
    label: "Codex",
    otherIds: ["codex-cli", "openai-codex"],
    format: "toml",
    listKey: "mcp_servers",
    userFiles: everywhere("{codex}/config.toml"),
    projectFile: ".codex/config.toml",
    references: "none",
    byUrl: (_name, address) => ({ url: address.url, ...headersAs("http_headers", address) }),
    byProgram: program,
    ownCommand: {
      program: "codex",
      add: ({ name, scope, address, isByUrl }) =>
        scope !== "user"
          ? undefined
          : isByUrl
          ? ["mcp", "add", name, "--url", address.url]
          : ["mcp", "add", name, "--", address.command, ...address.args],
    },
    restart: "Start Codex again; /mcp shows the connection.",
  },
  {
    id: "gemini",
    label: "Gemini CLI",
    otherIds: ["gemini-cli", "gemini_cli"],
    format: "jsonc",
    listKey: "mcpServers",
    userFiles: everywhere("{home}/.gemini/settings.json"),
    projectFile: ".gemini/settings.json",
    references: "shell",
    byUrl: (_name, address) => ({ httpUrl: address.url, ...headersAs("headers", address) }),
    byProgram: program,
    ownCommand: {
      program: "gemini",
      add: ({ name, scope, address, isByUrl }) =>
        isByUrl
          ? ["mcp", "add", "--scope", scope, "--transport", "http", name, address.url]
          : undefined,
    },
    restart: "Start Gemini CLI again; /mcp shows the connection.",
  },
  {
    id: "goose",
    label: "Goose",
    otherIds: [],
    format: "yaml",
    listKey: "extensions",
    userFiles: {
      linux: ["{config}/goose/config.yaml"],
      darwin: ["{config}/goose/config.yaml"],
      win32: ["{roaming}/Block/goose/config/config.yaml"],
    },
    references: "braces",
    byUrl: (name, address) =>
      gooseEntry(name, "streamable_http", {
        uri: address.url,
        ...headersAs("headers", address),
      }),
    byProgram: (name, { command, args }) => gooseEntry(name, "stdio", { cmd: command, args }),
    restart: "Start a new Goose session.",
  },
];
