/** The configuration: whether it can be read, and what it says that a server cannot use. */
import type { FailedServerConfig } from "../../config/config.ts";
import { isOfKind } from "../../config/server_kind.ts";
import { type Examination, type Finding, fine, problem, warning } from "./finding.ts";

/** Reports every warning and every entry that cannot be used. */
export function checkConfiguration(
  { start, startProblem, servers }: Examination,
): Promise<Finding[]> {
  if (startProblem !== undefined) return Promise.resolve([problem(startProblem)]);
  const warnings = [...start?.warnings ?? [], ...start?.config.warnings ?? []];
  const failed = servers.filter((server) => isOfKind<FailedServerConfig>(server, "failed"));
  const profiles = (start?.config.profiles ?? []).filter(({ problem }) => problem !== undefined);
  return Promise.resolve([
    ...failed.map((server) =>
      problem(
        `Server "${server.name}" cannot be used: ${(server as FailedServerConfig).problem}`,
        "correct its entry; a running gateway reads mcp.json again",
      )
    ),
    ...profiles.map(({ name, problem: said }) =>
      problem(
        `Profile "${name}" cannot be used: ${said}`,
        "correct its entry; a running gateway reads mcp.json again",
      )
    ),
    ...warnings.map((text) => warning(text)),
    ...(servers.length === 0
      ? [
        warning(
          "No server is configured",
          "mcp-wrapper add NAME -- COMMAND …, or mcp-wrapper import",
        ),
      ]
      : failed.length + profiles.length + warnings.length === 0
      ? [fine(`${servers.length} ${servers.length === 1 ? "server is" : "servers are"} configured`)]
      : []),
  ]);
}
