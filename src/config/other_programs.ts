/**
 * Files of other programs (Claude Desktop and Code, Cursor, VS Code, Copilot, Gemini, Cline, Roo
 * Code, Kiro, Cherry Studio, Zed and more): which of their keys mean the same as a key of the
 * gateway, and which are ignored, with the reason for the log. Approvals for another program are
 * ignored, too: here they allow nothing.
 */
import { isJsonObject } from "../json.ts";

/** Keys of one kind, and why they are ignored. */
interface Kind {
  readonly keys: readonly string[];
  readonly why: string;
}

/** Kinds of keys of a server. A key in none of them is unknown and causes a warning. */
const serverKinds: readonly Kind[] = [
  {
    keys: [
      "alwaysAllow",
      "autoApprove",
      "autoApproved",
      "autoApproveExcluded",
      "default_tools_approval_mode",
      "disabledAutoApproveTools",
      "isTrusted",
      "trust",
      "trusted",
      "trustedAt",
    ],
    why: "an approval for another program allows nothing here",
  },
  {
    keys: ["timeout", "networkTimeout", "requestTimeout", "tool_timeout_sec", "toolTimeout"],
    why: "programs use different units for it; " +
      'set "callTimeoutMs" (in milliseconds) to change the time of a call',
  },
  {
    keys: ["initTimeout", "startup_timeout_ms", "startup_timeout_sec", "startupTimeout"],
    why: "programs use different units for it; " +
      'set "startTimeoutMs" (in milliseconds) to change the time of a start',
  },
  {
    keys: ["env"],
    why: "the gateway does not start a server that has a url, so it cannot set its variables; " +
      'set them where it runs, or use "headers" or "credentials"',
  },
  {
    keys: [
      "autoReconnect",
      "autoRestart",
      "autoStart",
      "autostart",
      "restartOnCrash",
      "startOnLaunch",
      "start_on_launch",
      "watchPaths",
    ],
    why: "the gateway starts a server when a client needs it, and again when it exits",
  },
  {
    keys: [
      "$schema",
      "//",
      "_comment",
      "author",
      "category",
      "comment",
      "configSample",
      "createdAt",
      "description",
      "dev",
      "displayName",
      "dxtPath",
      "dxtVersion",
      "extensionName",
      "fromGalleryId",
      "gallery",
      "homepage",
      "icon",
      "iconUrl",
      "icons",
      "id",
      "installSource",
      "installedAt",
      "isBuiltIn",
      "logo",
      "logoUrl",
      "longRunning",
      "metadata",
      "name",
      "note",
      "notes",
      "provider",
      "providerUrl",
      "reference",
      "registryUrl",
      "repository",
      "required",
      "searchKey",
      "shouldConfig",
      "sortOrder",
      "source",
      "tags",
      "targets",
      "title",
      "updatedAt",
      "version",
    ],
    why: "only the program that wrote the file uses it",
  },
];

/** Kinds of keys of the file. */
const fileKinds: readonly Kind[] = [
  {
    keys: ["projects"],
    why: 'servers of single projects are not read; to use one, copy it to "mcpServers"',
  },
  {
    keys: ["globalShortcut", "preferences"],
    why: "it is a setting of the program that wrote it",
  },
];

/**
 * Keys with the meaning of one of the gateway's keys, by their names in other programs. A warning
 * names the gateway's key, because the forms differ.
 */
export const otherwiseNamed: ReadonlyMap<string, string> = new Map([
  ["environment", "env"],
  ["workingDirectory", "cwd"],
  ["working_directory", "cwd"],
]);

const ofServers = new Set(serverKinds.flatMap(({ keys }) => keys));
const ofFiles = new Set(fileKinds.flatMap(({ keys }) => keys));

/** Whether a key of a server means something to the program that wrote it, and nothing here. */
export function isForeignKey(key: string): boolean {
  return ofServers.has(key) && key !== "env";
}

/** The ignored keys of one file. */
export interface PassedOver {
  /** Whether this key of a server is ignored; notes it if so. */
  hasServerKey(server: string, key: string): boolean;
  /** The same for a key of the file. */
  hasFileKey(key: string): boolean;
  /** A sentence for each kind. */
  lines(file: string): readonly string[];
}

