/**
 * The tools of the conformance fixtures that put no question to the client, as rows: what the
 * official suite calls by name, with the contents that it looks for. Schemas are written as JSON so
 * that nothing rewrites them. Those that ask are in fixture_questions.ts; those
 * that the end-to-end tests need are in fixture_witness.ts.
 */
import {
  type Content,
  type ObjectSchema,
  textAnswer,
  textBlock,
  type ToolAnswer,
  type ToolRow,
  type Turn,
} from "./fixture_model.ts";
import { pixelPng } from "./fixture_offers.ts";
import { askingTools } from "./fixture_questions.ts";
import { wholeDialect } from "./fixture_schemas.ts";
import { witnessTools } from "./fixture_witness.ts";

/** One silent sample as WAV. */
const silenceWav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function logThrice(turn: Turn): Promise<ToolAnswer> {
  for (
    const line of ["Tool execution started", "Tool processing data", "Tool execution completed"]
  ) {
    await turn.log(line);
    await wait(50);
  }
  return textAnswer("Logged three times");
}

async function reportProgress(turn: Turn): Promise<ToolAnswer> {
  for (const progress of [0, 50, 100]) {
    await turn.progress(progress, `${progress} of 100`);
    await wait(50);
  }
  return textAnswer(`Done; token ${JSON.stringify(turn.progressToken)}`);
}

const embedded = (uri: string, mimeType: string, value: string): Content => ({
  type: "resource",
  resource: { uri, mimeType, text: value },
});

const mirroredSchema: ObjectSchema = {
  type: "object",
  properties: {
    region: { type: "string", description: "Goes into a header, too", "x-mcp-header": "Region" },
    level: { type: "integer", description: "Goes into no header" },
  },
};

/** Every tool by its name, in the order in which they are listed. */
export const tools: Readonly<Record<string, ToolRow>> = {
  test_simple_text: {
    about: "Answers with one text",
    run: () => textAnswer("This is a simple text response for testing."),
  },
  test_image_content: {
    about: "Answers with one image",
    run: () => ({ content: [{ type: "image", data: pixelPng, mimeType: "image/png" }] }),
  },
  test_audio_content: {
    about: "Answers with one sound",
    run: () => ({ content: [{ type: "audio", data: silenceWav, mimeType: "audio/wav" }] }),
  },
  test_embedded_resource: {
    about: "Answers with one embedded resource",
    run: () => ({
      content: [embedded("test://embedded-resource", "text/plain", "An embedded resource")],
    }),
  },
  test_multiple_content_types: {
    about: "Answers with a text, an image and a resource",
    run: () => ({
      content: [
        textBlock("Multiple content types test:"),
        { type: "image", data: pixelPng, mimeType: "image/png" },
        embedded("test://mixed-content-resource", "application/json", '{"test":"data"}'),
      ],
    }),
  },
  test_tool_with_logging: {
    about: "Logs while it works",
    run: (_args, turn) => logThrice(turn),
  },
  test_logging_tool: {
    about: "Logs once",
    run: async (_args, turn) => {
      await turn.log("One line");
      return textAnswer("Logged once");
    },
  },
  test_tool_with_progress: {
    about: "Reports progress while it works",
    run: (_args, turn) => reportProgress(turn),
  },
  test_error_handling: {
    about: "Always fails",
    run: () => ({ ...textAnswer("This tool intentionally returns an error"), isError: true }),
  },
  test_reconnection: {
    about: "Works long enough for a stream to be closed and resumed",
    run: async (_args, turn) => {
      turn.closeStream();
      // Long enough that a server which may choose answers by a stream.
      await wait(1_500);
      return textAnswer("Answered after the stream was closed");
    },
  },
  test_trigger_tool_change: {
    about: "Says that the list of tools has changed",
    run: async (_args, turn) => {
      await turn.changed("tools");
      return textAnswer("Said so");
    },
  },
  test_trigger_prompt_change: {
    about: "Says that the list of prompts has changed",
    run: async (_args, turn) => {
      await turn.changed("prompts");
      return textAnswer("Said so");
    },
  },
  test_trigger_resource_update: {
    about: "Says that the watched resource was updated",
    run: async (_args, turn) => {
      await turn.changed({ uri: "test://watched-resource" });
      return textAnswer("Said so");
    },
  },
  test_x_mcp_header: {
    about: "One argument is in a header as well",
    schema: mirroredSchema,
    run: ({ region }) => textAnswer(`region=${JSON.stringify(region)}`),
  },
  json_schema_2020_12_tool: {
    about: "Its schema uses the whole dialect",
    schema: wholeDialect,
    run: (args) => textAnswer(JSON.stringify(args)),
  },
  ...askingTools,
  ...witnessTools,
};
