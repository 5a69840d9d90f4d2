/**
 * Content blocks of results as clients can read them. No revision lets a client skip a block that it
 * does not know: their validators refuse the whole result over one. So a block of another type
 * becomes text that holds it, a small slip is corrected, and data that is none is left out with a
 * note. What is sound passes untouched.
 */
import type { JsonObject } from "../model.ts";
import { isJsonObject } from "./jsonrpc.ts";

/** A server's result with sound blocks; the same object where all were, or where it has none. */
export function withSoundBlocks(method: string, result: JsonObject): JsonObject {
  const member = members.get(method);
  const items = member === undefined ? undefined : result[member];
  if (member === undefined || !Array.isArray(items)) return result;
  const isEach = member === "messages";
  const sound = items.filter((item) => item !== null).map((item: unknown) => {
    if (!isEach) return soundBlock(item);
    if (!isJsonObject(item)) return item;
    const content = soundBlock(item.content);
    return content === item.content ? item : { ...item, content };
  });
  const isSame = sound.length === items.length && sound.every((item, at) => item === items[at]);
  return isSame ? result : { ...result, [member]: sound };
}

/** Where results have blocks: in a list, or one in each message. */
const members: ReadonlyMap<string, "content" | "messages"> = new Map([
  ["tools/call", "content"],
  ["tasks/result", "content"],
  ["prompts/get", "messages"],
]);

/** One block, sound; the same object where it was. */
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

/** Data in the alphabet that clients expect; undefined when it is no Base64. */
function toBase64(data: string): string | undefined {
  const plain = /[-_]/.test(data) ? data.replaceAll("-", "+").replaceAll("_", "/") : data;
  return /[^A-Za-z0-9+/=\s]/.test(plain) ? undefined : plain;
}

const isText = (value: unknown): value is string => typeof value === "string";

/** Members that a block need not have, and what they must be. */
const optional: Readonly<Record<string, (value: unknown) => boolean>> = {
  _meta: isJsonObject,
  annotations: isAnnotations,
  title: isText,
  description: isText,
  mimeType: isText,
  size: (value) => typeof value === "number",
  icons: Array.isArray,
};

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

/** Without the optional members that are not what they must be. */
function withSoundOptions(value: JsonObject): JsonObject {
  const faulty = Object.keys(optional).filter((name) =>
    value[name] !== undefined && optional[name]?.(value[name]) === false
  );
  if (faulty.length === 0) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !faulty.includes(name)));
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
