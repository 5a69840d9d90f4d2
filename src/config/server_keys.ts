/**
 * The keys that every server in `mcp.json` has, as rows: the supported keys with their values, the
 * names that other programs use for them, and the keys that this version does not support yet. A
 * server with such a key fails, because the gateway ignores no key silently. The message of each
 * schema is the expectation in error texts. Keys of one kind of server are next to the reader of
 * that kind.
 */
import { isJsonObject } from "../json.ts";
import * as v from "valibot";
import { filledText, flag, mapOf, resultChars, texts, time } from "./key_schemas.ts";
import { typeKeys } from "./mcp_server.ts";
import { pinExpected, pinModes } from "./pin_mode.ts";
import { cardAudiences } from "./surface_words.ts";

const toolName = v.pipe(
  v.string("a string"),
  v.regex(/^[A-Za-z0-9_-]{1,64}$/, "a name of 1 to 64 letters, digits, _ and -"),
);

const toolEntries = {
  allow: v.optional(texts),
  deny: v.optional(texts),
  rename: v.optional(
    v.pipe(
      mapOf(toolName, "an object of names: own name to name to offer"),
      v.check(
        (names) => new Set(names.values()).size === names.size,
        "a different name for each tool",
      ),
    ),
  ),
  describe: v.optional(
    mapOf(filledText, "an object of descriptions: own name to description to offer"),
  ),
};
const toolsExpected = "an object with allow, deny, rename or describe, or a list of names to offer";
// On its own, v.object also accepts lists.
const toolsObject = v.pipe(
  v.custom<Record<string, unknown>>(isJsonObject, toolsExpected),
  v.object(toolEntries, toolsExpected),
);
/** The value of `tools`. Copilot writes a list. A union would report no faults inside its members. */
export const toolsSchema = v.lazy((given) => Array.isArray(given) ? texts : toolsObject);

/** Keys inside `tools`. */
export const toolKeys: readonly string[] = Object.keys(toolEntries);

/** Who may read the card of a surface. */
export const card = v.optional(v.picklist(cardAudiences, '"public"'));

/** The keys of every server; each is optional. */
export const commonEntries = {
  disabled: v.optional(flag),
  start: v.optional(v.picklist(["early", "onDemand"], '"early" or "onDemand"')),
  startTimeoutMs: v.optional(time),
  callTimeoutMs: v.optional(time),
  keepAlive: v.optional(flag),
  tools: v.optional(toolsSchema),
  card,
  pin: v.optional(v.picklist(pinModes, pinExpected)),
  resultCharsMax: v.optional(resultChars),
  // The names of other programs for the same keys: a filter must never be dropped.
  disable: v.optional(flag),
  isDisabled: v.optional(flag),
  enabled: v.optional(flag),
  isEnabled: v.optional(flag),
  active: v.optional(flag),
  isActive: v.optional(flag),
  enabledTools: v.optional(texts),
  enabled_tools: v.optional(texts),
  includeTools: v.optional(texts),
  disabledTools: v.optional(texts),
  disabled_tools: v.optional(texts),
  excludeTools: v.optional(texts),
};

/** The same as a schema. */
export const commonSchema = v.object(commonEntries);

/** The checked values of these keys. */
export type CommonEntry = v.InferOutput<typeof commonSchema>;

/** Lists of tools to offer, and of tools not to offer, by the names that programs use. */
export const allowKeys = [
  "tools",
  "enabledTools",
  "enabled_tools",
  "includeTools",
] as const satisfies (keyof CommonEntry)[];
export const denyKeys = [
  "disabledTools",
  "disabled_tools",
  "excludeTools",
] as const satisfies (keyof CommonEntry)[];

/** Keys whose wrong value may be shown: a word out of a short list. */
export const wordKeys: ReadonlySet<string> = new Set(
  [
    "isolation",
    "era",
    "roots",
    "start",
    "card",
    "pin",
    "names",
    "type",
    "transport",
    "transportType",
  ],
);

/** Keys that are not supported yet -> why. */
export const unservedKeys: ReadonlyMap<string, string> = new Map([
  [
    "headersHelper",
    "programs that print headers are not supported yet; use headers or credentials",
  ],
  ["restart", "choosing how a server is restarted is not supported yet; remove the key"],
  ["envFile", "files of variables are not supported yet; put the variables under env"],
  ["sandbox", "sandboxes are not supported yet; remove the key to run without one"],
  ["sandboxEnabled", "sandboxes are not supported yet; remove the key to run without one"],
]);

const sockets = new Map<unknown, string>([
  ["ws", "not supported yet; use a server that speaks HTTP"],
  ["websocket", "not supported yet; use a server that speaks HTTP"],
]);

/** Values that are not supported yet, by key. */
const unservedValues: ReadonlyMap<string, ReadonlyMap<unknown, string>> = new Map([
  ...typeKeys.map((key) => [key, sockets] as const),
]);

/** Known credential types that this version does not support. */
const unservedCredentials = new Map<unknown, string>([
  ["oauth", 'log-ins of persons are no credentials; use the key "oauth" of the server'],
  ["passthrough", 'the gateway never passes on a client\'s own token; use the key "oauth"'],
]);

/** Why this key with this value cannot be served by this version; undefined when it can. */
export function unservedReason(key: string, value: unknown): string | undefined {
  if (key === "credentials" && isJsonObject(value)) {
    const reason = unservedCredentials.get(value["type"]);
    if (reason !== undefined) return reason;
  }
  const reason = unservedValues.get(key)?.get(value);
  return reason === undefined ? unservedKeys.get(key) : `${JSON.stringify(value)}: ${reason}`;
}
