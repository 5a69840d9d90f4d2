/**
 * The optional members of the protocol's messages, as tables of readers. Some clients and servers
 * write an absent member as `null` or `[]`. The readers remove it, or make it empty if it is
 * required (absent.ts lists the spellings). Receivers check the type of every member that they
 * know, and refuse a whole message for one `null`. User data stays as it came: arguments of tools,
 * structured content, vendors' parts of `_meta`, log data. Follows the schemas of 2024-11-05 to
 * 2026-07-28.
 */
import { clientLimits } from "../limits/client_limits.ts";
import type { JsonObject } from "../model.ts";
import {
  due,
  dueEach,
  dueObject,
  dueText,
  each,
  entries,
  type MemberReaders,
  members,
  object,
  type Reader,
  value,
} from "./absent.ts";
import { exceeds } from "./bounds.ts";
import { block, blockOrBlocks, message, promptMessage, resource } from "./content_members.ts";
import { cleanCapabilities, info, shown } from "./declared_members.ts";
import { isAbsent, isJsonObject } from "./jsonrpc.ts";
import { cleanSchema } from "./schema_members.ts";

/** The params of a request or notification, without absent members. */
export function cleanParams(method: string, params: JsonObject): JsonObject {
  return (paramsOf.get(method) ?? anyParams)(params) as JsonObject;
}

/** A result without absent members. Structured content may have any type since 2026-07-28. */
export function cleanResult(method: string, result: JsonObject): JsonObject {
  return (resultOf.get(method) ?? anyResult)(result) as JsonObject;
}

/** A client's answer to a question of any kind: each kind has members of its own. */
export function cleanAnswer(answer: JsonObject): JsonObject {
  return answers(answer) as JsonObject;
}

/**
 * A value over its limit stays as it came: removing absent members must not bring it within the
 * limit.
 */
const within = (bytesMax: number, reader: Reader): Reader => (given) => {
  const read = reader(given);
  return read !== given && exceeds(given, bytesMax) ? given : read;
};
const clientInfo = within(clientLimits.clientInfoBytesMax, info);
const clientCapabilities = within(
  clientLimits.clientCapabilitiesBytesMax,
  (given) => cleanCapabilities(given) ?? given,
);

const ofEnvelope = "io.modelcontextprotocol/";
const meta = members({
  progressToken: value,
  [`${ofEnvelope}related-task`]: value,
  [`${ofEnvelope}clientInfo`]: clientInfo,
  [`${ofEnvelope}clientCapabilities`]: clientCapabilities,
  [`${ofEnvelope}serverInfo`]: info,
  [`${ofEnvelope}subscriptionId`]: value,
  [`${ofEnvelope}logLevel`]: value,
});

const task = { pollInterval: value, pollIntervalMs: value, statusMessage: value };
const toolResult: MemberReaders = {
  content: dueEach(block),
  structuredContent: value,
  isError: value,
  task: members(task),
  // A call that runs as a task of the Tasks extension.
  pollIntervalMs: value,
  statusMessage: value,
};
/** Absent proposals are an empty list. */
const noProposals = () => ({ values: [] });
const proposals = members({ values: dueEach(value), total: value, hasMore: value });
const completion: Reader = (given) => isAbsent(given) ? noProposals() : proposals(given);

/** Some servers use page numbers as cursors; an empty text is no cursor. */
const cursor: Reader = (given) =>
  (typeof given === "string" && given !== "") || typeof given === "number" || JSON.isRawJSON(given)
    ? given
    : undefined;

const ofResult: MemberReaders = {
  _meta: meta,
  resultType: value,
  inputRequests: entries(members({ params: object })),
  requestState: value,
};
const anyResult = members(ofResult);
const result = (own: MemberReaders): Reader => members({ ...ofResult, ...own });
/** list_items.ts corrects or drops these items, and logs their names. */
const asItCame: Reader = (given) => given;
const list = (key: string, item: Reader = asItCame): Reader =>
  result({ [key]: dueEach(item), nextCursor: cursor });

