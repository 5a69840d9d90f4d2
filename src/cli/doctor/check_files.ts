/** The files of the gateway: where they are, whether they can be written, and who can read them. */
import { folderOf } from "../../config/path.ts";
import { noDirectory } from "../../config/places.ts";
import { bytesPerMegabyte, defaultLimits } from "../../limits.ts";
import type { FileFacts, System } from "../../runtime/system.ts";
import { type Examination, type Finding, fine, problem, reasonOf, warning } from "./finding.ts";

const folderMode = 0o700;
const fileMode = 0o600;
/** Read, write or search by other accounts. */
const othersMask = 0o077;
const ownWrite = 0o200;

/** The gateway's own files in its data folder; those that are not there yet are no fault. */
const privateFiles: readonly string[] = [
  ...["mcp-wrapper.db", "mcp-wrapper.db-wal", "mcp-wrapper.db-shm", "secret.key"],
  ...[
    "owner.token",
    "operator.token",
    "gateway.json",
    "gateway.lock",
    "term.json",
    "start.log",
    "logs/server.log",
  ],
];

/** Looks at the places, the data folder and the private files. */
export function checkFiles(
  { context: { places, platform: { system } } }: Examination,
): Promise<Finding[]> {
  const { configPath, configWhy, dataDirectory, dataWhy } = places;
  const isThere = see(system, configPath) !== undefined;
  const found = [
    fine(
      `Configuration: ${configPath}${isThere ? "" : ", which does not exist yet"} (${configWhy})`,
    ),
    fine(
      dataDirectory === noDirectory
        ? `Data: kept in memory (${dataWhy})`
        : `Data: ${dataDirectory} (${dataWhy})`,
    ),
    ...checkMode(system, `${folderOf(configPath)}/.env`, fileMode, warning),
  ];
  if (dataDirectory !== noDirectory) found.push(...checkData(system, dataDirectory));
  return Promise.resolve(found);
}

function checkData(system: System, folder: string): Finding[] {
  const facts = see(system, folder);
  if (facts === undefined) {
    return [{
      ...warning("The data folder does not exist yet", "mcp-wrapper start makes it"),
      repair: {
        text: `Make the folder ${folder}`,
        apply: () => system.makeFolder(folder, folderMode),
      },
    }];
  }
  if (facts.kind !== "folder") {
    return [problem(`${folder} is no folder`, "name another place by MCP_DATA_DIR or --data")];
  }
  return [
    ...checkOwner(folder, facts),
    // Its files have modes of their own.
    ...checkMode(system, folder, folderMode, warning),
    ...checkWriting(system, folder, facts),
    ...privateFiles.flatMap((name) => checkMode(system, `${folder}/${name}`, fileMode)),
    ...checkSpace(system, folder),
  ];
}

function checkOwner(path: string, { isOwn }: FileFacts): Finding[] {
  return isOwn ? [] : [problem(
    `${path} belongs to another account`,
    "run the gateway as that account, or name another folder by MCP_DATA_DIR",
  )];
}

/** Whether other accounts can use a file or folder; `tell` says how bad that is. */
function checkMode(
  system: System,
  path: string,
  mode: number,
  tell: typeof problem = problem,
): Finding[] {
  const facts = see(system, path);
  if (facts === undefined || system.platform === "win32") return [];
  if ((facts.mode & othersMask) === 0) return [];
  const repair = {
    text: `Set the mode of ${path} to ${mode.toString(8)}`,
    apply: () => system.setMode(path, mode),
  };
  const finding = tell(
    `Other accounts can use ${path} (mode ${facts.mode.toString(8)})`,
    `chmod ${mode.toString(8)} ${path}`,
  );
  return [facts.isOwn ? { ...finding, repair } : finding];
}

function checkWriting(system: System, folder: string, { mode, isOwn }: FileFacts): Finding[] {
  if (system.canWrite(folder)) return [fine("The data folder can be written")];
  const finding = problem(
    `${folder} cannot be written`,
    `chmod u+rwx ${folder}, or name another folder by MCP_DATA_DIR`,
  );
  if (!isOwn || (mode & ownWrite) !== 0) return [finding];
  const text = `Set the mode of ${folder} to ${folderMode.toString(8)}`;
  return [{ ...finding, repair: { text, apply: () => system.setMode(folder, folderMode) } }];
}

function checkSpace(system: System, folder: string): Finding[] {
  const free = system.freeBytes(folder);
  if (free === undefined) return [];
  const text = `${Math.floor(free / bytesPerMegabyte)} MiB are free on the disk of the data folder`;
  if (free >= defaultLimits.diskFreeBytesMin) return [fine(text)];
  return [problem(text, "make room: a full disk stops new sessions and the log")];
}

function see(system: System, path: string): FileFacts | undefined {
  try {
    return system.describe(path);
  } catch (fault) {
    throw new Error(`Cannot look at ${path}: ${reasonOf(fault)}`, { cause: fault });
  }
}
