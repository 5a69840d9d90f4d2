/**
 * The server that the official conformance suite is run against, behind the gateway: every name the
 * suite asks for at revision 2025-11-25, on the official SDK. This file has the resources, prompts,
 * completion, subscriptions and logging; the tools are rows of their own. Serving it is
 * fixture_stdio.ts.
 */
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  type Prompt,
  ReadResourceRequestSchema,
  type ReadResourceResult,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { pixelPng, tools } from "./fixture_tools.ts";

type Contents = ReadResourceResult["contents"][number];

const resources: Readonly<Record<string, { about: string; contents: Contents }>> = {
  "test://static-text": {
    about: "A text that never changes",
    contents: {
      uri: "test://static-text",
      mimeType: "text/plain",
      text: "This is the content of the static text resource.",
    },
  },
  "test://static-binary": {
    about: "An image that never changes",
    contents: { uri: "test://static-binary", mimeType: "image/png", blob: pixelPng },
  },
  "test://watched-resource": {
    about: "A text to subscribe to",
    contents: { uri: "test://watched-resource", mimeType: "text/plain", text: "Watched" },
  },
};

const templatePattern = /^test:\/\/template\/([^/]+)\/data$/;

function readResource(uri: string): ReadResourceResult {
  const known = resources[uri];
  if (known !== undefined) return { contents: [known.contents] };
  const id = templatePattern.exec(uri)?.[1];
  // -32002 is the code of this revision for a resource that is not there.
  if (id === undefined) throw new McpError(-32002, "Resource not found", { uri });
  const data = { id, templateTest: true, data: `Data for ID: ${id}` };
  return { contents: [{ uri, mimeType: "application/json", text: JSON.stringify(data) }] };
}

type Message = GetPromptResult["messages"][number];
type Arguments = Readonly<Record<string, string>>;
const said = (content: Message["content"]): Message => ({ role: "user", content });
const text = (value: string): Message => said({ type: "text", text: value });

/** A prompt: how it is listed and what it says. */
interface PromptRow {
  readonly about: string;
  readonly arguments?: Prompt["arguments"];
  readonly say: (given: Arguments) => readonly Message[];
}

const prompts: Readonly<Record<string, PromptRow>> = {
  test_simple_prompt: {
    about: "One text",
    say: () => [text("This is a simple prompt for testing.")],
  },
  test_prompt_with_arguments: {
    about: "A text with two arguments in it",
    arguments: [
      { name: "arg1", description: "First", required: true },
      { name: "arg2", description: "Second", required: true },
    ],
    say: ({ arg1, arg2 }) => [text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
  },
  test_prompt_with_embedded_resource: {
    about: "A resource and a text",
    arguments: [{ name: "resourceUri", description: "The resource's URI", required: true }],
    say: ({ resourceUri = "" }) => [
      said({
        type: "resource",
        resource: { uri: resourceUri, mimeType: "text/plain", text: "An embedded resource" },
      }),
      text("Please look at the resource above."),
    ],
  },
  test_prompt_with_image: {
    about: "An image and a text",
    say: () => [
      said({ type: "image", data: pixelPng, mimeType: "image/png" }),
      text("Please look at the image above."),
    ],
  },
};

function serveTools(server: Server): void {
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, row]) => ({
      name,
      description: row.about,
      inputSchema: row.schema ?? { type: "object" },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const row = tools[params.name];
    if (row === undefined) throw new McpError(ErrorCode.InvalidParams, `No tool ${params.name}`);
    return await row.run(params.arguments ?? {}, extra);
  });
}

function serveResources(server: Server): void {
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: Object.entries(resources).map(([uri, { about, contents }]) => ({
      uri,
      name: uri.slice("test://".length),
      description: about,
      ...(contents.mimeType === undefined ? {} : { mimeType: contents.mimeType }),
    })),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{
      uriTemplate: "test://template/{id}/data",
      name: "template",
      description: "Data of one id",
      mimeType: "application/json",
    }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => readResource(params.uri));
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
}

function servePrompts(server: Server): void {
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.entries(prompts).map(([name, row]) => ({
      name,
      description: row.about,
      ...(row.arguments === undefined ? {} : { arguments: row.arguments }),
    })),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const row = prompts[params.name];
    if (row === undefined) throw new McpError(ErrorCode.InvalidParams, `No prompt ${params.name}`);
    return { messages: [...row.say(params.arguments ?? {})] };
  });
  server.setRequestHandler(CompleteRequestSchema, ({ params }) => {
    const values = ["paris", "park", "party"].filter((word) =>
      word.startsWith(params.argument.value)
    );
    return { completion: { values, total: values.length, hasMore: false } };
  });
}

/** A new instance, not yet connected; `logging/setLevel` is the SDK's own. */
export function createFixture(): Server {
  const server = new Server({ name: "conformance-fixture", version: "1.0.0" }, {
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      logging: {},
      completions: {},
    },
  });
  serveTools(server);
  serveResources(server);
  servePrompts(server);
  return server;
}
