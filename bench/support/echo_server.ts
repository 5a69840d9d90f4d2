/**
 * The smallest MCP server over stdio. It answers at once, so that a benchmark measures the path to
 * it. `--name=NAME` is in what it echoes. With `--start-ms=N` it takes that long to start.
 */
import process from "node:process";
import { largeResult, type LargeShape } from "./large_results.ts";

type Json = Record<string, unknown>;

const option = (name: string) =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1];
const server = option("name") ?? "echo";
const startMs = option("start-ms");
if (startMs !== undefined) await new Promise((resolve) => setTimeout(resolve, Number(startMs)));

const line = (message: Json) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
const notice = (method: string, params?: Json) => line({ method, ...(params && { params }) });
const echoed = (args: Json) => ({
  content: [{ type: "text", text: JSON.stringify({ server, ...args }) }],
});

/** A tool's result, and the lines that are sent before it. */
interface ToolAnswer {
  readonly before?: string;
  readonly result: unknown;
}

const tools: Readonly<Record<string, (args: Json, meta: Json) => ToolAnswer>> = {
  echo: (args) => ({ result: echoed(args) }),
  large: (args) => ({
    result: largeResult(args["shape"] as LargeShape, JSON.stringify({ server, ...args })),
  }),
  /** Reports each step, then answers; all leaves in one write. */
  progress(args, { progressToken }) {
    const total = Number(args["steps"]);
    const steps = Array.from(
      { length: total },
      (_, at) => notice("notifications/progress", { progressToken, progress: at + 1, total }),
    );
    return { before: steps.join(""), result: echoed(args) };
  },
  /** Tells every client that the list of tools changed. */
  announce: (args) => ({
    before: notice("notifications/tools/list_changed"),
    result: echoed(args),
  }),
};

const methods: Readonly<Record<string, (params: Json) => ToolAnswer | undefined>> = {
  initialize: (params) => ({
    result: {
      protocolVersion: params["protocolVersion"],
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: server, version: "1" },
    },
  }),
  ping: () => ({ result: {} }),
  "tools/list": () => ({
    result: {
      tools: Object.keys(tools).map((name) => ({
        name,
        description: "Answers at once",
        inputSchema: { type: "object" },
      })),
    },
  }),
  "tools/call": (params) =>
    tools[String(params["name"])]?.(
      (params["arguments"] ?? {}) as Json,
      (params["_meta"] ?? {}) as Json,
    ),
};

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text: string) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  let out = "";
  for (const received of lines) {
    const { id, method, params } = JSON.parse(received);
    if (id === undefined) continue;
    const answer = methods[method]?.(params ?? {});
    out += answer === undefined
      ? line({ id, error: { code: -32601, message: `Unknown: ${method} ${params?.name ?? ""}` } })
      : (answer.before ?? "") + line({ id, result: answer.result });
  }
  if (out !== "") process.stdout.write(out);
});
process.stdin.on("end", () => process.exit(0));