const resultOf: ReadonlyMap<string, Reader> = new Map([
  ["tools/list", list("tools")],
  ["prompts/list", list("prompts")],
  ["resources/list", list("resources")],
  ["resources/templates/list", list("resourceTemplates")],
  ["resources/directory/read", list("resources")],
  ["skills/list", list("skills")],
  ["tools/call", result(toolResult)],
  ["prompts/get", result({ description: value, messages: dueEach(promptMessage) })],
  ["resources/read", result({ contents: dueEach(resource) })],
  ["completion/complete", result({ completion })],
  ["tasks/list", list("tasks", members(task))],
  ["tasks/get", result(task)],
  ["tasks/cancel", result(task)],
  ["tasks/result", result(toolResult)],
]);

/**
 * The answer to a form has fields, and an empty field is absent. The answer of a model has blocks.
 */
const fields = entries(value);
const roots = dueEach(members({ name: value, _meta: object }));
const formAnswer = members({ _meta: meta, content: fields });
const otherAnswer = members({
  _meta: meta,
  content: blockOrBlocks,
  model: dueText,
  stopReason: value,
  roots,
});
const answers: Reader = (given) =>
  (isJsonObject(given) && given.action !== undefined ? formAnswer : otherAnswer)(given);

const form = members({ properties: dueObject(entries(fields)), required: each(value) });
const formParams = members({
  _meta: meta,
  mode: value,
  url: value,
  elicitationId: value,
  requestedSchema: form,
});
/** A form without a schema has no fields. */
const elicitation: Reader = (given) => {
  const read = formParams(given);
  if (!isJsonObject(read) || read.mode === "url" || !isJsonObject(given)) return read;
  return given.requestedSchema !== undefined && isAbsent(given.requestedSchema)
    ? { ...read, requestedSchema: { type: "object", properties: {} } }
    : read;
};

const tool = members({
  ...shown,
  inputSchema: due(cleanSchema, () => ({ type: "object" })),
  outputSchema: cleanSchema,
  annotations: entries(value),
  execution: entries(value),
  _meta: object,
});
const sampling: MemberReaders = {
  messages: dueEach(message),
  modelPreferences: members({
    hints: each(entries(value)),
    costPriority: value,
    speedPriority: value,
    intelligencePriority: value,
  }),
  systemPrompt: value,
  includeContext: value,
  temperature: value,
  stopSequences: each(value),
  metadata: object,
  tools: each(tool),
  toolChoice: entries(value),
};

const ofParams: MemberReaders = { _meta: meta };
const anyParams = members(ofParams);
const params = (own: MemberReaders): Reader => members({ ...ofParams, ...own });
/** What a client adds when it repeats a request that the server answered with questions. */
const resumed: MemberReaders = { inputResponses: entries(value), requestState: value };
const page = params({ cursor: value });
/** What a stream carries. */
const filter: MemberReaders = {
  notifications: members({
    toolsListChanged: value,
    promptsListChanged: value,
    resourcesListChanged: value,
    resourceSubscriptions: each(value),
  }),
};

/** By method, of requests and notifications in both directions. */
const paramsOf: ReadonlyMap<string, Reader> = new Map([
  [
    "initialize",
    params({
      capabilities: clientCapabilities,
      clientInfo: dueObject(clientInfo),
    }),
  ],
  ["tools/list", page],
  ["prompts/list", page],
  ["resources/list", page],
  ["resources/templates/list", page],
  ["resources/directory/read", page],
  ["skills/list", page],
  ["tasks/list", page],
  ["tools/call", params({ ...resumed, arguments: object, task: entries(value) })],
  ["prompts/get", params({ ...resumed, arguments: fields })],
  ["resources/read", params(resumed)],
  [
    "completion/complete",
    params({
      ref: members({ title: value }),
      argument: members({ value: dueText }),
      context: members({ arguments: fields }),
    }),
  ],
  ["tasks/update", params({ inputResponses: entries(value) })],
  ["subscriptions/listen", params(filter)],
  ["sampling/createMessage", params(sampling)],
  ["elicitation/create", elicitation],
  ["notifications/cancelled", params({ requestId: value, reason: value })],
  ["notifications/progress", params({ total: value, message: value })],
  ["notifications/message", params({ logger: value })],
  ["notifications/tasks/status", params(task)],
  ["notifications/subscriptions/acknowledged", params(filter)],
]);
