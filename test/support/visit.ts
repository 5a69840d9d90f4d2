/**
 * What a client does with one server, whichever eras the two are of: every kind of message once.
 * What came of it is a plain record, one member for each kind, so that one expectation fits every
 * client and every server, and a client that can do less leaves members out. The servers are those
 * of test/conformance with any era.
 */
import { readFileSync } from "node:fs";
import type { RealClient } from "./mcp_clients.ts";
import { until } from "./wait.ts";

/** What came of each thing that a client did; a text that starts with `failed:` where it could not. */
export type Visit = Readonly<Record<string, unknown>>;

/** The resource that is subscribed to. */
export const watchedUri = "test://watched-resource";

/** What comes of each thing where nothing is lost between client and server. */
export const wholeVisit: Visit = {
  tools: true,
  prompts: true,
  resources: true,
  templates: ["test://template/{id}/data"],
  call: "This is a simple text response for testing.",
  failure: "This tool intentionally returns an error",
  read: "This is the content of the static text resource.",
  readByTemplate: '{"id":"7","templateTest":true,"data":"Data for ID: 7"}',
  prompt: "Prompt with arguments: arg1='one', arg2='two'",
  completion: ["paris", "park", "party"],
  progress: [1, 2, 3],
  logs: ["Tool execution started", "Tool processing data", "Tool execution completed"],
  sampling: "LLM response: sampled-answer",
  elicitation: 'User response: accept {"name":"Ada Lovelace"}',
  roots: 'Got {"roots":[{"uri":"file:///tmp","name":"temporary"}]}',
  askingPrompt: 'Use this context: {"name":"Ada Lovelace"}',
  asked: ["sampling/createMessage", "elicitation/create", "roots/list", "elicitation/create"],
  changed: ["prompts", watchedUri, "tools"],
  cancellation: ["started", "cancelled"],
};

/** The part of a visit that a client is able to make. */
export const partOfVisit = (members: readonly string[]): Visit =>
  Object.fromEntries(members.map((name) => [name, wholeVisit[name]]));

/** The lines of a file that may not be there yet. */
export function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

/** The text of a prompt's first message; `messages` is JSON. */
export function textOfPrompt(messages: string): string | undefined {
  const [first] = JSON.parse(messages) as { content?: { text?: string } }[];
  return first?.content?.text;
}

/**
 * Calls a tool that never answers, cancels the call once it runs, and waits until the server gets
 * the cancellation.
 */
async function giveUp(client: RealClient, file: string): Promise<string[]> {
  const leaving = new AbortController();
  const call = client.callTool("witness_cancellation", { file }, leaving.signal)
    .then(() => "answered", () => "gave up");
  await until("the tool to start", () => linesOf(file).length > 0);
  leaving.abort();
  await call;
  return await until("the server to hear of it", () => {
    const lines = linesOf(file);
    return lines.length > 1 ? lines : undefined;
  });
}

async function hearChanges(client: RealClient): Promise<string[]> {
  await client.watch(watchedUri);
  for (const what of ["tool_change", "prompt_change", "resource_update"]) {
    await client.callTool(`test_trigger_${what}`);
  }
  const distinct = () => [...new Set(client.changed)].sort();
  await until("the changes to arrive", () => distinct().length >= 3).catch(() => {});
  return distinct();
}

/** Does everything; `file` is a path that belongs to this visit. */
export async function visit(client: RealClient, file: string): Promise<Visit> {
  const text = async (tool: string, args = {}) => (await client.callTool(tool, args)).text;
  const prompt = async (name: string, args = {}) =>
    textOfPrompt(await client.getPrompt(name, args));
  const parts: Readonly<Record<string, () => unknown>> = {
    tools: async () => (await client.toolNames()).includes("test_simple_text"),
    prompts: async () => (await client.promptNames()).includes("test_simple_prompt"),
    resources: async () => (await client.resourceUris()).includes("test://static-text"),
    templates: () => client.templateUris(),
    call: () => text("test_simple_text"),
    failure: () => text("test_error_handling"),
    read: () => client.readResource("test://static-text"),
    readByTemplate: () => client.readResource("test://template/7/data"),
    prompt: () => prompt("test_prompt_with_arguments", { arg1: "one", arg2: "two" }),
    completion: () => client.complete("test_prompt_with_arguments", "arg1", "pa"),
    progress: async () => (await client.callTool("witness_progress")).progress,
    // This comes before the request for logs: for a while, the log lines of a cancelled call reach
    // no client.
    cancellation: () => giveUp(client, file),
    async logs() {
      await client.hearLogs();
      await client.callTool("test_tool_with_logging");
      await until("the logs to arrive", () => client.logged.length >= 3).catch(() => {});
      return [...client.logged];
    },
    sampling: () => text("test_sampling", { prompt: "Hello" }),
    elicitation: () => text("test_elicitation", { message: "Hello" }),
    roots: () => text("test_input_required_result_list_roots"),
    askingPrompt: () => prompt("test_input_required_result_prompt"),
    asked: () => [...client.asked],
    changed: () => hearChanges(client),
  };
  const made: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(parts)) {
    made[name] = await (async () => await part())().catch((fault) => `failed: ${fault}`);
  }
  return made;
}
