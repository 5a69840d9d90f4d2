/** The command `profiles`: a row of `commands.ts`. */
import type { Command } from "./command.ts";

/** The row. */
export const profiles: Command = {
  name: "profiles",
  summary: "list, show, add and remove profiles: some tools of some servers at a URL of their own",
  arguments: [
    { name: "ACTION", meaning: "list (the default), show, add or remove", isRequired: false },
    { name: "NAME", meaning: "name of the profile", isRequired: false },
    {
      name: "JSON",
      meaning: "for add: the profile as in mcp.json, in place of the flags; - reads stdin",
      isRequired: false,
    },
  ],
  options: [
    { flags: "--servers NAMES", meaning: "its servers, separated by commas" },
    {
      flags: "--tools NAMES",
      meaning: "only these tools, by the servers' own names, separated by commas; * is allowed",
    },
    { flags: "--search", meaning: "its tools are found by a search, and not listed" },
    {
      flags: "--pinned NAMES",
      meaning:
        "with --search: tools that are listed nevertheless, by the names that the profile offers",
    },
    { flags: "--description TEXT", meaning: "what it is for" },
    { flags: "--replace", meaning: "replace a profile of the same name" },
    {
      flags: "--file",
      meaning: "change mcp.json; its comments and everything else stay as they are",
    },
  ],
  examples: [
    "profiles",
    "profiles add reading --servers files,docs --tools 'read_*,list_*'",
    `profiles add work '{"servers": {"files": {"tools": {"rename": {"read_file": "read"}}}}}'`,
    "profiles show reading",
    "profiles remove reading",
  ],
  load: async () => (await import("./profiles_command.ts")).runProfiles,
};
