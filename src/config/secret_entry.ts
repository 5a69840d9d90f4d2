/** Reads one secret of the configuration: a text, or the file that contains it. */
import type { Secret } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { isIdentifier, type ValuePlace, valueProblem } from "./credential_values.ts";
import type { Texts } from "./texts.ts";

/** A text, checked for its place, or the absolute path of a file. */
export function readSecret(secret: Secret, key: string, place: ValuePlace, texts: Texts): Secret {
  if (typeof secret !== "string") return { file: texts.place(appendKey(key, "file"), secret.file) };
  const before = texts.problems.length;
  const value = isIdentifier(key) ? texts.shown(key, secret) : texts.secret(key, secret);
  // A reference that cannot be resolved was already reported.
  const problem = texts.problems.length === before ? valueProblem(place, value) : undefined;
  if (problem !== undefined) texts.refuse(key, problem);
  return value;
}
