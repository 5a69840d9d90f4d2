/**
 * An MCP server over stdio that misbehaves on demand. It needs no dependency and no build, and runs
 * under Bun, Deno and Node 22, so that any test can put it behind the gateway (see
 * hostile_command.ts for how to start it). Without options it is a well-behaved server.
 *
 * Options (argv), for faults of the process:
 *   --stderr=TEXT          says TEXT on stderr first (written whole before anything else happens)
 *   --start-file=PATH      appends its pid, a line per start
 *   --exit=CODE            exits at once (after --stderr and --start-file)
 *   --exit-until=N         exits with 1 while the start file has fewer than N lines, then behaves
 *   --lock=PATH            exits with 1 where another one with this lock runs, else holds it
 *   --stale=N              exits at its first message when its pid is line N of the start file
 *   --input-file=PATH      appends its pid and every message that it gets, a line each
 *   --init=never           never answers initialize
 *   --init=error           answers initialize with an error
 *   --init=bad             answers initialize with `{}`
 *   --init=slow:MS         answers initialize after MS
 *   --init=exit            exits when initialize arrives
 *   --probe=exit           exits when asked which revisions it speaks (`server/discover`)
 *   --probe=refuse         the same, and says that it expected another message
 *   --probe=crash          the same, and says something that has nothing to do with it
 *   --probe=never          never answers that question
 *   --probe=late           refuses it once the handshake is over, and names 2026-07-28 as served
 *   --stateless            speaks 2026-07-28 alone: no handshake, and every request with its envelope
 *   --revision=REVISION    the protocol version it answers (default: the one asked for)
 *   --caps=a,b             capabilities among tools, prompts, resources, logging, completions,
 *                          subscribe (default: all)
 *   --tools=N              N more tools, named extra_0 …
 *   --page=N               N items a page in lists
 *   --list-never=LIST      never answers with that list, such as `prompts`
 *   --cursor-loop          every page of a list has the same next cursor
 *   --roots-at-start       asks for roots right after the handshake, with id 0
 *   --trap-term            ignores SIGTERM
 *   --ignore-eof           goes on when stdin ends
 *   --deaf                 stops reading stdin after the handshake
 *   --setsid               that `sleep` leaves the process group
 *   --grandchild=PATH      starts a `sleep` that keeps the pipes, its pid in PATH
 *   --banner               prints garbage before the handshake: text, binary, an empty line
 *   --flood=stdout|notices|stderr   writes without end after the handshake
 *   --crlf                 ends its lines with \r\n
 *   --split                writes every line in two pieces, the cut inside a character if there is one
 *   --count-file=PATH      appends the tool's name for every call that is executed
 *   --list-changed         sends tools/list_changed after every call
 *
 * Tools:
 *   echo {…}               its arguments as JSON text
 *   nonce {nonce}          the nonce, after a random time of up to 5 ms
 *   slow {ms}              answers after ms; honours notifications/cancelled by silence
 *   hang                   never answers
 *   state                  {pid, capabilities, level, subscriptions, cancelled, env, argv} as JSON text
 *   count                  answers with the number of tool calls this process executed
 *   progress {steps, ms}   a progress notice each ms (when asked for one), then the answer
 *   log {level, text}      a log notice, then the answer
 *   notify {method, params, late?} sends that notification, then answers; `late` as for ask
 *   ask {method, params, late?}    asks the client; the answer (result or error) as JSON text.
 *                          `late` ms: answers the call first and asks after that time
 *   add_tool {name}        adds a tool and says list_changed
 *   crash {how}            how: exit, flush (exits when all is written), SIGSEGV, SIGKILL
 *   bad {how}              how: wrong-id, string-id, duplicate, error-without-id, not-object, half,
 *                          garbage, late {ms} (deaf to cancellation), two-on-a-line, batch, long-line (100 MB with the answer's id last),
 *                          endless-line (17 MB without an id, then the answer), answer-others {id}
 *   say {text, bytes}      the text repeated up to bytes, as its answer
 * Prompts: `greet`. Resources: `mem://a`, `mem://b`, template `mem://items/{id}`. A subscribed URI
 * gets resources/updated when a call of the tool `notify` asks for it.
 */
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import process from "node:process";

