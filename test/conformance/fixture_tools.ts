/**
 * The tools of the conformance fixture, as rows: what the official suite calls by name, with the
 * contents that it looks for. Schemas are written as JSON so that nothing rewrites them. A tool that
 * puts a question to the client does so inside its own call, as revision 2025-11-25 has it.
 */
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  type CallToolResult,
  CreateMessageResultSchema,
  ElicitResultSchema,
  type ServerNotification,
  type ServerRequest,
  type Tool,
} from "@modelcontextprotocol/sdk/types.js";
import { enumForm, profileForm, wholeDialect } from "./fixture_schemas.ts";

/** What a running tool may do toward the client. */
export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** One tool: how it is listed and what it does. */
export interface ToolRow {
  readonly about: string;
  readonly schema?: Tool["inputSchema"];
  readonly run: (args: Record<string, unknown>, extra: Extra) => Promise<CallToolResult>;
}

/** A red pixel as PNG. */
export const pixelPng =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/** One silent sample as WAV. */
const silenceWav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

const text = (value: string): CallToolResult => ({ content: [{ type: "text", text: value }] });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function logThrice(extra: Extra): Promise<CallToolResult> {
  for (
    const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]
  ) {
    await extra.sendNotification({
      method: "notifications/message",
      params: { level: "info", logger: "fixture", data },
    });
    await wait(50);
  }
  return text("Logged three times");
}

async function reportProgress(extra: Extra): Promise<CallToolResult> {
  const progressToken = extra._meta?.progressToken;
  for (const progress of [0, 50, 100]) {
    if (progressToken !== undefined) {
      await extra.sendNotification({
        method: "notifications/progress",
        params: { progressToken, progress, total: 100, message: `${progress} of 100` },
      });
    }
    await wait(50);
  }
  return text(`Done; token ${JSON.stringify(progressToken)}`);
}

async function sample(prompt: string, extra: Extra): Promise<CallToolResult> {
  const answer = await extra.sendRequest({
    method: "sampling/createMessage",
    params: {
      messages: [{ role: "user", content: { type: "text", text: prompt } }],
      maxTokens: 100,
    },
  }, CreateMessageResultSchema);
  const said = answer.content.type === "text" ? answer.content.text : answer.content.type;
  return text(`LLM response: ${said}`);
}

/** Asks the person at the client; `requestedSchema` goes out exactly as it is written. */
async function elicit(
  message: string,
  requestedSchema: Record<string, unknown>,
  extra: Extra,
): Promise<CallToolResult> {
  const request = {
    method: "elicitation/create",
    params: { mode: "form", message, requestedSchema },
  };
  const answer = await extra.sendRequest(request as unknown as ServerRequest, ElicitResultSchema);
  return text(`User response: ${answer.action} ${JSON.stringify(answer.content ?? {})}`);
}

const promptSchema: Tool["inputSchema"] = {
  type: "object",
  properties: { prompt: { type: "string", description: "What to ask the model" } },
  required: ["prompt"],
};
const messageSchema: Tool["inputSchema"] = {
  type: "object",
  properties: { message: { type: "string", description: "What to ask the person" } },
  required: ["message"],
};
const userSchema = {
  type: "object",
  properties: {
    username: { type: "string", description: "Name to use" },
    email: { type: "string", description: "Address to write to" },
  },
  required: ["username", "email"],
};
const embedded = (uri: string, mimeType: string, value: string) => ({
  type: "resource" as const,
  resource: { uri, mimeType, text: value },
});

/** Every tool by its name, in the order in which they are listed. */
export const tools: Readonly<Record<string, ToolRow>> = {
  test_simple_text: {
    about: "Answers with one text",
    run: () => Promise.resolve(text("This is a simple text response for testing.")),
  },
  test_image_content: {
    about: "Answers with one image",
    run: () =>
      Promise.resolve({ content: [{ type: "image", data: pixelPng, mimeType: "image/png" }] }),
  },
  test_audio_content: {
    about: "Answers with one sound",
    run: () =>
      Promise.resolve({ content: [{ type: "audio", data: silenceWav, mimeType: "audio/wav" }] }),
  },
  test_embedded_resource: {
    about: "Answers with one embedded resource",
    run: () =>
      Promise.resolve({
        content: [embedded("test://embedded-resource", "text/plain", "An embedded resource")],
      }),
  },
  test_multiple_content_types: {
    about: "Answers with a text, an image and a resource",
    run: () =>
      Promise.resolve({
        content: [
          { type: "text", text: "Multiple content types test:" },
          { type: "image", data: pixelPng, mimeType: "image/png" },
          embedded("test://mixed-content-resource", "application/json", '{"test":"data"}'),
        ],
      }),
  },
  test_tool_with_logging: {
    about: "Logs while it works",
    run: (_args, extra) => logThrice(extra),
  },
  test_tool_with_progress: {
    about: "Reports progress while it works",
    run: (_args, extra) => reportProgress(extra),
  },
  test_error_handling: {
    about: "Always fails",
    run: () =>
      Promise.resolve({ ...text("This tool intentionally returns an error"), isError: true }),
  },
  test_reconnection: {
    about: "Works long enough for a stream to be closed and resumed",
    run: async (_args, extra) => {
      extra.closeSSEStream?.();
      await wait(100);
      return text("Answered after the stream was closed");
    },
  },
  test_sampling: {
    about: "Asks the client's model",
    schema: promptSchema,
    run: (args, extra) => sample(String(args["prompt"]), extra),
  },
  test_elicitation: {
    about: "Asks the person at the client",
    schema: messageSchema,
    run: (args, extra) => elicit(String(args["message"]), userSchema, extra),
  },
  test_elicitation_sep1034_defaults: {
    about: "Asks with a default for every kind of field",
    run: (_args, extra) => elicit("Please check these fields", profileForm, extra),
  },
  test_elicitation_sep1330_enums: {
    about: "Asks with every form of choice",
    run: (_args, extra) => elicit("Please choose", enumForm, extra),
  },
  json_schema_2020_12_tool: {
    about: "Its schema uses the whole dialect",
    schema: wholeDialect,
    run: (args) => Promise.resolve(text(JSON.stringify(args))),
  },
};
