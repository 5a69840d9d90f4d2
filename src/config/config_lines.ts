/** What the log says of a configuration: notes, warnings, and servers that cannot be used. */
import type { Log } from "../log.ts";
import type { FailedServerConfig, ServersConfig } from "./config.ts";
import { isOfKind } from "./server_kind.ts";

/** Logs what readers say of the servers, except what they said of those before. */
export function logServers(log: Log, servers: ServersConfig, before?: ServersConfig): void {
  const said = new Set(before === undefined ? [] : linesOf(before));
  const isNew = (line: string): boolean => !said.has(line);
  for (const note of servers.notes ?? []) if (isNew(note)) log.info(note);
  for (const warning of servers.warnings) if (isNew(warning)) log.warn(warning);
  for (const { name, problem } of failedServers(servers)) {
    if (isNew(problem)) log.error(problem, { server: name });
  }
}

function linesOf(servers: ServersConfig): string[] {
  const problems = failedServers(servers).map(({ problem }) => problem);
  return [...servers.notes ?? [], ...servers.warnings, ...problems];
}

function failedServers({ servers }: ServersConfig): FailedServerConfig[] {
  return servers.filter((server) => isOfKind<FailedServerConfig>(server, "failed"));
}
