/** The commands that keep a gateway and what it stored, as rows. */
import type { Command } from "./command.ts";
import { listenFlags } from "./variable_flags.ts";

/** The rows. */
export const maintaining: readonly Command[] = [
  {
    name: "backup",
    summary: "copy the gateway's database to a new file",
    arguments: [{ name: "FILE", meaning: "the new file", isRequired: true }],
    options: [],
    examples: ["backup mcp-wrapper-backup.db"],
    load: async () => (await import("./backup_command.ts")).runBackup,
  },
  {
    name: "store",
    summary: "copy what is stored from SQLite to the engine of MCP_STORE, or back",
    arguments: [
      { name: "ACTION", meaning: "copy", isRequired: true },
      { name: "FROM", meaning: "sqlite or redis", isRequired: true },
      { name: "TO", meaning: "the other one", isRequired: true },
    ],
    options: [],
    examples: ["store copy sqlite redis", "store copy redis sqlite"],
    load: async () => (await import("./store_command.ts")).runStore,
  },
  {
    name: "service",
    summary: "run the gateway as a service from log-in on (systemd, launchd)",
    arguments: [
      { name: "ACTION", meaning: "install, uninstall or status", isRequired: true },
    ],
    options: [
      ...listenFlags,
      { flags: "--dry-run", meaning: "print the changes without making them" },
    ],
    examples: ["service install", "service install --dry-run", "service status"],
    load: async () => (await import("./service_command.ts")).runService,
  },
];