type Json = Record<string, unknown>;

const options = new Map<string, string>();
for (const argument of process.argv.slice(2)) {
  const [key, ...rest] = argument.replace(/^--/, "").split("=");
  options.set(key ?? "", rest.join("="));
}
const option = (name: string): string | undefined => options.get(name);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const stderrText = option("stderr");
if (stderrText !== undefined) writeSync(2, stderrText + "\n");
const startFile = option("start-file");
if (startFile !== undefined) appendFileSync(startFile, `${process.pid}\n`);
if (option("exit") !== undefined) process.exit(Number(option("exit")));
const starts = startFile === undefined
  ? []
  : readFileSync(startFile, "utf8").split("\n").filter(Boolean);
if (starts.length < Number(option("exit-until") ?? 0)) process.exit(1);
const lockFile = option("lock");
if (lockFile !== undefined) {
  if (isHeld(lockFile)) {
    writeSync(2, "the profile is in use\n");
    process.exit(1);
  }
  writeFileSync(lockFile, String(process.pid));
}
function isHeld(path: string): boolean {
  try {
    process.kill(Number(readFileSync(path, "utf8")), 0);
    return true;
  } catch {
    return false;
  }
}
if (option("trap-term") !== undefined) process.on("SIGTERM", () => {});
const grandchildFile = option("grandchild");
if (grandchildFile !== undefined) {
  const detached = option("setsid") !== undefined;
  const grandchild = spawn("sleep", ["300"], { stdio: "inherit", detached });
  writeFileSync(grandchildFile, String(grandchild.pid));
}

const lineEnd = option("crlf") === undefined ? "\n" : "\r\n";
let writing: Promise<unknown> = Promise.resolve();

function raw(bytes: string | Uint8Array): Promise<void> {
  const written = writing.then(() =>
    new Promise<void>((resolve) => process.stdout.write(bytes, () => resolve()))
  );
  writing = written;
  return written;
}

function send(message: unknown): void {
  const text = JSON.stringify(message) + lineEnd;
  if (option("split") === undefined) return void raw(text);
  const bytes = new TextEncoder().encode(text);
  const inside = bytes.findIndex((byte) => (byte & 0xc0) === 0x80);
  const cut = inside > 0 ? inside : Math.floor(bytes.length / 2);
  raw(bytes.slice(0, cut));
  writing = writing.then(() => sleep(5));
  raw(bytes.slice(cut));
}
const result = (id: unknown, value: unknown) => send({ jsonrpc: "2.0", id, result: value });
const failure = (id: unknown, code: number, message: string, data?: unknown) =>
  send({ jsonrpc: "2.0", id, error: { code, message, data } });
const notify = (method: string, params: unknown) => send({ jsonrpc: "2.0", method, params });
const text = (id: unknown, value: string) =>
  result(id, { content: [{ type: "text", text: value }] });

const granted = (option("caps") ?? "tools,prompts,resources,logging,completions,subscribe")
  .split(",");
const capabilities: Json = {};
if (granted.includes("tools")) capabilities["tools"] = { listChanged: true };
if (granted.includes("prompts")) capabilities["prompts"] = { listChanged: true };
if (granted.includes("resources")) {
  capabilities["resources"] = { listChanged: true, subscribe: granted.includes("subscribe") };
}
if (granted.includes("logging")) capabilities["logging"] = {};
if (granted.includes("completions")) capabilities["completions"] = {};

const state = {
  clientCapabilities: {} as unknown,
  level: undefined as unknown,
  subscriptions: new Set<string>(),
  cancelled: [] as unknown[],
  lateAnswers: [] as Json[],
  executed: 0,
  nextAskId: 0,
};
const asks = new Map<number, (reply: Json) => void>();

function ask(method: string, params: unknown): Promise<Json> {
  const id = state.nextAskId++;
  send({ jsonrpc: "2.0", id, method, params });
  return new Promise((resolve) => asks.set(id, resolve));
}

