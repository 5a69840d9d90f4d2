/** The names of servers and profiles, which are part of URLs. */
import { defaultLimits } from "../limits.ts";

/** Why a surface cannot have this name in its URL; undefined: it can. */
export function urlNameProblem(name: string): string | undefined {
  if (name === "" || name === "." || name === ".." || /\p{Cc}|\p{Cs}/u.test(name)) {
    return "expected a name that can be part of a URL";
  }
  if (name.length <= defaultLimits.serverNameCharsMax) return undefined;
  return `expected a name of at most ${defaultLimits.serverNameCharsMax} characters`;
}
