/** The names of people whom an issuer vouches for, which never are those of the gateway's own users. */
import type { Limits } from "../limits.ts";

/** What makes a name unsafe: it becomes the id of a principal. */
const unsafe = /[\s\p{C}]/u;

/**
 * The name `ISSUER#ID`; undefined if the id is no safe text. `#` is in no name of the gateway's own
 * users, so an issuer cannot vouch for one of them, nor for a person of another issuer.
 */
export function toVouchedName(
  issuer: string,
  given: unknown,
  { userNameCharsMax }: Pick<Limits, "userNameCharsMax">,
): string | undefined {
  const id = typeof given === "number" ? String(given) : given;
  if (typeof id !== "string" || id === "" || id.length > userNameCharsMax || unsafe.test(id)) {
    return undefined;
  }
  return `${issuer.replace(/^https?:\/\//, "")}#${id}`;
}
