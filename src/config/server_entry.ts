/**
 * One entry of `mcpServers` to one `ServerConfig`. Whatever is wrong with it makes it a `failed`
 * server that says why, and touches no other. Directories in `roots` may begin with `~` and are seen
 * from the folder of the file. Not here: what only one kind of server has (local.ts, remote_server.ts), and
 * the file around it (mcp_json.ts).
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import { defaultLimits } from "../limits.ts";
import { opensBrowser } from "./browser_programs.ts";
import type {
  FailedServerConfig,
  McpServerConfig,
  Roots,
  ServerConfig,
  ToolFilter,
} from "./config.ts";
import { appendKey, describeKind, describeWord, toldMax } from "./config_error.ts";
import { type LocalPart, readLocal } from "./local.ts";
import { nearestName } from "./nearest.ts";
import { isSwitchedOff, otherwiseNamed, toOwnEntry } from "./other_programs.ts";
import { toFileUri } from "./path.ts";
import { readRemote, type RemotePart } from "./remote_server.ts";
import { readOpenApiServer, readRecipeServer, type RestPart } from "./rest_server.ts";
import {
  allowKeys,
  denyKeys,
  ownKeys,
  type ReachedBy,
  servedKeys,
  type ServerEntry,
  serverSchema,
  toolKeys,
  transports,
  typeKeys,
  unservedKeys,
  unservedReason,
  urlKeys,
  wordKeys,
} from "./server_keys.ts";
import { createTexts, type FileContext, type Texts, withoutPrototype } from "./texts.ts";

/** Reads the entry at `path` of the file; undefined when it is disabled. */
export async function readServer(
  name: string,
  path: string,
  given: unknown,
  context: FileContext,
): Promise<ServerConfig | undefined> {
  const where = (key: string) => `${key} in ${context.file}`;
  const fail = (problem: string) => failServer(name, problem);
  if (!isJsonObject(given)) {
    return fail(`${where(path)}: expected an object, got ${describeKind(given)}`);
  }
  if (isSwitchedOff(given)) return undefined;
  const entry = passOverEnv(name, toOwnEntry(given), context);
  for (const [key, value] of Object.entries(entry)) {
    const reason = unservedReason(key, value);
    if (reason !== undefined) return fail(`${where(appendKey(path, key))}: ${reason}`);
  }
  const checked = v.safeParse(serverSchema, entry);
  if (!checked.success) {
    const told = checked.issues.slice(0, toldMax);
    return fail(told.map((issue) => explainIssue(path, issue, context.file)).join("; "));
  }
  warnOfKeys(name, path, entry, context);
  return await buildServer(name, path, checked.output, context);
}

/** READMEs of servers show variables beside a url, though no program is started for them. */
function passOverEnv(
  name: string,
  entry: Readonly<Record<string, unknown>>,
  { passedOver }: FileContext,
): Readonly<Record<string, unknown>> {
  const { env, ...others } = entry;
  const isByUrl = urlKeys.some((key) => others[key] !== undefined) &&
    others["command"] === undefined;
  if (env === undefined || !isByUrl) return entry;
  if (!isJsonObject(env) || Object.keys(env).length > 0) passedOver.hasServerKey(name, "env");
  return others;
}

/** A server that cannot be used, with the defaults for all that is still asked of it. */
export function failServer(name: string, problem: string): FailedServerConfig {
  return {
    kind: "failed",
    name,
    problem,
    callTimeoutMs: defaultLimits.callMs,
    startTimeoutMs: defaultLimits.startMs,
    idleTimeoutMs: defaultLimits.idleMs,
    tools: {},
  };
}

async function buildServer(
  name: string,
  path: string,
  entry: ServerEntry,
  context: FileContext,
): Promise<ServerConfig> {
  const texts = createTexts(path, context);
  const by = findReach(entry, texts);
  const common = {
    name,
    callTimeoutMs: entry.callTimeoutMs ?? defaultLimits.callMs,
    startTimeoutMs: entry.startTimeoutMs ?? defaultLimits.startMs,
    idleTimeoutMs: entry.idleTimeoutMs ?? defaultLimits.idleMs,
    tools: readFilter(entry, texts),
    keepAlive: entry.keepAlive,
    start: entry.start ?? (opensBrowser(entry) ? "onDemand" : "early"),
  };
  const connections = (remoteBind: boolean) => ({
    isolation: entry.isolation ?? "session",
    identify: entry.identify ?? true,
    era: entry.era ?? "auto",
    roots: readRoots(entry.roots, texts, remoteBind),
  } as const);
  const readers: Readonly<Record<ReachedBy, () => Promise<OwnPart | undefined>>> = {
    command: async () => ({
      ...connections(context.remoteBind),
      ...readLocal(entry, path, texts, context),
    }),
    url: async () => ({ ...connections(false), ...await readRemote(entry, texts, context) }),
    recipe: () => readRecipeServer(entry, common.tools, texts, context),
    openapi: () => readOpenApiServer(entry, texts, context),
  };
  const own = await readers[by]();
  return texts.problems.length === 0 && own !== undefined
    ? { ...common, ...own }
    : failServer(name, texts.problems.join("; "));
}

/** What servers of one kind have beside what all have. */
type OwnPart = ConnectionPart | RestPart;
type ConnectionPart =
  & (LocalPart | RemotePart)
  & Pick<McpServerConfig, "isolation" | "identify" | "era" | "roots">;

