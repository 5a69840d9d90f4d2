/**
 * Converts what a revision cannot carry into what it can. Only what would be a type error is
 * converted: a content type that the revision does not know, structured content that is no object,
 * an output schema whose root is no object. Members that are merely new (titles, icons,
 * annotations, `_meta`) stay: JSON readers of every revision skip what they do not know, and
 * dropping them would hide them from clients that know them. Content of a type that no revision
 * knows is already text (sound_results.ts). A tool that must run as a task may also be called
 * plainly: the gateway then runs the task.
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { isNamed } from "../names.ts";
import { type RevisionRow, rowOf } from "./revisions.ts";
import { plainResult, without } from "../shared/wire_keys.ts";

/** A tool, prompt or sampling content block that the revision can carry. */
export function degradeBlock(block: unknown, row: RevisionRow): unknown {
  if (!isJsonObject(block)) return block;
  const text = replacementText(block, row);
  if (text === undefined) return block;
  return block.annotations === undefined
    ? { type: "text", text }
    : { type: "text", text, annotations: block.annotations };
}

function replacementText(block: JsonObject, row: RevisionRow): string | undefined {
  if (block.type === "audio" && !row.audio) {
    return `[Audio of type ${block.mimeType} left out: revision ${row.revision} has no audio]`;
  }
  if (block.type === "resource_link" && !row.resourceLinks) {
    const name = block.title ?? block.name;
    const note = block.description === undefined ? "" : `\n${block.description}`;
    return `[Resource ${JSON.stringify(name)}: ${block.uri}]${note}`;
  }
  return undefined;
}

function degradeCallResult(result: JsonObject, row: RevisionRow): JsonObject {
  const blocks: readonly unknown[] = Array.isArray(result.content) ? result.content : [];
  const content = degradeEach(blocks, (block) => degradeBlock(block, row));
  const structured = result.structuredContent;
  const isCarried = structured === undefined || isJsonObject(structured);
  const isShown = structured === undefined ||
    (isCarried && (row.structuredContent || content.length > 0));
  if (isShown && content === result.content) return result;
  const kept = isCarried ? result : without(result, structuredKeys);
  return { ...kept, content: isShown ? content : withJson(content, structured) };
}

/** The items as the revision can carry them; the same list where none had to change. */
function degradeEach(
  items: readonly unknown[],
  degrade: (item: unknown) => unknown,
): readonly unknown[] {
  for (const item of items) if (degrade(item) !== item) return items.map(degrade);
  return items;
}

/** Content with a block that holds the structured content, unless it has one. */
function withJson(content: readonly unknown[], structured: unknown): readonly unknown[] {
  const text = JSON.stringify(structured);
  return content.some((block) => isJsonObject(block) && block.text === text)
    ? content
    : [...content, { type: "text", text }];
}

function degradePrompt(result: JsonObject, row: RevisionRow): JsonObject {
  if (!Array.isArray(result.messages)) return result;
  const messages = degradeEach(result.messages, (message) => degradeMessage(message, row));
  return messages === result.messages ? result : { ...result, messages };
}

function degradeMessage(message: unknown, row: RevisionRow): unknown {
  if (!isJsonObject(message)) return message;
  const content = degradeBlock(message.content, row);
  return content === message.content ? message : { ...message, content };
}

function degradeTools(result: JsonObject, row: RevisionRow): JsonObject {
  if (!Array.isArray(result.tools)) return result;
  return { ...result, tools: result.tools.map((tool: unknown) => degradeTool(tool, row)) };
}

function degradeTool(tool: unknown, row: RevisionRow): unknown {
  if (!isJsonObject(tool)) return tool;
  const { outputSchema, execution } = tool;
  const objects = outputSchema === undefined ||
    (isJsonObject(outputSchema) && outputSchema.type === "object");
  const kept = objects ? tool : without(tool, outputKeys);
  if (execution === undefined) return kept;
  if (!row.tasks) return without(kept, executionKeys);
  return isJsonObject(execution) && execution.taskSupport === "required"
    ? { ...kept, execution: { ...execution, taskSupport: "optional" } }
    : kept;
}

const structuredKeys = new Set(["structuredContent"]);
const executionKeys = new Set(["execution"]);
const outputKeys = new Set(["outputSchema"]);

const degradations: ReadonlyMap<string, (result: JsonObject, row: RevisionRow) => JsonObject> =
  new Map([
    ["tools/call", degradeCallResult],
    ["tools/list", degradeTools],
    ["prompts/get", degradePrompt],
  ]);

/** Methods whose result is exactly `{}`; clients refuse any member in it. */
const emptyResults: ReadonlySet<string> = new Set([
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);

/** A result as a client of this revision can read it. */
export function degradeResult(method: string, value: JsonObject, revision: string): JsonObject {
  if (emptyResults.has(method)) return {};
  if (!isNamed(method)) return value;
  const result = plainResult(value);
  const degrade = degradations.get(method);
  return degrade === undefined ? result : degrade(result, rowOf(revision));
}
