/**
 * The keys of a server in `mcp.json`, as rows: what is served and with which values, what other
 * programs write, and what this version does not serve yet (which fails the server: nothing is read
 * and ignored). The message of each schema is the expectation that a person reads.
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import { defaultLimits } from "../limits.ts";
import { serverCredentialsSchema } from "./credentials_schema.ts";

const text = v.pipe(
  v.string("a string"),
  v.check((value) => !value.includes("\0"), "a string without NUL characters"),
);
const filledText = v.pipe(text, v.nonEmpty("a string that is not empty"));
const texts = v.array(text, "a list of strings");
const flag = v.boolean("true or false");

const timeExpected = `a whole number of milliseconds from 1 to ${defaultLimits.timerMsMax}`;
const time = v.pipe(
  v.number(timeExpected),
  v.integer(timeExpected),
  v.minValue(1, timeExpected),
  v.maxValue(defaultLimits.timerMsMax, timeExpected),
);

const variableName = v.pipe(
  v.string("the name of an environment variable"),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of an environment variable"),
);
const toolName = v.pipe(
  v.string("a string"),
  v.regex(/^[A-Za-z0-9_-]{1,64}$/, "a name of 1 to 64 letters, digits, _ and -"),
);

/** An object as a Map, since a record would drop keys such as `constructor`. */
function mapOf<Value extends v.GenericSchema>(value: Value, expected: string) {
  return v.pipe(
    v.custom<Record<string, unknown>>(isJsonObject, expected),
    v.transform((members) => new Map<unknown, unknown>(Object.entries(members))),
    v.map(v.string(expected), value, expected),
  );
}

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
};
const toolsExpected = "an object with allow, deny or rename, or a list of names to offer";
// By itself v.object takes lists, too.
const toolsObject = v.pipe(
  v.custom<Record<string, unknown>>(isJsonObject, toolsExpected),
  v.object(toolEntries, toolsExpected),
);
// Copilot writes a list. A union would report no faults inside its members.
const toolsSchema = v.lazy((given) => Array.isArray(given) ? texts : toolsObject);

/** Keys inside `tools`. */
export const toolKeys: readonly string[] = Object.keys(toolEntries);

/** The transports, by their names in all programs; `undefined` is a program that is run. */
export const transports = {
  stdio: undefined,
  local: undefined,
  http: "auto",
  remote: "auto",
  "streamable-http": "streamable",
  streamableHttp: "streamable",
  streamable_http: "streamable",
  sse: "sse",
} as const;
type TransportName = keyof typeof transports;
const type = v.picklist(
  Object.keys(transports) as TransportName[],
  '"stdio", "http", "streamable-http" or "sse"',
);

/** What is served. Every key is optional here; that a command is needed is said by its reader. */
export const serverSchema = v.object({
  command: v.optional(filledText),
  args: v.optional(texts),
  env: v.optional(
    mapOf(
      v.union([text, v.number(), v.boolean(), v.null()], "a string"),
      "an object of strings",
    ),
  ),
  cwd: v.optional(filledText),
  disabled: v.optional(flag),
  isolation: v.optional(v.picklist(["session", "shared"], '"session" or "shared"')),
  start: v.optional(v.picklist(["early", "onDemand"], '"early" or "onDemand"')),
  identify: v.optional(flag),
  era: v.optional(
    v.picklist(["auto", "legacy", "modern"], '"auto", "legacy" or "modern"'),
  ),
  startTimeoutMs: v.optional(time),
  callTimeoutMs: v.optional(time),
  keepAlive: v.optional(flag),
  idleTimeoutMs: v.optional(time),
  tools: v.optional(toolsSchema),
  roots: v.optional(
    v.union(
      [v.picklist(["relay", "none"]), v.array(filledText)],
      '"relay", "none" or a list of directories',
    ),
  ),
  inheritEnv: v.optional(v.array(variableName, "a list of names")),
  spare: v.optional(flag),
  url: v.optional(filledText),
  headers: v.optional(
    mapOf(v.union([text, v.number(), v.boolean()], "a string"), "an object of strings"),
  ),
  credentials: v.optional(serverCredentialsSchema),
  type: v.optional(type),
  transport: v.optional(type),
  transportType: v.optional(type),
  // What other programs call the same things: no filter is ever dropped.
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
  serverUrl: v.optional(filledText),
  httpUrl: v.optional(filledText),
  recipe: v.optional(filledText),
  variant: v.optional(filledText),
  openapi: v.optional(filledText),
  baseUrl: v.optional(filledText),
});