const named: Readonly<Record<ReachedBy, string>> = {
  command: "a command",
  url: "a url",
  recipe: "a recipe",
  openapi: "an openapi document",
};

/** What the server is reached by; what belongs to the other kinds alone is refused. */
function findReach(entry: ServerEntry, texts: Texts): ReachedBy {
  const [by = "command", other] = (Object.keys(ownKeys) as ReachedBy[]).filter((by) =>
    by === "url" ? urlKeys.some((key) => entry[key] !== undefined) : entry[by] !== undefined
  );
  if (other !== undefined) {
    texts.refuse(by, `a server has either ${named[by]} or ${named[other]}; remove one of them`);
  }
  const own: readonly string[] = ownKeys[by];
  for (const key of new Set(Object.values(ownKeys).flat())) {
    const value = entry[key];
    if (own.includes(key) || value === undefined || isEmpty(value)) continue;
    texts.refuse(key, `has no meaning for a server that is reached by its ${by}; remove it`);
  }
  if (by === "command" || by === "url") refuseOtherTypes(entry, by === "url", texts);
  return by;
}

function refuseOtherTypes(entry: ServerEntry, isRemote: boolean, texts: Texts): void {
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

/** Whether a value says nothing, as other programs write it for keys that they do not use. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value instanceof Map ? value.size === 0 : isJsonObject(value) && value["type"] === "none";
}

function readRoots(roots: ServerEntry["roots"], texts: Texts, remoteBind: boolean): Roots {
  // A far client must not choose directories on this disk unless the operator says so.
  if (roots === undefined) return remoteBind ? "none" : "relay";
  if (typeof roots === "string") return roots;
  return roots.map((root, index) => {
    const key = appendKey("roots", index);
    return {
      uri: root.startsWith("file:") ? texts.plain(key, root) : toFileUri(texts.place(key, root)),
    };
  });
}

function readFilter(entry: ServerEntry, texts: Texts): ToolFilter {
  const own = Array.isArray(entry.tools) ? { allow: entry.tools } : entry.tools;
  const { enabledTools, enabled_tools, includeTools } = entry;
  // Gemini may name arguments, too, which only its own consents look at.
  const included = includeTools?.map((name) => name.replace(/\(.*\)$/s, ""));
  const lists = { tools: own?.allow, enabledTools, enabled_tools, includeTools: included };
  const allow = readAllowed(lists, texts);
  const denied = [own?.deny, ...denyKeys.map((key) => entry[key])].filter((names) =>
    names !== undefined
  );
  const rename = own?.rename;
  return {
    ...(allow === undefined ? {} : { allow }),
    ...(denied.length === 0 ? {} : { deny: denied.flat() }),
    ...(rename === undefined ? {} : { rename: withoutPrototype(rename) }),
  };
}

/** The one list of what is offered; two that differ contradict each other. */
function readAllowed(
  lists: Readonly<Record<(typeof allowKeys)[number], readonly string[] | undefined>>,
  texts: Texts,
): readonly string[] | undefined {
  const given = allowKeys.flatMap((key) => {
    const names = lists[key];
    return names === undefined ? [] : [{ key, names }];
  });
  const narrow = given.filter(({ names }) => !names.includes("*"));
  const [first] = narrow;
  const other = narrow.find(({ names }) => !hasSame(names, first?.names ?? []));
  if (first !== undefined && other !== undefined) {
    texts.refuse(other.key, `offers other tools than ${first.key}; keep one of the two lists`);
  }
  return (first ?? given[0])?.names;
}

function hasSame(one: readonly string[], other: readonly string[]): boolean {
  return [...new Set(one)].sort().join("\0") === [...new Set(other)].sort().join("\0");
}

function warnOfKeys(
  name: string,
  path: string,
  entry: Readonly<Record<string, unknown>>,
  context: FileContext,
): void {
  const known = [...servedKeys, ...unservedKeys.keys()];
  for (const key of Object.keys(entry)) {
    if (known.includes(key) || context.passedOver.hasServerKey(name, key)) continue;
    context.warnings.push(describeUnknown(path, key, known, context.file));
  }
  if (!isJsonObject(entry["tools"])) return;
  for (const key of Object.keys(entry["tools"])) {
    if (toolKeys.includes(key)) continue;
    context.warnings.push(describeUnknown(`${path}.tools`, key, toolKeys, context.file));
  }
}

/** The sentence about a key that nothing reads. */
export function describeUnknown(
  path: string,
  key: string,
  known: readonly string[],
  file: string,
): string {
  const near = otherwiseNamed.get(key) ?? nearestName(key, known);
  const advice = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
  return `Ignored ${appendKey(path, key)} of ${file}: unknown key${advice}`;
}

function explainIssue(path: string, issue: v.BaseIssue<unknown>, file: string): string {
  let where = path;
  for (const { key } of issue.path ?? []) {
    where = appendKey(where, typeof key === "number" ? key : String(key));
  }
  const expected = `${where} in ${file}: expected ${issue.message}`;
  // A text of the right kind may be a secret, and the expectation says enough.
  if (issue.kind !== "schema" || issue.expected === "never") return expected;
  const mayShow = wordKeys.has(String(issue.path?.at(-1)?.key)) && typeof issue.input === "string";
  return `${expected}, got ${(mayShow ? describeWord : describeKind)(issue.input)}`;
}
