/**
 * Results as clients can read them. No revision lets a client skip a content block that it does not
 * know, and their validators refuse a whole result over one member. A block of an unknown type
 * therefore becomes text that quotes it, small mistakes are corrected, a note replaces invalid
 * data, and optional members of a wrong type are dropped. Sound results pass unchanged.
 */
import type { JsonObject } from "../model.ts";
import { isJsonObject } from "./jsonrpc.ts";
import { isPlainToolResult } from "./plain_messages.ts";

/**
 * A server's result, corrected; the same object if it was sound. `params` are those of the request.
 */
export function withSoundResult(
  method: string,
  result: JsonObject,
  params: JsonObject,
): JsonObject {
  if (method === "tools/call" && isPlainToolResult(result)) return result;
  const read = results.get(method);
  return read === undefined ? result : read(withSoundOptions(result), params);
}

type ReadResult = (result: JsonObject, params: JsonObject) => JsonObject;

const toolResult: ReadResult = (result) => {
  const { isError } = result;
  const sound = eachOf(result, "content", soundBlock);
  if (isError === undefined || typeof isError === "boolean") return sound;
  return { ...sound, isError: isError === "true" || isError === 1 };
};

const results: ReadonlyMap<string, ReadResult> = new Map([
  ["tools/call", toolResult],
  ["tasks/result", toolResult],
  // The state of a task of the Tasks extension holds the result.
  ["tasks/get", (task, params) => {
    const { result } = task;
    const sound = isJsonObject(result) ? toolResult(withSoundOptions(result), params) : result;
    return sound === result ? task : { ...task, result: sound };
  }],
  ["prompts/get", (result) => eachOf(result, "messages", soundMessage)],
  [
    "resources/read",
    (result, { uri }) => eachOf(result, "contents", (item) => soundContents(item, String(uri))),
  ],
]);

/** A result whose list has only sound items. */
function eachOf(
  result: JsonObject,
  member: string,
  read: (item: unknown) => JsonObject | undefined,
): JsonObject {
  const items = result[member];
  if (!Array.isArray(items)) return result;
  const sound = items.map((item) => item === null ? undefined : read(item))
    .filter((item) => item !== undefined);
  const isSame = sound.length === items.length && sound.every((item, at) => item === items[at]);
  return isSame ? result : { ...result, [member]: sound };
}

/** A message of a prompt; its role is "user" unless it says "assistant". */
function soundMessage(item: unknown): JsonObject | undefined {
  if (!isJsonObject(item)) {
    return isText(item) ? { role: "user", content: toText(item) } : undefined;
  }
  const content = soundBlock(item.content ?? "");
  const role = item.role === "assistant" ? "assistant" : "user";
  return content === item.content && role === item.role ? item : { ...item, role, content };
}

/** The contents of a resource; its URI is the requested one unless it names another. */
function soundContents(item: unknown, asked: string): JsonObject | undefined {
  if (!isJsonObject(item)) return isText(item) ? { uri: asked, text: item } : undefined;
  const options = withSoundOptions(item);
  const uri = isText(item.uri) ? item.uri : asked;
  const blob = isText(item.blob) ? toBase64(item.blob) : undefined;
  if (blob !== undefined) {
    return uri === item.uri && blob === options.blob ? options : { ...options, uri, blob };
  }
  const text = textOf(item.text ?? "");
  if (uri === item.uri && text === item.text && item.blob === undefined) return options;
  const { blob: _, ...rest } = options;
  return { ...rest, uri, text };
}

/** One block, corrected; the same object if it was sound. */
function soundBlock(block: unknown): JsonObject {
  if (!isJsonObject(block)) return toText(block);
  const { type } = block;
  const read = typeof type === "string" && Object.hasOwn(readers, type) ? readers[type] : undefined;
  return read === undefined ? toText(block) : read(withSoundOptions(block));
}

/** How a block of each type is read: as it is, corrected, or as text. */
const readers: Readonly<Record<string, (block: JsonObject) => JsonObject>> = {
  text: (block) => isText(block.text) ? block : { ...block, text: textOf(block.text ?? "") },
  image: (block) => withData(block, "Image"),
  audio: (block) => withData(block, "Audio"),
  resource(block) {
    if (!isJsonObject(block.resource)) return toText(block);
    const resource = withSoundOptions(block.resource);
    const { uri, text, blob } = resource;
    if (!isText(uri) || (!isText(text) && !isText(blob))) return toText(block);
    const data = isText(text) ? text : toBase64(String(blob));
    if (data === undefined) return note(block, `Resource ${uri} left out: its blob is not Base64`);
    if (data === text || data === blob) {
      return resource === block.resource ? block : { ...block, resource };
    }
    return { ...block, resource: { ...resource, blob: data } };
  },
  resource_link(block) {
    const { uri, name, title } = block;
    if (!isText(uri)) return toText(block);
    return isText(name) ? block : { ...block, name: isText(title) ? title : uri };
  },
};

function withData(block: JsonObject, what: string): JsonObject {
  const { data, mimeType } = block;
  const sound = isText(data) ? toBase64(data) : undefined;
  if (sound === undefined) return note(block, `${what} left out: its data is not Base64`);
  if (!isText(mimeType)) return note(block, `${what} left out: its mimeType is missing`);
  return sound === data ? block : { ...block, data: sound };
}

/** Data in the alphabet that clients expect; undefined if it is not Base64. */
function toBase64(data: string): string | undefined {
  const plain = /[-_]/.test(data) ? data.replaceAll("-", "+").replaceAll("_", "/") : data;
  const bare = /\s/.test(plain) ? plain.replaceAll(/\s/g, "") : plain;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(bare)) return undefined;
  // Padding fills the last four characters; one character alone holds no byte.
  const isWhole = bare.endsWith("=") ? bare.length % 4 === 0 : bare.length % 4 !== 1;
  return isWhole ? plain : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Optional members of a block or result, and what they must be. */
const optional: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["_meta", isJsonObject],
  ["annotations", isAnnotations],
  ["title", isText],
  ["description", isText],
  ["mimeType", isText],
  ["size", (value) => typeof value === "number"],
  ["icons", Array.isArray],
]);

function isAnnotations(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  const { audience, priority, lastModified } = value;
  return (audience === undefined ||
    (Array.isArray(audience) && audience.every((who) => who === "user" || who === "assistant"))) &&
    (priority === undefined ||
      (typeof priority === "number" && priority >= 0 && priority <= 1)) &&
    (lastModified === undefined || (isText(lastModified) && isTime.test(lastModified)));
}
const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;

/** Drops optional members of a wrong type. */
function withSoundOptions(value: JsonObject): JsonObject {
  let isSound = true;
  for (const name in value) isSound &&= isSoundOption(name, value[name]);
  if (isSound) return value;
  const sound = Object.entries(value).filter(([name, member]) => isSoundOption(name, member));
  return Object.fromEntries(sound) as JsonObject;
}

function isSoundOption(name: string, member: unknown): boolean {
  return member === undefined || optional.get(name)?.(member) !== false;
}

function toText(block: unknown): JsonObject {
  return { type: "text", text: textOf(block) };
}

function textOf(value: unknown): string {
  return isText(value) ? value : JSON.stringify(value) ?? "";
}

function note({ annotations }: JsonObject, text: string): JsonObject {
  return { type: "text", text: `[${text}]`, ...(annotations === undefined ? {} : { annotations }) };
}
