/**
 * The credentials of a program: which of them it gets in which environment variables. The gateway
 * sets the variables at each start (credentials/program_variables.ts); here only the configuration
 * is checked.
 */
import type { ChildCredentials } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { readCredentials } from "./credentials_entry.ts";
import type { ServerCredentialsKey } from "./key_schemas.ts";
import type { EnvEntry } from "./local_keys.ts";
import type { Texts } from "./texts.ts";

/** The variables of a program; problems are left in `texts`. */
export function readChildCredentials(
  entry: ServerCredentialsKey,
  own: EnvEntry,
  texts: Texts,
): ChildCredentials | undefined {
  if (entry === undefined || entry.type === "none") return undefined;
  const key = "credentials";
  const credentials = readCredentials(entry, key, texts);
  const { env } = entry;
  const at = appendKey(key, "env");
  if (entry.type === "headers") {
    texts.refuse(appendKey(key, "type"), '"headers" has no meaning for a program; use env');
  } else if ("dpop" in entry && entry.dpop) {
    texts.refuse(appendKey(key, "dpop"), "has no meaning for a program; remove it");
  } else if (env === undefined) {
    texts.refuse(at, "expected the name of the variable for the program");
  } else if ((typeof env === "string") === (entry.type === "basic")) {
    texts.refuse(
      at,
      entry.type === "basic"
        ? "expected an object with the variables of username and password"
        : "expected the name of one variable",
    );
  }
  const names = typeof env === "string" ? { value: env } : env ?? {};
  const values = Object.values(names).filter((name) => name !== undefined);
  if (values.length === 0 && env !== undefined) {
    texts.refuse(at, "expected at least one variable");
  }
  if (new Set(values).size < values.length) texts.refuse(at, "expected different variables");
  for (const name of values) {
    if (own?.has(name)) {
      texts.refuse(appendKey("env", name), "is set by credentials too; remove it");
    }
  }
  return { credentials, variables: names };
}