/** Makes an empty register. */
export function createPassedOver(): PassedOver {
  const servers = new Map<string, Set<string>>();
  const settings = new Set<string>();
  return {
    hasServerKey(server, key) {
      if (!ofServers.has(key)) return false;
      servers.set(server, (servers.get(server) ?? new Set()).add(key));
      return true;
    },
    hasFileKey(key) {
      if (ofFiles.has(key)) settings.add(key);
      return ofFiles.has(key);
    },
    lines: (file) => [
      ...serverKinds.flatMap(({ keys, why }) => {
        const names = [...servers.keys()].filter((name) =>
          keys.some((key) => servers.get(name)?.has(key))
        );
        if (names.length === 0) return [];
        const found = keys.filter((key) => names.some((name) => servers.get(name)?.has(key)));
        return [`Ignored ${list(found)} of ${list(names)} in ${file}: ${why}`];
      }),
      ...fileKinds.flatMap(({ keys, why }) => {
        const found = keys.filter((key) => settings.has(key));
        return found.length === 0 ? [] : [`Ignored ${list(found)} in ${file}: ${why}`];
      }),
    ],
  };
}

/** A file may contain any number of servers. */
const listedMax = 20;

function list(names: readonly string[]): string {
  const shown = names.slice(0, listedMax).map((name) => JSON.stringify(name)).join(", ");
  return names.length > listedMax ? `${shown} and ${names.length - listedMax} more` : shown;
}

/** Keys and values that switch a server off in Cline, DeepChat, Zed, Jan and others. */
export const switches: readonly (readonly [key: string, off: boolean])[] = [
  ["disabled", true],
  ["disable", true],
  ["isDisabled", true],
  ["enabled", false],
  ["isEnabled", false],
  ["active", false],
  ["isActive", false],
];

/** Whether an entry is switched off, by the key of any program. */
export function isSwitchedOff(entry: Readonly<Record<string, unknown>>): boolean {
  return switches.some(([key, off]) => entry[key] === off);
}

/** An entry without the keys that switch it on or off. */
export function withoutSwitches<Entry extends Readonly<Record<string, unknown>>>(
  entry: Entry,
): Partial<Entry> {
  const keys = new Set(switches.map(([key]) => key));
  const others = Object.entries(entry).filter(([key]) => !keys.has(key));
  return Object.fromEntries(others) as Partial<Entry>;
}

/**
 * Lists in the file that say which servers are on: their place, and whether they name the servers
 * that are on or those that are off.
 */
const serverLists: readonly (readonly [path: readonly string[], on: boolean])[] = [
  // Gemini, current and former.
  [["mcp", "allowed"], true],
  [["mcp", "excluded"], false],
  [["allowMCPServers"], true],
  [["excludeMCPServers"], false],
  // Claude Code.
  [["disabledMcpServers"], false],
  [["disabledMcpjsonServers"], false],
];

/** The keys of the file that are such lists. */
export const serverListKeys: readonly string[] = serverLists.flatMap(([path]) =>
  path.length === 1 ? path : []
);

/** Makes the function that tells whether a list of the file switches a server off. */
export function readServerLists(
  top: Readonly<Record<string, unknown>>,
): (name: string) => boolean {
  const lists = serverLists.flatMap(([path, on]) => {
    let value: unknown = top;
    for (const key of path) value = isJsonObject(value) ? value[key] : undefined;
    return Array.isArray(value) ? [{ names: new Set<unknown>(value), on }] : [];
  });
  return (name) => lists.some(({ names, on }) => names.has(name) !== on);
}

/** Keys that say how to reach a server. */
const reachKeys = ["command", "url", "serverUrl", "httpUrl", "recipe", "openapi"];

/**
 * An entry in the gateway's form. Null and empty fields are dropped. `baseUrl` becomes `url` if no
 * other key says how to reach the server.
 */
export function toOwnEntry(
  entry: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const given = Object.entries(entry).filter(([, value]) => value !== null);
  const isSaid = ([key, value]: [string, unknown]) => reachKeys.includes(key) && value !== "";
  const isBase = ([key, value]: [string, unknown]) => key === "baseUrl" && value !== "";
  const reached = given.some(isSaid);
  // If no key says how to reach the server, empty ones stay: the reader of `command` reports them.
  const kept = reached || given.some(isBase)
    ? given.filter(([key, value]) =>
      value !== "" || !(reachKeys.includes(key) || key === "baseUrl")
    )
    : given;
  return Object.assign(
    Object.create(null),
    Object.fromEntries(
      kept.map((pair) => !reached && pair[0] === "baseUrl" ? ["url", pair[1]] : pair),
    ),
  );
}
