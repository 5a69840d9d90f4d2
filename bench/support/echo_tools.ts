/**
 * The tools of the benchmark's servers, without a transport: they answer at once, so that what is
 * measured is the path to them.
 */
import { largeResult, type LargeShape } from "./large_results.ts";

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** A request or a notification. */
export interface EchoRequest {
  readonly id?: unknown;
  readonly method: string;
  readonly params?: JsonObject;
}

/** A method's result, and the notices that are sent before it. */
interface EchoAnswer {
  readonly before?: readonly JsonObject[];
  readonly result: unknown;
}

const toMessage = (members: JsonObject): JsonObject => ({ jsonrpc: "2.0", ...members });

const echoed = (server: string, args: JsonObject) => ({
  content: [{ type: "text", text: JSON.stringify({ server, ...args }) }],
});

type Tool = (server: string, args: JsonObject, meta: JsonObject) => EchoAnswer;

const tools: Readonly<Record<string, Tool>> = {
  echo: (server, args) => ({ result: echoed(server, args) }),
  large: (server, args) => ({
    result: largeResult(args["shape"] as LargeShape, JSON.stringify({ server, ...args })),
  }),
  /** Reports each step, then answers. */
  progress(server, args, { progressToken }) {
    const total = Number(args["steps"]);
    const before = Array.from({ length: total }, (_, at) =>
      toMessage({
        method: "notifications/progress",
        params: { progressToken, progress: at + 1, total },
      }));
    return { before, result: echoed(server, args) };
  },
  /** Tells every client that the list of tools changed. */
  announce: (server, args) => ({
    before: [toMessage({ method: "notifications/tools/list_changed" })],
    result: echoed(server, args),
  }),
};

/** The names of the tools, in the order of the list. */
export const toolNames: readonly string[] = Object.keys(tools);

type Method = (server: string, params: JsonObject) => EchoAnswer | undefined;

const methods: Readonly<Record<string, Method>> = {
  initialize: (server, { protocolVersion }) => ({
    result: {
      protocolVersion,
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: server, version: "1" },
    },
  }),
  ping: () => ({ result: {} }),
  "tools/list": () => ({
    result: {
      tools: toolNames.map((name) => ({
        name,
        description: "Answers at once",
        inputSchema: { type: "object" },
      })),
    },
  }),
  "tools/call": (server, params) =>
    tools[String(params["name"])]?.(
      server,
      (params["arguments"] ?? {}) as JsonObject,
      (params["_meta"] ?? {}) as JsonObject,
    ),
};

/** All messages that answer one, the response last; none for a notification. */
export function messagesFor(
  server: string,
  { id, method, params = {} }: EchoRequest,
): JsonObject[] {
  if (id === undefined) return [];
  const answer = methods[method]?.(server, params);
  if (answer !== undefined) {
    return [...answer.before ?? [], toMessage({ id, result: answer.result })];
  }
  const text = `Unknown: ${method} ${params["name"] ?? ""}`;
  return [toMessage({ id, error: { code: -32601, message: text } })];
}
