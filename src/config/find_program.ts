/** Which file a command starts, and which folders of PATH are the system's own. Pure functions. */
import { isAbsolutePath } from "./path.ts";

/** The file of a command; undefined if there is none. `isProgram` looks at the file system. */
export function findProgram(
  command: string,
  path: string,
  isProgram: (path: string) => boolean,
): string | undefined {
  const found = command.includes("/")
    ? [command]
    : splitPath(path).map((folder) => `${folder}/${command}`);
  return found.find(isProgram);
}

/** The absolute folders of a PATH, each once. */
export function splitPath(path: string): readonly string[] {
  return [
    ...new Set(
      path.split(":").filter(isAbsolutePath).map((folder) =>
        folder.length > 1 ? folder.replace(/\/+$/, "") : folder
      ),
    ),
  ];
}

const systemFolders: ReadonlySet<string> = new Set([
  ...["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"],
  ...["/usr/games", "/usr/local/games", "/snap/bin", "/var/lib/snapd/snap/bin"],
]);

/** Whether a PATH has nothing of an account: services and graphical programs start with such a one. */
export function isSystemPath(path: string): boolean {
  return splitPath(path).every((folder) =>
    systemFolders.has(folder) || folder.startsWith("/System/") ||
    folder.startsWith("/var/run/com.apple.")
  );
}
