/**
 * The keys of `mcp.json` next to the servers that bound what clients get: `resultCharsMax` for all of
 * them, and `clientLimits` by kind of client. Not here: the limits that are known without them
 * (limits/known_clients.ts).
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import { defaultLimits } from "../limits.ts";
import { appendKey, ConfigError, describeKind } from "./config_error.ts";
import { resultChars } from "./key_schemas.ts";

/** How much a kind of client takes; `false`: there is no limit. */
export interface ClientLimits {
  /** Tools in its list. */
  readonly toolsMax?: number | false | undefined;
  /** Characters of a tool's name. */
  readonly nameCharsMax?: number | false | undefined;
  /** Characters of a tool's result. */
  readonly resultCharsMax?: number | false | undefined;
}

/** What the configuration says about what clients get. */
export interface ClientBoundKeys {
  /** The most characters of a tool's result, for servers that set none. Absent: any number. */
  readonly resultCharsMax?: number | undefined;
  /**
   * Limits of clients by the name of a known kind, or by a pattern of the names that clients give
   * themselves; the first that matches counts, and `false` lifts all. Absent: as they are known.
   */
  readonly clientLimits?: Readonly<Record<string, ClientLimits | false>> | undefined;
}

const { clientNameCharsMin, clientToolsMax, nameCharsMax } = defaultLimits;

const lifted = v.literal(false);

function numberOrFalse(least: number, most: number) {
  const expected = `a whole number from ${least} to ${most}, or false`;
  const whole = v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(least, expected),
    v.maxValue(most, expected),
  );
  return v.optional(v.union([lifted, whole], expected));
}

const limitsExpected = "false, or an object with toolsMax, nameCharsMax or resultCharsMax";

// On its own, v.strictObject also accepts lists.
const entrySchema = v.pipe(
  v.custom<Record<string, unknown>>(isJsonObject, limitsExpected),
  v.strictObject({
    toolsMax: numberOrFalse(1, clientToolsMax),
    nameCharsMax: numberOrFalse(clientNameCharsMin, nameCharsMax),
    resultCharsMax: v.optional(v.union([lifted, resultChars], "a number of characters, or false")),
  }, limitsExpected),
);

/** `resultCharsMax` of the file. Throws a ConfigError with a sentence for a value that is wrong. */
export function readResultChars(value: unknown, file: string): number | undefined {
  if (value === undefined) return undefined;
  const checked = v.safeParse(resultChars, value);
  if (checked.success) return checked.output;
  throw refuse("resultCharsMax", file, checked.issues[0], value);
}

/** `clientLimits` of the file, in its order. Throws a ConfigError as above. */
export function readClientLimits(
  value: unknown,
  file: string,
): Readonly<Record<string, ClientLimits | false>> | undefined {
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) {
    const expected = 'an object such as { "cursor": { "toolsMax": 80 } }';
    throw new ConfigError([
      `Cannot use clientLimits in ${file}: expected ${expected}, got ${describeKind(value)}`,
    ]);
  }
  const entries = Object.entries(value).map(([client, entry]) => {
    if (entry === false) return [client, false] as const;
    const checked = v.safeParse(entrySchema, entry);
    if (checked.success) return [client, checked.output] as const;
    throw refuse(appendKey("clientLimits", client), file, checked.issues[0], entry);
  });
  return Object.fromEntries(entries);
}

function refuse(
  path: string,
  file: string,
  issue: v.BaseIssue<unknown>,
  given: unknown,
): ConfigError {
  const keys = (issue.path ?? []).map(({ key }) => String(key));
  const where = keys.reduce(appendKey, path);
  const isUnknown = issue.type === "strict_object" && issue.expected === "never";
  const expected = isUnknown ? "only toolsMax, nameCharsMax and resultCharsMax" : issue.message;
  const input = keys.length === 0 ? given : issue.input;
  const got = typeof input === "number" ? String(input) : describeKind(input);
  return new ConfigError([`Cannot use ${where} in ${file}: expected ${expected}, got ${got}`]);
}
