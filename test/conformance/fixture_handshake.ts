/**
 * The conformance fixture of the handshake's era, on SDK 1.32: it asks the client by requests of its
 * own while a tool runs. The rows are shared with the newer era (fixture_model.ts); serving is
 * fixture_stdio.ts and fixture_http.ts.
 */
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  ResultSchema,
  type ServerNotification,
  type ServerRequest,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import {
  capabilities,
  changeNotification,
  identity,
  type Json,
  type Question,
  textAnswer,
  type Turn,
} from "./fixture_model.ts";
import {
  completionOf,
  contentsOf,
  listedPrompts,
  listedResources,
  listedTemplates,
  messagesOf,
  prompts,
} from "./fixture_offers.ts";
import { skillMethods } from "./fixture_skills.ts";
import { tools } from "./fixture_tools.ts";

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** A question's name, for a gateway that puts it to a client of the newer era. */
const keyOfQuestion = "mcp-wrapper/key";

function turnOf(server: Server, extra: Extra): Turn {
  const progressToken = extra._meta?.progressToken;
  const askOne = async ([key, { method, params }]: [string, Question]) => {
    const request = { method, params: { ...params, _meta: { [keyOfQuestion]: key } } };
    return [key, await extra.sendRequest(request as unknown as ServerRequest, ResultSchema)];
  };
  return {
    capabilities: server.getClientCapabilities() ?? {},
    progressToken,
    cancelled: extra.signal,
    log: (data) =>
      extra.sendNotification({
        method: "notifications/message",
        params: { level: "info", logger: "fixture", data },
      }),
    async progress(progress, message) {
      if (progressToken === undefined) return;
      const params = { progressToken, progress, total: 100, message };
      await extra.sendNotification({ method: "notifications/progress", params });
    },
    ask: async (questions) =>
      Object.fromEntries(await Promise.all(Object.entries(questions).map(askOne))),
    changed: (what) => server.notification(changeNotification(what) as ServerNotification),
    closeStream: () => extra.closeSSEStream?.(),
  };
}

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
    try {
      return await row.run(params.arguments ?? {}, turnOf(server, extra)) as CallToolResult;
    } catch (thrown) {
      return { ...textAnswer(String(thrown)), isError: true } as CallToolResult;
    }
  });
}

function serveResources(server: Server): void {
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: listedResources }));
  server.setRequestHandler(
    ListResourceTemplatesRequestSchema,
    () => ({ resourceTemplates: listedTemplates }),
  );
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const contents = contentsOf(uri);
    // -32002 is this era's code for a resource that is not there.
    if (contents === undefined) throw new McpError(-32002, "Resource not found", { uri });
    return { contents: [contents] };
  });
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
}

function servePrompts(server: Server): void {
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: listedPrompts }));
  server.setRequestHandler(GetPromptRequestSchema, async ({ params }, extra) => {
    const row = prompts[params.name];
    if (row === undefined) throw new McpError(ErrorCode.InvalidParams, `No prompt ${params.name}`);
    const said = await row.say((params.arguments ?? {}) as Json, turnOf(server, extra));
    return { messages: messagesOf(said) } as GetPromptResult;
  });
  server.setRequestHandler(
    CompleteRequestSchema,
    ({ params }) => completionOf(params.argument.value),
  );
}

/** The SDK of this era does not know skills. */
function serveSkills(server: Server): void {
  for (const [method, answer] of Object.entries(skillMethods)) {
    const schema = z.object({ method: z.literal(method), params: z.looseObject({}).optional() });
    server.setRequestHandler(schema, ({ params }) => {
      const result = answer(params ?? {});
      if (result === undefined) throw new McpError(ErrorCode.InvalidParams, "Not served");
      return result;
    });
  }
}

/** A new instance, not yet connected; `logging/setLevel` is the SDK's own. */
export function createHandshakeFixture(): Server {
  const server = new Server(identity, { capabilities });
  serveTools(server);
  serveResources(server);
  servePrompts(server);
  serveSkills(server);
  return server;
}
