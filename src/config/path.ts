/**
 * The few path functions that the configuration needs, by text alone (links are not followed). A
 * path is a POSIX path unless the folder that it starts from has a drive or a share of Windows,
 * which accepts a slash in place of a backslash. `~` alone or before a slash is the home folder, as
 * in a shell; `~name` is not.
 */

/** A drive or a network share, with which an absolute path of Windows begins. */
const windowsRoot = /^(?:[A-Za-z]:(?=[\\/]|$)|\\\\[^\\/]+[\\/]+[^\\/]+)/;

/** Whether a path is an absolute one of Windows. */
export function isWindowsPath(path: string): boolean {
  return windowsRoot.test(path);
}

/** Whether a path does not depend on the current folder. */
export function isAbsolutePath(path: string): boolean {
  return path.startsWith("/") || isWindowsPath(path);
}

/** The folder of a file. */
export function folderOf(path: string): string {
  const cut = isWindowsPath(path)
    ? Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"))
    : path.lastIndexOf("/");
  return cut <= 0 ? "/" : path.slice(0, cut);
}

/** The absolute path of `path` relative to `folder` (absolute), without `.` and `..`. */
export function resolvePath(folder: string, path: string): string {
  const drive = windowsRoot.exec(folder)?.[0];
  if (drive === undefined) {
    return `/${join(path.startsWith("/") ? path : `${folder}/${path}`, /\//)}`;
  }
  const own = windowsRoot.exec(path)?.[0];
  if (own !== undefined) return `${own}/${join(path.slice(own.length), /[\\/]/)}`;
  const rest = /^[\\/]/.test(path) ? path : `${folder.slice(drive.length)}/${path}`;
  return `${drive}/${join(rest, /[\\/]/)}`;
}

function join(path: string, separator: RegExp): string {
  const parts: string[] = [];
  for (const part of path.split(separator)) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Whether a path begins with a home folder. */
export function startsAtHome(path: string): boolean {
  return path === "~" || path.startsWith("~/");
}

/** The path with a leading `~` replaced by the home folder. */
export function expandHome(path: string, home: string): string {
  return startsAtHome(path) ? `${home}${path.slice(1)}` : path;
}

/** The `file:` URI of an absolute path. */
export function toFileUri(path: string): string {
  const plain = isWindowsPath(path) ? `/${path.replaceAll("\\", "/")}` : path;
  return `file://${
    plain.split("/").map(encodeURIComponent).join("/").replace(/^\/(\w)%3A\//, "/$1:/")
  }`;
}
