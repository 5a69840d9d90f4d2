/**
 * Checks what stands under the name of an authenticator kind in `auth` of `mcp.json`: one sentence
 * for each fault, with the path as a user would write it. Not here: the schema of each kind.
 */
import * as v from "valibot";
import { appendKey, ConfigError, describeKind, toldMax } from "./config_error.ts";
import type { JsonObject } from "../model.ts";

/** The checked settings of a kind. Throws a ConfigError if they do not fit the schema. */
export function readKindSettings<Schema extends v.GenericSchema>(
  kind: string,
  schema: Schema,
  settings: JsonObject,
): v.InferOutput<Schema> {
  const checked = v.safeParse(schema, settings);
  if (checked.success) return checked.output;
  throw new ConfigError(checked.issues.slice(0, toldMax).map((issue) => explain(kind, issue)));
}

function explain(kind: string, issue: v.BaseIssue<unknown>): string {
  const where = (issue.path ?? []).reduce(
    (path, { key }) => appendKey(path, typeof key === "number" ? key : String(key)),
    appendKey("auth", kind),
  );
  const expected = `Cannot use ${where} in mcp.json: expected ${issue.message}`;
  // For an unknown key, and for a value of the right type, the expectation says enough.
  return issue.kind === "schema" && issue.expected !== "never"
    ? `${expected}, got ${describeKind(issue.input)}`
    : expected;
}
