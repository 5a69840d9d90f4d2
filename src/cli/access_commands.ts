/** The commands that say who may connect, and for whom the gateway calls: rows of `commands.ts`. */
import type { Command } from "./command.ts";

/** In the order of the help. */
export const accessCommands: readonly Command[] = [
  {
    name: "keys",
    summary: "make, list and revoke the keys with which clients connect (MCP_AUTH=key)",
    arguments: [
      { name: "ACTION", meaning: "add, list or revoke", isRequired: true },
      { name: "NAME", meaning: "name of the key, such as the client's", isRequired: false },
    ],
    options: [
      {
        flags: "--servers NAMES",
        meaning: "only these servers, separated by commas; * is allowed",
      },
      { flags: "--tools NAMES", meaning: "only these tools, by the servers' own names" },
      { flags: "--role ROLE", meaning: "a role that the key has", isMany: true },
      {
        flags: "--expires TIME",
        meaning: "when it expires: a time from now such as 12h or 90d, or a date",
      },
    ],
    examples: [
      "keys add laptop",
      "keys add ci --servers 'files,docs*' --tools 'read_*' --expires 90d",
      "keys list --json",
      "keys revoke ci",
    ],
    load: async () => (await import("./keys_command.ts")).runKeys,
  },
  {
    name: "users",
    summary: "add, list and remove people who log in at the gateway (MCP_AUTH=oauth)",
    arguments: [
      { name: "ACTION", meaning: "add, list, remove, passwd or link", isRequired: true },
      { name: "NAME", meaning: "name of the user", isRequired: false },
    ],
    options: [
      { flags: "--role ROLE", meaning: "a role that the user has", isMany: true },
      { flags: "--group GROUP", meaning: "a group that the user is in", isMany: true },
      {
        flags: "--password-stdin",
        meaning: "read the password from stdin (default: ask for it on the terminal)",
      },
      { flags: "--link", meaning: "add the user without a password, and print a log-in link" },
    ],
    examples: [
      "users add ann --group staff",
      "users add bob --link",
      "users link bob",
      "users passwd ann",
      "users remove ann",
    ],
    load: async () => (await import("./users_command.ts")).runUsers,
  },
  {
    name: "clients",
    summary: "list and revoke the clients that connected by OAuth",
    arguments: [
      { name: "ACTION", meaning: "list or revoke", isRequired: true },
      { name: "ID", meaning: "id of the client, as the list shows it", isRequired: false },
    ],
    options: [],
    examples: ["clients list", "clients revoke https://client.example/metadata.json"],
    load: async () => (await import("./granted_command.ts")).runClients,
  },
  {
    name: "grants",
    summary: "list and revoke what people granted to clients",
    arguments: [
      { name: "ACTION", meaning: "list or revoke", isRequired: true },
      { name: "ID", meaning: "id of the grant, as the list shows it", isRequired: false },
    ],
    options: [],
    examples: ["grants list --json", "grants revoke 531be209-9b60-426d-a500-6059f2e5359f"],
    load: async () => (await import("./granted_command.ts")).runGrants,
  },
  {
    name: "auth",
    summary: "log in and out at servers that ask for it, and show who is logged in",
    arguments: [
      { name: "ACTION", meaning: "login, status or logout", isRequired: true },
      { name: "NAME", meaning: "name of the server", isRequired: false },
    ],
    options: [
      {
        flags: "--principal ID",
        meaning: "whose log-in, where each principal has one, such as user:ann",
      },
      { flags: "--no-browser", meaning: "only print the link" },
      {
        flags: "--timeout SECONDS",
        meaning: "how long login waits for the person (default 600)",
      },
    ],
    examples: [
      "auth login linear",
      "auth login linear --principal user:ann --no-browser",
      "auth status",
      "auth logout linear",
    ],
    load: async () => (await import("./auth_command.ts")).runAuth,
  },
];
