/**
 * What servers that speak MCP have in common, whether they are run by a command or reached by URL:
 * their keys, the names of the transports, and how both are read. Directories in `roots` may begin
 * with `~`; relative ones start at the folder of the file.
 */
import * as v from "valibot";
import { defaultLimits } from "../limits.ts";
import type { McpServerConfig, Roots } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { filledText, flag, time } from "./key_schemas.ts";
import { toFileUri } from "./path.ts";
import type { FileContext, Texts } from "./texts.ts";

/** The transports, by the names that clients' files use; `undefined` means a local program. */
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
const type = v.optional(v.picklist(
  Object.keys(transports) as TransportName[],
  '"stdio", "http", "streamable-http" or "sse"',
));

/** The keys of every such server. */
export const connectionEntries = {
  isolation: v.optional(
    v.picklist(["session", "principal", "shared"], '"session", "principal" or "shared"'),
  ),
  identify: v.optional(flag),
  era: v.optional(
    v.picklist(["auto", "legacy", "modern"], '"auto", "legacy" or "modern"'),
  ),
  roots: v.optional(
    v.union(
      [v.picklist(["relay", "none"]), v.array(filledText)],
      '"relay", "none" or a list of directories',
    ),
  ),
  idleTimeoutMs: v.optional(time),
  type,
  transport: type,
  transportType: type,
};

/** The checked values of these keys. */
export type ConnectionEntry = v.InferOutput<v.ObjectSchema<typeof connectionEntries, undefined>>;

/** Keys that name a transport. */
export const typeKeys = ["type", "transport", "transportType"] as const satisfies (
  keyof ConnectionEntry
)[];

/** What these servers have in addition to the keys of all servers. */
export type ConnectionPart = Pick<
  McpServerConfig,
  "isolation" | "identify" | "era" | "roots" | "idleTimeoutMs"
>;

/** Reads these keys; `relaysRoots` says whether a server gets its client's roots by default. */
export function readConnection(
  entry: ConnectionEntry,
  relaysRoots: boolean,
  texts: Texts,
  { isOpen }: Pick<FileContext, "isOpen">,
): ConnectionPart {
  if (entry.isolation === "principal" && isOpen) {
    texts.refuse(
      "isolation",
      '"principal" would give all clients one process, since other machines can reach the ' +
        "gateway and clients do not authenticate; choose kinds of authentication in MCP_AUTH, " +
        'or use "session"',
    );
  }
  return {
    isolation: entry.isolation ?? "session",
    identify: entry.identify ?? true,
    era: entry.era ?? "auto",
    roots: readRoots(entry.roots, relaysRoots, texts),
    idleTimeoutMs: entry.idleTimeoutMs ?? defaultLimits.idleMs,
  };
}

function readRoots(roots: ConnectionEntry["roots"], relaysRoots: boolean, texts: Texts): Roots {
  if (roots === undefined) return relaysRoots ? "relay" : "none";
  if (typeof roots === "string") return roots;
  return roots.map((root, index) => {
    const key = appendKey("roots", index);
    return {
      uri: root.startsWith("file:") ? texts.plain(key, root) : toFileUri(texts.place(key, root)),
    };
  });
}

/** Refuses the name of a transport that contradicts how the server is reached. */
export function refuseOtherTypes(entry: ConnectionEntry, isRemote: boolean, texts: Texts): void {
  for (const key of typeKeys) {
    const type = entry[key];
    if (type === undefined || transports[type] === undefined === !isRemote) continue;
    texts.refuse(
      key,
      isRemote
        ? `${JSON.stringify(type)} is run by its command, and this server has a url`
        : `${JSON.stringify(type)} is reached by URL, and this server has none`,
    );
  }
}