type Tool = (id: unknown, args: Json, meta: Json) => void | Promise<void>;
const tools: Record<string, Tool> = {
  echo: (id, args) => text(id, JSON.stringify(args)),
  nonce: async (id, args) => {
    await sleep(Math.random() * 5);
    text(id, String(args["nonce"]));
  },
  slow: async (id, args) => {
    await sleep(Number(args["ms"]));
    if (!state.cancelled.includes(id)) text(id, "done");
  },
  hang: () => {},
  state: (id) =>
    text(
      id,
      JSON.stringify({
        pid: process.pid,
        capabilities: state.clientCapabilities,
        level: state.level,
        subscriptions: [...state.subscriptions],
        cancelled: state.cancelled,
        lateAnswers: state.lateAnswers,
        env: { ...process.env },
        argv: process.argv.slice(2),
      }),
    ),
  count: (id) => text(id, String(state.executed)),
  progress: async (id, args, meta) => {
    const steps = Number(args["steps"]);
    for (let step = 1; step <= steps; step++) {
      if (args["ms"] !== undefined) await sleep(Number(args["ms"]));
      if (meta["progressToken"] === undefined) continue;
      notify("notifications/progress", {
        progressToken: meta["progressToken"],
        progress: step,
        total: steps,
        message: `step ${step} of ${args["label"] ?? ""}`,
      });
    }
    text(id, "done");
  },
  log: (id, args) => {
    notify("notifications/message", { level: args["level"] ?? "info", data: args["text"] });
    text(id, "logged");
  },
  notify: async (id, args) => {
    if (args["late"] !== undefined) {
      text(id, "will notify");
      await sleep(Number(args["late"]));
      return notify(String(args["method"]), args["params"]);
    }
    notify(String(args["method"]), args["params"]);
    text(id, "notified");
  },
  ask: async (id, args) => {
    const late = args["late"];
    if (late !== undefined) {
      text(id, "will ask");
      await sleep(Number(late));
      state.lateAnswers.push(await ask(String(args["method"]), args["params"]));
      return;
    }
    text(id, JSON.stringify(await ask(String(args["method"]), args["params"])));
  },
  add_tool: (id, args) => {
    extraTools.push(String(args["name"]));
    notify("notifications/tools/list_changed", {});
    text(id, "added");
  },
  crash: (_id, args) => {
    const how = String(args["how"]);
    if (how === "exit") process.exit(1);
    if (how === "flush") return void writing.then(() => process.exit(1));
    // Deno's own handler takes the first SIGSEGV that comes from outside, and steps aside.
    setInterval(() => process.kill(process.pid, how as "SIGKILL"), 1);
  },
  bad: (id, args) => answerBadly(id, args),
  say: (id, args) => {
    const unit = String(args["text"]);
    text(id, unit.repeat(Math.ceil(Number(args["bytes"]) / unit.length)));
  },
};
const extraTools: string[] = [];
for (let index = 0; index < Number(option("tools") ?? 0); index++) {
  extraTools.push(`extra_${index}`);
}

async function answerBadly(id: unknown, args: Json): Promise<void> {
  const good = { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "good" }] } };
  const foul = { jsonrpc: "2.0", result: { content: [{ type: "text", text: "foul" }] } };
  switch (args["how"]) {
    case "wrong-id":
      send({ ...foul, id: 999_999 });
      break;
    case "string-id":
      send({ ...foul, id: String(id) });
      break;
    case "duplicate":
      send(good);
      return send({ ...foul, id });
    case "error-without-id":
      send({ jsonrpc: "2.0", id: null, error: { code: -32603, message: "who asked?" } });
      break;
    case "not-object":
      return send({ jsonrpc: "2.0", id, result: "just text" });
    case "half":
      raw('{"jsonrpc":"2.0","id":');
      await sleep(20);
      return void raw(`${JSON.stringify(id)},"result":${JSON.stringify(good.result)}}${lineEnd}`);
    case "garbage":
      raw('Loading model... 42%\n\n[]\n{}\nnull\n{"jsonrpc":"2.0"\n');
      raw(new Uint8Array([0, 255, 254, 192, 10, 13, 10]));
      break;
    case "late":
      await sleep(Number(args["ms"]));
      break;
    case "two-on-a-line":
      raw(`${JSON.stringify({ ...foul, id })}${JSON.stringify({ ...foul, id })}\n`);
      break;
    case "batch":
      return send([{
        jsonrpc: "2.0",
        method: "notifications/message",
        params: { level: "info", data: "in a batch" },
      }, good]);
    case "long-line":
      raw('{"jsonrpc":"2.0","result":{"content":[{"type":"text","text":"');
      for (let sent = 0; sent < 100; sent++) await raw("x".repeat(1024 * 1024));
      return void raw(`"}]},"id":${JSON.stringify(id)}}\n`);
    case "endless-line":
      for (let sent = 0; sent < 17; sent++) await raw("x".repeat(1024 * 1024));
      raw("\n");
      break;
    case "answer-others":
      send({ ...foul, id: args["id"] });
      notify("notifications/cancelled", { requestId: args["id"] });
      notify("notifications/progress", { progressToken: args["id"], progress: 1 });
      break;
  }
  send(good);
}

