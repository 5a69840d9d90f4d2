/**
 * How the messages of servers with tasks travel that are written by hand: Streamable HTTP of 2026-07-28 with JSON answers, or
 * newline JSON-RPC over stdin and stdout. It ends with its stdin, so that it never outlives its
 * parent.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { serveFetch } from "../support/serve_fetch.ts";
import type { Json } from "./fixture_model.ts";

const prefix = "io.modelcontextprotocol/";
const revision = "2026-07-28";
const identity = { name: "conformance-tasks", version: "1.0.0" };

/** A JSON-RPC error as the answer to a request. */
export class Refusal extends Error {
  readonly code: number;
  readonly data: Json | undefined;

  constructor(code: number, message: string, data?: Json) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** What each method answers; a result without a kind is complete. */
export type Methods = Readonly<Record<string, (params: Json) => Json | Promise<Json>>>;

interface Message {
  readonly id?: unknown;
  readonly method: string;
  readonly params?: Json;
}

async function answer(methods: Methods, { id, method, params = {} }: Message): Promise<Json> {
  try {
    const named = (params["_meta"] as Json | undefined)?.[`${prefix}protocolVersion`];
    if (named === undefined) throw new Refusal(-32602, "params._meta names no revision");
    if (named !== revision) {
      const data = { supported: [revision], requested: named };
      throw new Refusal(-32022, `Cannot speak ${named}`, data);
    }
    const run = methods[method];
    if (run === undefined) throw new Refusal(-32601, `No method ${method}`);
    const result = await run(params);
    const _meta = { [`${prefix}serverInfo`]: identity };
    return { jsonrpc: "2.0", id, result: { resultType: "complete", ...result, _meta } };
  } catch (thrown) {
    const { code, message, data } = thrown instanceof Refusal
      ? thrown
      : new Refusal(-32603, String(thrown));
    return {
      jsonrpc: "2.0",
      id,
      error: { code, message, ...(data === undefined ? {} : { data }) },
    };
  }
}

/** Which member of the params a header repeats. */
const nameOf: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

const httpStatuses: Readonly<Record<number, number>> = {
  [-32601]: 404,
  [-32602]: 400,
  [-32020]: 400,
  [-32021]: 400,
  [-32022]: 400,
};

function headerFault({ headers }: Request, { method, params }: Message): string | undefined {
  if (headers.get("mcp-method") !== method) return "mcp-method";
  const member = nameOf[method];
  if (member === undefined || headers.get("mcp-name") === params?.[member]) return undefined;
  return "mcp-name";
}

/** The answer to one HTTP request. */
export async function answerHttp(methods: Methods, request: Request): Promise<Response> {
  if (request.method !== "POST") return new Response(null, { status: 405 });
  const message = await request.json() as Message;
  const { id } = message;
  if (id === undefined) return new Response(null, { status: 202 });
  const fault = headerFault(request, message);
  const body = fault === undefined
    ? await answer(methods, message)
    : { jsonrpc: "2.0", id, error: { code: -32020, message: `Header ${fault} does not match` } };
  const code = (body["error"] as { code: number } | undefined)?.code;
  const status = code === undefined ? 200 : httpStatuses[code] ?? 200;
  return Response.json(body, { status });
}

/** Serves until its stdin ends. */
export async function serve(methods: Methods, isHttp: boolean): Promise<void> {
  if (isHttp) {
    const { port } = await serveFetch((request) => answerHttp(methods, request));
    process.stdin.once("end", () => process.exit()).resume();
    console.log(String(port));
    return;
  }
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    const message = JSON.parse(line) as Message;
    if (message.id === undefined) return;
    process.stdout.write(`${JSON.stringify(await answer(methods, message))}\n`);
  });
  lines.once("close", () => process.exit());
}
