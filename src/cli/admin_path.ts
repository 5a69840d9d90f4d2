/** The paths of the admin API in which commands put a name that a person typed. */
import { CommandError } from "./command_error.ts";

/** URLs resolve these segments, however they are encoded, so that the path would be another one. */
const unnameable: ReadonlySet<string> = new Set(["", ".", ".."]);

/**
 * The path of what has this name below a list. Throws `notFound` for a name that no URL can hold:
 * nothing has such a name.
 */
export function namedPath(list: string, name: string): string {
  if (unnameable.has(name)) {
    throw new CommandError("notFound", `Cannot find ${JSON.stringify(name)}`);
  }
  return `${list}/${encodeURIComponent(name)}`;
}