/** The served keys with their values. */
export type ServerEntry = v.InferOutput<typeof serverSchema>;

/** Names of the served keys. */
export const servedKeys: readonly string[] = Object.keys(serverSchema.entries);

/** Keys that say where a server is, by all programs' names. */
export const urlKeys = ["url", "serverUrl", "httpUrl"] as const satisfies (keyof ServerEntry)[];

/** Lists of the tools that are offered, and of those that are not, by all programs' names. */
export const allowKeys = [
  "tools",
  "enabledTools",
  "enabled_tools",
  "includeTools",
] as const satisfies (keyof ServerEntry)[];
export const denyKeys = [
  "disabledTools",
  "disabled_tools",
  "excludeTools",
] as const satisfies (keyof ServerEntry)[];

/** Keys that name a transport. */
export const typeKeys = ["type", "transport", "transportType"] as const satisfies (
  keyof ServerEntry
)[];

const connectionKeys = [
  "isolation",
  "identify",
  "era",
  "roots",
  "idleTimeoutMs",
  ...typeKeys,
] as const;

/** What a server is reached by -> the keys that have a meaning for it beside those of every server. */
export const ownKeys = {
  command: [...connectionKeys, "args", "env", "cwd", "inheritEnv", "spare", "credentials"],
  url: [...connectionKeys, "headers", "credentials"],
  recipe: ["variant", "baseUrl", "headers", "credentials"],
  openapi: ["baseUrl", "headers", "credentials"],
} as const satisfies Record<string, readonly (keyof ServerEntry)[]>;

/** What a server is reached by. */
export type ReachedBy = keyof typeof ownKeys;

/** Keys whose wrong value may be shown: a word out of a short list. */
export const wordKeys: ReadonlySet<string> = new Set(
  ["isolation", "era", "roots", "start", "type", "transport", "transportType"],
);

const login =
  "logging in to servers by a browser is not served yet; use credentials (bearer, oauth2, headers)";

/** Keys of what is not served yet -> why. */
export const unservedKeys: ReadonlyMap<string, string> = new Map([
  ["headersHelper", "programs that make headers are not served yet; use headers or credentials"],
  ["auth", login],
  ["oauth", login],
  ["restart", "choosing how a server is restarted is not served yet; remove the key"],
  ["envFile", "files of variables are not served yet; put the variables under env"],
  ["sandbox", "sandboxes are not served yet; remove the key to run without one"],
  ["sandboxEnabled", "sandboxes are not served yet; remove the key to run without one"],
]);

const sockets = new Map<unknown, string>([
  ["ws", "not served yet; use a server that speaks HTTP"],
  ["websocket", "not served yet; use a server that speaks HTTP"],
]);

/** Values of what is not served yet, by key. */
const unservedValues: ReadonlyMap<string, ReadonlyMap<unknown, string>> = new Map([
  [
    "isolation",
    new Map<unknown, string>([["principal", 'not served yet; use "session" or "shared"']]),
  ],
  ...typeKeys.map((key) => [key, sockets] as const),
]);

/** Ways to show who calls that are known, and served later. */
const laterCredentials = new Set<unknown>(["exchange", "oauth", "passthrough"]);

/** Why this key with this value cannot be served by this version; undefined when it can. */
export function unservedReason(key: string, value: unknown): string | undefined {
  if (key === "credentials" && isJsonObject(value) && laterCredentials.has(value["type"])) {
    return login;
  }
  const reason = unservedValues.get(key)?.get(value);
  return reason === undefined ? unservedKeys.get(key) : `${JSON.stringify(value)}: ${reason}`;
}
