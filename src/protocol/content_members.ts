/**
 * The optional members of content: blocks, what resources hold, messages of prompts and models.
 * Follows `ContentBlock`, `ResourceContents`, `PromptMessage` and `SamplingMessage` of 2024-11-05
 * to 2026-07-28.
 */
import {
  due,
  dueEach,
  dueObject,
  dueText,
  each,
  members,
  object,
  type Reader,
  value,
} from "./absent.ts";
import { shown } from "./declared_members.ts";
import { isAbsent, isJsonObject } from "./jsonrpc.ts";

const annotations = members({ audience: each(value), priority: value, lastModified: value });
const inBlock = { annotations, _meta: object };
const ofResource = { mimeType: value, _meta: object, text: value, blob: value };
const resourceMembers = members(ofResource);
/** The contents of a resource; they get an empty text if they have neither text nor data. */
export const resource: Reader = (given) => {
  const read = resourceMembers(given);
  if (read === given || !isJsonObject(read)) return read;
  return read.text === undefined && read.blob === undefined ? { ...read, text: "" } : read;
};
const media = members({
  ...inBlock,
  data: dueText,
  mimeType: due(value, () => "application/octet-stream"),
});

/** Blocks by their type; those of other types are data. */
const blocks: ReadonlyMap<unknown, Reader> = new Map([
  ["text", members({ ...inBlock, text: dueText })],
  ["image", media],
  ["audio", media],
  ["resource", members({ ...inBlock, resource })],
  ["resource_link", members({ ...inBlock, ...shown, mimeType: value, size: value })],
  ["tool_use", members({ _meta: object, input: dueObject(object) })],
  [
    "tool_result",
    members({
      _meta: object,
      content: dueEach((given) => block(given)),
      structuredContent: object,
      isError: value,
    }),
  ],
]);
/** A block of content. */
export const block: Reader = (given) =>
  isJsonObject(given) ? (blocks.get(given.type) ?? value)(given) : value(given);
/** One block or several. */
export const blockOrBlocks: Reader = (given) =>
  Array.isArray(given) ? each(block)(given) : block(given);
const noText = () => ({ type: "text", text: "" });
/** A message to or from a model, which may hold a list of blocks. */
export const message = members({ content: due(blockOrBlocks, noText), _meta: object });
/** A message of a prompt, which holds one block. */
export const promptMessage = members({
  content: (given) => isAbsent(given) ? noText() : block(given),
  _meta: object,
});
