/**
 * What the log says of a configuration: notes, warnings, and the servers and profiles that cannot be
 * used.
 */
import type { Log } from "../log.ts";
import type { FailedServerConfig, ServersConfig } from "./config.ts";
import { nearestName } from "./nearest.ts";
import type { ProfileConfig } from "./profile.ts";
import { unknownProfileServers } from "./profiles.ts";
import { isOfKind } from "./server_kind.ts";
import { matchesPattern } from "./tool_filter.ts";

/** Logs what readers say of the servers, except what they said of those before. */
export function logServers(log: Log, servers: ServersConfig, before?: ServersConfig): void {
  const said = new Set(before === undefined ? [] : linesOf(before));
  const isNew = (line: string): boolean => !said.has(line);
  for (const note of servers.notes ?? []) if (isNew(note)) log.info(note);
  for (const warning of warningsOf(servers)) if (isNew(warning)) log.warn(warning);
  for (const { name, problem } of failedServers(servers)) {
    if (isNew(problem)) log.error(problem, { server: name });
  }
  for (const { name, problem = "" } of failedProfiles(servers)) {
    if (isNew(problem)) log.error(problem, { profile: name });
  }
}

function linesOf(servers: ServersConfig): string[] {
  const problems = [...failedServers(servers), ...failedProfiles(servers)];
  return [
    ...servers.notes ?? [],
    ...warningsOf(servers),
    ...problems.map(({ problem = "" }) => problem),
  ];
}

function warningsOf(servers: ServersConfig): string[] {
  return [...servers.warnings, ...unknownServers(servers), ...unknownProfileServers(servers)];
}

/** A mistyped name in a row that denies would let in what the row was meant to keep out. */
function unknownServers({ access = [], servers, disabled = [] }: ServersConfig): string[] {
  const names = [...servers, ...disabled].map(({ name }) => name);
  return access.flatMap((row, index) =>
    (row.servers ?? []).filter((pattern) => !names.some((name) => matchesPattern(pattern, name)))
      .map((pattern) => {
        const near = nearestName(pattern, names);
        const advice = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
        return `access[${index}] in mcp.json names server ${JSON.stringify(pattern)}, ` +
          `which is not configured${advice}`;
      })
  );
}

function failedServers({ servers }: ServersConfig): FailedServerConfig[] {
  return servers.filter((server) => isOfKind<FailedServerConfig>(server, "failed"));
}

function failedProfiles({ profiles = [] }: ServersConfig): readonly ProfileConfig[] {
  return profiles.filter(({ problem }) => problem !== undefined);
}
