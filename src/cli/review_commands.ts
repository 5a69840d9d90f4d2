/** The commands about tools that are not as they were first seen, as rows (see commands.ts). */
import type { Command } from "./command.ts";

/** In the order of the help. */
export const reviewCommands: readonly Command[] = [
  {
    name: "changes",
    summary: "show the tools that are not as they were first seen, and the difference",
    arguments: [{ name: "NAME", meaning: "name of a server", isRequired: false }],
    options: [],
    examples: ["changes", "changes files", "changes --json"],
    load: async () => (await import("./changes_command.ts")).runChanges,
  },
  {
    name: "approve",
    summary: "accept changed tools as they are now; it shows them and asks",
    arguments: [
      { name: "NAME", meaning: "name of a server", isRequired: true },
      {
        name: "TOOL",
        meaning: "a tool, by the server's own name for it (default: all that changed)",
        isRequired: false,
        isMany: true,
      },
    ],
    options: [],
    examples: ["approve files", "approve files read_text_file --yes"],
    load: async () => (await import("./approve_command.ts")).runApprove,
  },
];
