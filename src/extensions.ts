/**
 * Extensions of the protocol, as clients and servers declare them in `capabilities.extensions`: a
 * settings object for each identifier (SEP-2133). This file holds the table of those that the
 * gateway knows, which of them pass a surface, and how the declarations of several servers become
 * one. Not here: how many different declarations of stateless clients reach a server
 * (gateway/extension_variants.ts).
 */
import { isJsonObject } from "./json.ts";
import { type Caller, type JsonObject, type ListKind, listKinds } from "./model.ts";

/** An extension that the gateway knows: it passes every surface. */
interface KnownExtension {
  /**
   * Whether only clients and servers of the stateless revision have it, since its messages belong to
   * requests that each say what their client knows. No handshake declares it, in either direction.
   */
  readonly isPerRequest: boolean;
  /** The settings in one of few forms, where several clients share a process. */
  readonly plain: (settings: JsonObject) => JsonObject;
}

const appType = "text/html;profile=mcp-app";

/** Skills (SEP-2640): folders of instructions, whose files are resources. */
const skills = "io.modelcontextprotocol/skills";

/** The Tasks extension (SEP-2663). */
export const tasksExtension = "io.modelcontextprotocol/tasks";

const known: ReadonlyMap<string, KnownExtension> = new Map([
  ["io.modelcontextprotocol/ui", { isPerRequest: false, plain: plainApps }],
  [skills, { isPerRequest: false, plain: () => ({}) }],
  [tasksExtension, { isPerRequest: true, plain: () => ({}) }],
]);

/** The extensions that pass every surface. */
export const relayedExtensions: readonly string[] = [...known.keys()];

/** The extensions in capabilities whose members were checked at the edge. */
export function extensionsIn({ extensions }: JsonObject): JsonObject {
  return isJsonObject(extensions) ? extensions : {};
}

/** Whether a server with these capabilities has a list of this kind. */
export function offersList(capabilities: JsonObject, kind: ListKind): boolean {
  return kind === "skills"
    ? isJsonObject(extensionsIn(capabilities)[skills])
    : isJsonObject(capabilities[listKinds[kind].capability]);
}

/** Whether a server with these capabilities answers `resources/directory/read`. */
export function readsDirectories(capabilities: JsonObject): boolean {
  const settings = extensionsIn(capabilities)[skills];
  return isJsonObject(settings) && settings["directoryRead"] === true;
}

/** Capabilities without skills. */
export function withoutSkills(capabilities: JsonObject): JsonObject {
  const { [skills]: _, ...extensions } = extensionsIn(capabilities);
  return { ...capabilities, extensions };
}

/**
 * Of declared extensions those that pass a surface, in one order: on a surface of one server unknown
 * ones pass as they are (`takesUnknown`), on others only the relayed ones.
 */
export function passing(declared: JsonObject, takesUnknown: boolean): JsonObject {
  const passes = (id: string): boolean => takesUnknown || known.has(id);
  return inOrder(Object.fromEntries(Object.entries(declared).filter(([id]) => passes(id))));
}

/** The extensions that a handshake may declare; the same object if all may. */
export function ofHandshake(declared: JsonObject): JsonObject {
  const isOf = (id: string): boolean => known.get(id)?.isPerRequest !== true;
  if (Object.keys(declared).every(isOf)) return declared;
  return Object.fromEntries(Object.entries(declared).filter(([id]) => isOf(id))) as JsonObject;
}

/** Capabilities as a handshake may declare them; the same object if all may. */
export function handshakeCapabilities(capabilities: JsonObject): JsonObject {
  const declared = extensionsIn(capabilities);
  const extensions = ofHandshake(declared);
  if (extensions === declared) return capabilities;
  const { extensions: _, ...others } = capabilities;
  return Object.keys(extensions).length === 0 ? others : { ...others, extensions };
}

/** The caller as one that knows tasks: the gateway runs them on its behalf. */
export function withTasks(caller: Caller): Caller {
  return { ...caller, extensions: inOrder({ ...caller.extensions, [tasksExtension]: {} }) };
}

/** Whether a client declared that it knows tasks, whatever passes its surface. */
export function declaresTasks({ capabilities }: Pick<Caller, "capabilities">): boolean {
  return extensionsIn(capabilities)[tasksExtension] !== undefined;
}

/** Whether a caller's request tells servers that its client knows tasks. */
export function knowsTasks({ extensions }: Pick<Caller, "extensions">): boolean {
  return extensions?.[tasksExtension] !== undefined;
}

/** What tells apart the callers to whom a server may list different things. */
export function variantOf({ extensions = {} }: Pick<Caller, "extensions">): string {
  return Object.keys(extensions).length === 0 ? "" : JSON.stringify(extensions);
}

/** The relayed extensions alone, each with settings in one of few forms. */
export function plainExtensions(declared: JsonObject): JsonObject {
  const entries = relayedExtensions.flatMap((id) => {
    const settings = declared[id];
    const plain = known.get(id)?.plain;
    return isJsonObject(settings) && plain !== undefined ? [[id, plain(settings)]] : [];
  });
  return Object.fromEntries(entries) as JsonObject;
}

/**
 * The declarations of several servers as one: every extension of any of them. Where two have
 * settings for the same one, objects are merged, lists are united, a flag is set if one sets it, and
 * of other values the first server's counts.
 */
export function mergeExtensions(declared: readonly JsonObject[]): JsonObject {
  return declared.reduce<JsonObject>((all, one) => mergeSettings(all, one), {});
}

function mergeSettings(first: JsonObject, second: JsonObject): JsonObject {
  const added = Object.entries(second).map(([key, value]): [string, unknown] => {
    const own = Object.hasOwn(first, key) ? first[key] : undefined;
    if (own === undefined) return [key, value];
    if (isJsonObject(own) && isJsonObject(value)) return [key, mergeSettings(own, value)];
    if (own === false && value === true) return [key, true];
    return [key, Array.isArray(own) && Array.isArray(value) ? united(own, value) : own];
  });
  return Object.fromEntries([...Object.entries(first), ...added]);
}

function united(first: readonly unknown[], second: readonly unknown[]): unknown[] {
  const items = new Map([...second, ...first].map((item) => [JSON.stringify(item), item]));
  const order = [...first, ...second].map((item) => JSON.stringify(item));
  return [...new Set(order)].map((text) => items.get(text));
}

/** The same value with the members of every object in one order. */
function inOrder<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(inOrder) as Value;
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).sort(([left], [right]) => left < right ? -1 : 1);
  return Object.fromEntries(entries.map(([key, member]) => [key, inOrder(member)])) as Value;
}

/** MCP Apps: the one type of pages that the extension defines, if the client shows it. */
function plainApps({ mimeTypes }: JsonObject): JsonObject {
  return Array.isArray(mimeTypes) && mimeTypes.includes(appType) ? { mimeTypes: [appType] } : {};
}
