/** The database, and processes of servers that an earlier gateway left. */
import { inspectData } from "../../app.ts";
import { noDirectory } from "../../config/places.ts";
import { type Examination, type Finding, fine, problem, warning } from "./finding.ts";

const fileMode = 0o600;

/** Looks at the database while no gateway uses it. */
export async function checkDatabase(examination: Examination): Promise<Finding[]> {
  const { context: { places, platform: { runtime, system } }, running } = examination;
  const { dataDirectory } = places;
  if (dataDirectory === noDirectory) return [fine("No database: data is kept in memory only")];
  if (running !== undefined) return [fine("The running gateway uses the database")];
  const path = `${dataDirectory}/mcp-wrapper.db`;
  const facts = system.describe(path);
  if (facts === undefined) return [fine("There is no database yet; the first start makes it")];
  // Opening it would change its mode.
  if (facts.mode !== fileMode && system.platform !== "win32") {
    return [warning(`${path} was not opened`, "correct its mode first, and run doctor again")];
  }
  const { database, leftovers } = await inspectData(runtime, path);
  return [
    ...leftovers.map(({ server, groupId }) =>
      warning(
        `Server "${server}" of an earlier gateway still runs (process group ${groupId})`,
        "the next start of the gateway ends it",
      )
    ),
    toFinding(database, path),
  ];
}

function toFinding(
  database: Awaited<ReturnType<typeof inspectData>>["database"],
  path: string,
): Finding {
  switch (database.state) {
    case "in-use":
      return warning(`${path} is in use by another program`, "stop it, or wait until it has ended");
    case "corrupt":
      return problem(
        `${path} is corrupt: ${database.reason}`,
        "restore it from a backup; otherwise the next start sets it aside and uses a new one",
      );
    case "unreadable":
      return problem(`${path} cannot be read: ${database.reason}`, "check its mode and its owner");
    case "sound": {
      const { version, ownVersion } = database;
      if (version <= ownVersion) return fine(`The database is sound (version ${version})`);
      return problem(
        `${path} has version ${version}, and this program knows ${ownVersion}`,
        "update the gateway, or name another folder by MCP_DATA_DIR",
      );
    }
  }
}