function page(id: unknown, params: Json, key: string, items: Json[]): void {
  if (option("list-never") === key) return;
  const size = Number(option("page") ?? items.length) || 1;
  const start = Number(params["cursor"] ?? 0) || 0;
  const value: Json = { [key]: items.slice(start, start + size) };
  if (option("cursor-loop") !== undefined) value["nextCursor"] = "0";
  else if (start + size < items.length) value["nextCursor"] = String(start + size);
  result(id, value);
}

const methods: Record<string, (id: unknown, params: Json) => void | Promise<void>> = {
  initialize: async (id, params) => {
    const how = option("init") ?? "";
    if (how === "never") return;
    if (how === "exit") process.exit(3);
    if (how === "error") return failure(id, -32603, "no licence");
    if (how === "bad") return result(id, {});
    if (how.startsWith("slow:")) await sleep(Number(how.slice("slow:".length)));
    state.clientCapabilities = params["capabilities"];
    result(id, {
      protocolVersion: option("revision") ?? params["protocolVersion"],
      capabilities,
      serverInfo: { name: "hostile-child", version: "1.0.0" },
      instructions: "Be careful",
    });
  },
  ping: (id) => result(id, {}),
  "tools/list": (id, params) =>
    page(
      id,
      params,
      "tools",
      [...Object.keys(tools), ...extraTools].map((name) => ({
        name,
        description: `The tool ${name}`,
        inputSchema: { type: "object" },
      })),
    ),
  "tools/call": (id, params) => {
    const name = String(params["name"]);
    const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
    if (tool === undefined && !extraTools.includes(name)) {
      return failure(id, -32602, `Unknown tool: ${name}`, { tool: name });
    }
    state.executed++;
    const countFile = option("count-file");
    if (countFile !== undefined) appendFileSync(countFile, name + "\n");
    const args = (params["arguments"] ?? {}) as Json;
    const done = tool === undefined
      ? text(id, name)
      : tool(id, args, (params["_meta"] ?? {}) as Json);
    if (option("list-changed") !== undefined) notify("notifications/tools/list_changed", {});
    return done;
  },
  "prompts/list": (id, params) => page(id, params, "prompts", [{ name: "greet" }]),
  "prompts/get": (id, params) =>
    result(id, {
      messages: [{ role: "user", content: { type: "text", text: `Hello, ${params["name"]}` } }],
    }),
  "resources/list": (id, params) =>
    page(id, params, "resources", ["mem://a", "mem://b"].map((uri) => ({ uri, name: uri }))),
  "resources/templates/list": (id, params) =>
    page(id, params, "resourceTemplates", [{ uriTemplate: "mem://items/{id}", name: "items" }]),
  "resources/read": (id, params) =>
    result(id, { contents: [{ uri: params["uri"], text: `content of ${params["uri"]}` }] }),
  "resources/subscribe": (id, params) => {
    state.subscriptions.add(String(params["uri"]));
    result(id, {});
  },
  "resources/unsubscribe": (id, params) => {
    state.subscriptions.delete(String(params["uri"]));
    result(id, {});
  },
  "logging/setLevel": (id, params) => {
    state.level = params["level"];
    result(id, {});
  },
  "completion/complete": (id) => result(id, { completion: { values: ["one", "two"] } }),
};

