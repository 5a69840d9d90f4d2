/** What users, roles and groups may be called, and which passwords are accepted. */
import { AccessError } from "../access_error.ts";
import type { Limits } from "../limits.ts";

/**
 * Letters and digits of any script, and the marks of names and addresses. Without `#`, which is in
 * the names of people whom an OpenID provider vouches for: the two never meet.
 */
const nameForm = /^[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}._@+-]*[\p{L}\p{M}\p{N}_])?$/u;
const memberNameForm = /^[^\s\p{C}](?:[^\p{C}]*[^\s\p{C}])?$/u;

/** The name of a user in its normal form. Throws an AccessError. */
export function readUserName(
  given: string,
  { userNameCharsMax }: Pick<Limits, "userNameCharsMax">,
): string {
  const name = given.normalize("NFC");
  if (name.length <= userNameCharsMax && nameForm.test(name)) return name;
  throw new AccessError(
    "access_invalid",
    `Cannot use user name ${JSON.stringify(name)}: expected 1 to ${userNameCharsMax} letters, ` +
      "digits, and . _ @ + - between them",
  );
}

/** Roles or groups without repetitions. Throws an AccessError. */
export function readMemberNames(
  what: "roles" | "groups",
  names: readonly string[],
  { memberNamesMax, memberNameCharsMax }: Pick<Limits, "memberNamesMax" | "memberNameCharsMax">,
): readonly string[] {
  const all = [...new Set(names)];
  const wrong = all.find((name) => name.length > memberNameCharsMax || !memberNameForm.test(name));
  if (wrong !== undefined) {
    throw new AccessError(
      "access_invalid",
      `Cannot use ${JSON.stringify(wrong)} in ${what}: expected 1 to ${memberNameCharsMax} ` +
        "visible characters",
    );
  }
  if (all.length <= memberNamesMax) return all;
  throw new AccessError(
    "access_invalid",
    `Cannot use ${all.length} ${what}: expected ${memberNamesMax}`,
  );
}

/** Throws an AccessError, which does not quote the password, unless it is acceptable for a user. */
export function readPassword(
  password: string,
  name: string,
  { passwordCharsMin, passwordCharsMax }: Pick<Limits, "passwordCharsMin" | "passwordCharsMax">,
): void {
  const refuse = (expected: string) =>
    new AccessError("access_invalid", `Cannot use this password: expected ${expected}`);
  const length = [...password].length;
  if (length < passwordCharsMin) throw refuse(`at least ${passwordCharsMin} characters`);
  if (password.length > passwordCharsMax) throw refuse(`at most ${passwordCharsMax} characters`);
  if (new Set(password).size < 5) throw refuse("at least 5 different characters");
  if (password.toLowerCase().includes(name.toLowerCase()) && 2 * name.length >= password.length) {
    throw refuse("one that is not made from the name");
  }
}
