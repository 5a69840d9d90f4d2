/**
 * The conformance fixture on SDK 2.4, which speaks the newer era and, where the host lets it, the
 * handshake's as well. A tool that asks is run from its start at every round: `ask` answers from what
 * the client brought along, or ends the run with the questions that are still open. The rows are
 * shared with the older era (fixture_model.ts); serving is fixture_stdio.ts and fixture_http.ts.
 */
import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  fromJsonSchema,
  type GetPromptResult,
  type InputRequests,
  inputRequired,
  type InputRequiredResult,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import {
  capabilities,
  type Change,
  changeNotification,
  identity,
  type Json,
  type Question,
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

/** Answers of earlier rounds, by key. */
type Answers = Record<string, Json>;

const states = createRequestStateCodec<Answers>({
  key: crypto.getRandomValues(new Uint8Array(32)),
});

/** Thrown by `ask` when the client must answer first. */
interface Open {
  readonly questions: Record<string, Question>;
  /** What the state keeps; undefined: no state. */
  readonly kept: Answers | undefined;
}

const isOpen = (thrown: unknown): thrown is Open =>
  typeof thrown === "object" && thrown !== null && "questions" in thrown;

const memberOf: Readonly<Record<Question["method"], string>> = {
  "elicitation/create": "action",
  "sampling/createMessage": "content",
  "roots/list": "roots",
};

/** Whether a value can be the answer to a question. */
const answers = ({ method }: Question, value: unknown): value is Json =>
  typeof value === "object" && value !== null && memberOf[method] in value;

function asker({ mcpReq }: ServerContext): Turn["ask"] {
  const kept = mcpReq.requestState<Answers>() ?? {};
  const given: Record<string, unknown> = { ...kept, ...mcpReq.inputResponses };
  const done: Answers = { ...kept };
  return (questions, sealed) => {
    const answered: Answers = {};
    const open: Record<string, Question> = {};
    for (const [key, question] of Object.entries(questions)) {
      const value = given[key];
      if (answers(question, value)) answered[key] = value;
      else open[key] = question;
    }
    Object.assign(done, answered);
    if (Object.keys(open).length === 0) return Promise.resolve(answered);
    const needed: Open = { questions: open, kept: sealed === undefined ? undefined : done };
    return Promise.reject(needed);
  };
}

function turnOf(server: Server, context: ServerContext, changed: Turn["changed"]): Turn {
  const { mcpReq } = context;
  const progressToken = mcpReq._meta?.progressToken;
  return {
    capabilities: ((mcpReq.envelope as Json | undefined)?.[CLIENT_CAPABILITIES_META_KEY] ??
      server.getClientCapabilities() ?? {}) as Json,
    progressToken,
    cancelled: mcpReq.signal,
    log: (data) => mcpReq.log("info", data, "fixture"),
    async progress(progress, message) {
      if (progressToken === undefined) return;
      const params = { progressToken, progress, total: 100, message };
      await mcpReq.notify({ method: "notifications/progress", params });
    },
    ask: asker(context),
    changed,
    closeStream: () => context.http?.closeSSE?.(),
  };
}

/** The result of a run, or the questions that it ended with. */
async function settled<R>(run: () => Promise<R>): Promise<R | InputRequiredResult> {
  try {
    return await run();
  } catch (thrown) {
    if (!isOpen(thrown)) throw thrown;
    return inputRequired({
      inputRequests: thrown.questions as unknown as InputRequests,
      ...(thrown.kept === undefined ? {} : { requestState: await states.mint(thrown.kept) }),
    });
  }
}

function serveTools(mcp: McpServer, changed: Turn["changed"]): void {
  for (const [name, row] of Object.entries(tools)) {
    const config = {
      description: row.about,
      inputSchema: fromJsonSchema<Json>(row.schema ?? { type: "object" }),
    };
    mcp.registerTool(
      name,
      config,
      (args, context) =>
        settled(async () =>
          await row.run(args, turnOf(mcp.server, context, changed)) as unknown as CallToolResult
        ),
    );
  }
}

function serveOffers({ server }: McpServer, changed: Turn["changed"]): void {
  server.setRequestHandler("resources/list", () => ({ resources: listedResources }));
  server.setRequestHandler(
    "resources/templates/list",
    () => ({ resourceTemplates: listedTemplates }),
  );
  server.setRequestHandler("resources/read", ({ params: { uri } }) => {
    const contents = contentsOf(uri);
    if (contents === undefined) throw new ResourceNotFoundError(uri);
    return { contents: [contents] };
  });
  server.setRequestHandler("resources/subscribe", () => ({}));
  server.setRequestHandler("resources/unsubscribe", () => ({}));
  server.setRequestHandler("prompts/list", () => ({ prompts: listedPrompts }));
  server.setRequestHandler("prompts/get", ({ params }, context) => {
    const row = prompts[params.name];
    if (row === undefined) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `No prompt ${params.name}`);
    }
    return settled(async () => {
      const said = await row.say(params.arguments ?? {}, turnOf(server, context, changed));
      return { messages: messagesOf(said) } as GetPromptResult;
    });
  });
  server.setRequestHandler(
    "completion/complete",
    ({ params }) => completionOf(params.argument.value),
  );
}

function serveSkills({ server }: McpServer): void {
  for (const [method, answer] of Object.entries(skillMethods)) {
    const params = fromJsonSchema<Json>({ type: "object" });
    server.setRequestHandler(method, { params }, (given) => {
      const result = answer(given);
      if (result === undefined) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, "Not served");
      }
      return result;
    });
  }
}

/** A new instance, not yet connected. `changed`: how changes are announced; else by its connection. */
export function createModernFixture(changed?: (what: Change) => void): McpServer {
  const mcp = new McpServer(identity, {
    capabilities,
    requestState: { verify: states.verify },
    cacheHints: { "tools/list": { ttlMs: 5_000, cacheScope: "public" } },
  });
  const tell = async (what: Change) => {
    if (changed === undefined) await mcp.server.notification(changeNotification(what));
    else changed(what);
  };
  serveTools(mcp, tell);
  serveOffers(mcp, tell);
  serveSkills(mcp);
  return mcp;
}
