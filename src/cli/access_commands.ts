/** The commands that say who may connect, as rows of `commands.ts`. */
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
];