const prefix = "io.modelcontextprotocol/";
const isStateless = option("stateless") !== undefined;
const lateProbes: unknown[] = [];
/** As a server in Rust and one in JavaScript say it. */
const lastWords: Record<string, string> = {
  refuse: "Error: expect initialized request, but received: Some(Request(JsonRpcRequest { .. }))",
  crash: "TypeError: Cannot read properties of undefined (reading 'tools')\n    at main",
};
methods["server/discover"] = (id) => {
  if (option("probe") === "exit") process.exit(4);
  const words = lastWords[option("probe") ?? ""];
  if (words !== undefined) {
    writeSync(2, `${words}\n`);
    process.exit(1);
  }
  if (option("probe") === "never") return;
  if (option("probe") === "late") return void (lateProbes.push(id));
  if (!isStateless) return failure(id, -32601, "Method not found: server/discover");
  result(id, {
    resultType: "complete",
    supportedVersions: ["2026-07-28"],
    capabilities,
    ttlMs: 0,
    cacheScope: "private",
    _meta: { [`${prefix}serverInfo`]: { name: "hostile-child", version: "1.0.0" } },
  });
};
if (isStateless) {
  delete methods["initialize"];
  methods["subscriptions/listen"] = (id, { notifications }) =>
    notify("notifications/subscriptions/acknowledged", {
      notifications,
      _meta: { [`${prefix}subscriptionId`]: id },
    });
}

function afterHandshake(): void {
  for (const id of lateProbes.splice(0)) {
    failure(id, -32022, "Unsupported protocol version", { supported: ["2026-07-28"] });
  }
  if (option("roots-at-start") !== undefined) void ask("roots/list", {});
  if (option("deaf") !== undefined) {
    process.stdin.pause();
    setInterval(() => {}, 1_000);
  }
  const flood = option("flood");
  if (flood === undefined) return;
  const line = flood === "notices"
    ? '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"flood"}}\n'
    : "y\n";
  const block = line.repeat(Math.ceil(65_536 / line.length));
  const target = flood === "stderr" ? process.stderr : process.stdout;
  const pump = () => {
    if (target.write(block)) setTimeout(pump, 0);
    else target.once("drain", pump);
  };
  pump();
}

function receive(line: string): void {
  if (starts.indexOf(String(process.pid)) + 1 === Number(option("stale"))) process.exit(1);
  const inputFile = option("input-file");
  if (inputFile !== undefined) appendFileSync(inputFile, `${process.pid} ${line}\n`);
  const message = JSON.parse(line) as Json;
  const method = message["method"];
  if (typeof method !== "string") {
    const id = message["id"] as number;
    asks.get(id)?.({ ...message, jsonrpc: undefined, id: undefined });
    asks.delete(id);
    return;
  }
  const params = (message["params"] ?? {}) as Json;
  if (message["id"] === undefined) {
    if (method === "notifications/initialized") afterHandshake();
    if (method === "notifications/cancelled") state.cancelled.push(params["requestId"]);
    if (method === "notifications/roots/list_changed") void ask("roots/list", {});
    return;
  }
  const run = Object.hasOwn(methods, method) ? methods[method] : undefined;
  const meta = (params["_meta"] ?? {}) as Json;
  if (isStateless && run !== undefined && meta[`${prefix}protocolVersion`] !== "2026-07-28") {
    return failure(message["id"], -32602, "Where is the envelope?");
  }
  if (run === undefined) failure(message["id"], -32601, `Method not found: ${method}`);
  else void run(message["id"], params);
}

if (option("banner") !== undefined) {
  raw("Welcome to the server!\n\n");
  raw(new Uint8Array([0, 255, 254, 128, 10]));
  raw('{"half": \n');
}
let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) if (line.trim() !== "") receive(line);
});
process.stdin.on("end", () => {
  if (option("ignore-eof") === undefined) return void writing.then(() => process.exit(0));
  setInterval(() => {}, 1_000);
});
