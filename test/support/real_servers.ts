/**
 * Real servers as a configuration has them: three from npm, out of node_modules, and one or two from
 * PyPI where a Python has them.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPython } from "./python.ts";
import { projectDirectory } from "./spawn_gateway.ts";

/** One entry of `mcpServers`. */
export interface ServerEntry {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const bin = (name: string) => join(projectDirectory, "node_modules", ".bin", name);

/** The Python that has the servers of PyPI; tests that need it skip where there is none. */
export const python: string | undefined = findPython("mcp_server_time");

/** Everything, filesystem and memory; and time where there is a Python for it. */
export function realServers(directory: string): Record<string, ServerEntry> {
  writeFileSync(join(directory, "note.txt"), "a note on the disk");
  const servers: Record<string, ServerEntry> = {
    everything: { command: bin("mcp-server-everything"), args: ["stdio"] },
    files: { command: bin("mcp-server-filesystem"), args: [directory] },
    memory: {
      command: bin("mcp-server-memory"),
      args: [],
      env: { MEMORY_FILE_PATH: join(directory, "memory.jsonl") },
    },
  };
  if (python !== undefined) {
    servers["time"] = { command: python, args: ["-m", "mcp_server_time"] };
  }
  return servers;
}
