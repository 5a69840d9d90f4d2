/**
 * The few path functions that the configuration needs, without the platform: POSIX paths only, by
 * text alone (links are not followed). `~` alone or before a slash is the home folder, as in a
 * shell; `~name` is not.
 */

/** The folder of a file. */
export function folderOf(path: string): string {
  const cut = path.lastIndexOf("/");
  return cut <= 0 ? "/" : path.slice(0, cut);
}

/** The absolute path of `path` relative to `folder` (absolute), without `.` and `..`. */
export function resolvePath(folder: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${folder}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
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
  return `file://${path.split("/").map(encodeURIComponent).join("/")}`;
}
