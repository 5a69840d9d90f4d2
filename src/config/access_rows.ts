/**
 * `access` of `mcp.json`: rows that say who may use what. They are checked here and applied by the
 * gateway (gateway/access_policy.ts). A wrong row could open what it was meant to close, so any
 * fault in `access` makes the whole file unusable.
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import { appendKey, ConfigError, describeKind, describeWord } from "./config_error.ts";
import { nearestName } from "./nearest.ts";

/** What a tool says about itself: `readOnlyHint` and `destructiveHint` of its annotations. */
export type ToolHintName = "readOnly" | "destructive";

/**
 * One row. In a list one item suffices, and `*` stands for any characters. All members that a row
 * has must match; an absent one matches everything.
 */
export interface AccessRow {
  readonly principal?: readonly string[] | undefined;
  readonly role?: readonly string[] | undefined;
  readonly group?: readonly string[] | undefined;
  readonly client?: readonly string[] | undefined;
  /** Names of API keys. */
  readonly key?: readonly string[] | undefined;
  readonly servers?: readonly string[] | undefined;
  /** The servers' own names. A row that names any of these four covers nothing else of a server. */
  readonly tools?: readonly string[] | undefined;
  readonly prompts?: readonly string[] | undefined;
  /** URIs, and URI templates by their text. */
  readonly resources?: readonly string[] | undefined;
  readonly hints?: readonly ToolHintName[] | undefined;
  /** Absent: the row has rates only, and decides nothing. */
  readonly what?: "allow" | "deny" | "ask" | undefined;
  readonly callsPerMinute?: number | undefined;
  readonly callsAtOnce?: number | undefined;
}

/** Where the rows stand. */
export interface AccessRowsOptions {
  /** The file, for messages. */
  readonly file: string;
  /** The keys of the file that appear twice. */
  readonly repeated: readonly string[];
}

const reference = /\$\{/;

const isName = (value: unknown): value is string =>
  typeof value === "string" && value.trim() !== "" && !reference.test(value);

const names = v.pipe(
  v.custom<string | readonly string[]>(
    (value) => Array.isArray(value) ? value.length > 0 && value.every(isName) : isName(value),
    "a text or a list of texts, none of which is empty or has a ${reference}",
  ),
  v.transform(toList),
);

const hintNames: readonly ToolHintName[] = ["readOnly", "destructive"];

const hints = v.pipe(
  v.custom<ToolHintName | readonly ToolHintName[]>(
    (value) => {
      const given: readonly unknown[] = Array.isArray(value) ? value : [value];
      return given.length > 0 && given.every((one) => hintNames.some((name) => name === one));
    },
    '"readOnly", "destructive", or a list of them',
  ),
  v.transform(toList),
);

const count = v.custom<number>(
  (value) => Number.isSafeInteger(value) && Number(value) >= 1,
  "a whole number of at least 1",
);

const rowSchema = v.object({
  principal: v.optional(names),
  role: v.optional(names),
  group: v.optional(names),
  client: v.optional(names),
  key: v.optional(names),
  servers: v.optional(names),
  tools: v.optional(names),
  prompts: v.optional(names),
  resources: v.optional(names),
  hints: v.optional(hints),
  what: v.optional(v.picklist(["allow", "deny", "ask"], '"allow", "deny" or "ask"')),
  callsPerMinute: v.optional(count),
  callsAtOnce: v.optional(count),
});

const rowKeys = Object.keys(rowSchema.entries);
const places = ["servers", "tools", "prompts", "resources", "hints"] as const;

function toList<Item>(value: Item | readonly Item[]): readonly Item[] {
  return Array.isArray(value) ? value : [value as Item];
}

/**
 * Reads the value of `access`; undefined if the file has none. Throws a ConfigError with a sentence
 * for each fault.
 */
export function readAccessRows(
  value: unknown,
  { file, repeated }: AccessRowsOptions,
): readonly AccessRow[] | undefined {
  if (value === undefined) return undefined;
  const problems: string[] = [];
  const refuse = (where: string, problem: string) =>
    void problems.push(`Cannot use ${where} in ${file}: ${problem}`);
  for (const key of repeated) {
    if (/^access(?![\w$-])/.test(key)) refuse(key, "the key appears twice; keep one of them");
  }
  if (!Array.isArray(value)) {
    refuse("access", `expected a list of rows, got ${describeKind(value)}`);
  } else if (value.length === 0) {
    refuse("access", "expected at least one row; remove the key to allow everything");
  }
  const given: readonly unknown[] = Array.isArray(value) ? value : [];
  const rows = given.map((row, index) => readRow(row, appendKey("access", index), refuse));
  if (problems.length > 0) throw new ConfigError(problems);
  return rows.filter((row) => row !== undefined);
}

type Refuse = (where: string, problem: string) => void;

function readRow(row: unknown, path: string, refuse: Refuse): AccessRow | undefined {
  if (!isJsonObject(row)) {
    refuse(path, `expected an object, got ${describeKind(row)}`);
    return undefined;
  }
  for (const key of Object.keys(row)) {
    if (rowKeys.includes(key)) continue;
    const near = nearestName(key, rowKeys);
    const advice = near === undefined
      ? `expected one of ${rowKeys.join(", ")}`
      : `did you mean ${JSON.stringify(near)}?`;
    refuse(appendKey(path, key), `unknown key; ${advice}`);
  }
  const outcome = v.safeParse(rowSchema, row);
  if (outcome.success) return checkRow(outcome.output, path, refuse);
  for (const { path: at = [], message, input } of outcome.issues) {
    const where = at.reduce((place, { key }) => appendKey(place, String(key)), path);
    refuse(where, `expected ${message}, got ${describeWord(input)}`);
  }
  return undefined;
}

/** Refuses a row that decides nothing, and rates that would be ignored. */
function checkRow(row: AccessRow, path: string, refuse: Refuse): AccessRow {
  const hasRates = row.callsPerMinute !== undefined || row.callsAtOnce !== undefined;
  if (row.what === undefined && !hasRates) {
    refuse(path, 'expected "what": "allow", "deny" or "ask"');
  }
  if (!hasRates) return row;
  const place = places.find((key) => row[key] !== undefined);
  if (place !== undefined) {
    refuse(
      appendKey(path, place),
      "rates count all calls of a principal; put callsPerMinute and callsAtOnce into a row that " +
        `has no ${places.join(", ")}`,
    );
  }
  if (row.what === "deny") {
    refuse(appendKey(path, "what"), "a row that denies needs no rates; remove one of them");
  }
  return row;
}
