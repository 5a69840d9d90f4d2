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
    name: "drain",
    summary: "hand the sessions of an instance over to the others, and stop it",
    arguments: [{
      name: "INSTANCE",
      meaning: "the name of an instance, as status shows it; without it the one that runs here",
      isRequired: false,
    }],
    options: [],
    examples: ["drain", "drain 0d0f2b3c-7a51-4f7e-9c43-3c2a4b1f9e11"],
    load: async () => (await import("./drain_command.ts")).runDrain,
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
