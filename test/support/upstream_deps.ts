/**
 * What an upstream needs in tests: the real platform, short times, a warden that remembers, a
 * catalog store in memory, and a log that can be read. Shared by the tests of src/upstream.
 */
import { next } from "./pull.ts";
import process from "node:process";
import { anonymous } from "../../src/auth/none.ts";
import { systemClock } from "../../src/clock.ts";
import type { StdioServerConfig } from "../../src/config/config.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { Log, LogFields } from "../../src/log.ts";
import type {
  Answer,
  Ask,
  Call,
  Caller,
  Exchange,
  JsonObject,
  Notice,
  Reply,
  Watcher,
} from "../../src/model.ts";
import { createProcessLimit } from "../../src/upstream/mcp/process_limit.ts";
import { createCorrectionLog } from "../../src/upstream/catalog/correction_log.ts";
import type { Catalog, UpstreamDeps } from "../../src/upstream/deps.ts";
import { createLogReader } from "../../src/telemetry/log_reader.ts";
import { createReadTurns } from "../../src/upstream/read_turns.ts";
import { createSpares } from "../../src/upstream/stdio/spares.ts";
import type { Interest, Upstream } from "../../src/upstream/upstream.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createTestCredentialStore } from "./credentials.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createTestGrants } from "./test_grants.ts";
import { toAudience } from "./scope_audience.ts";
import { startMsMax } from "./wait.ts";

/** One record of a test's log. */
export interface LogLine {
  readonly severity: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** Dependencies whose traces a test can read. */
export interface TestDeps extends UpstreamDeps {
  readonly lines: LogLine[];
  /** Groups that the warden holds now. */
  readonly held: Set<number>;
  /** Every group it ever held. */
  readonly everHeld: number[];
  readonly catalogsByKey: Map<string, Catalog>;
}

/** Makes dependencies on the real platform; `limits` differ from the defaults. */
export async function createTestDeps(
  limits: Partial<Limits> = {},
  overrides: Partial<UpstreamDeps> = {},
): Promise<TestDeps> {
  const all: Limits = { ...defaultLimits, stopMs: 300, strayMs: 100, ...limits };
  const lines: LogLine[] = [];
  const held = new Set<number>();
  const everHeld: number[] = [];
  const catalogsByKey = new Map<string, Catalog>();
  const clock = overrides.clock ?? systemClock;
  const log = createTestLog(lines);
  const emit = createLogReader(log, all);
  const processLimit = createProcessLimit(all, clock, emit);
  const runtime = overrides.runtime ?? await createTestRuntime();
  return {
    runtime,
    limits: all,
    clock,
    log,
    emit,
    corrections: createCorrectionLog("test", log, all),
    catalogs: {
      load: async (key) => catalogsByKey.get(key),
      keys: async () => [...catalogsByKey.keys()].reverse(),
      save: async (key, _server, catalog) => void catalogsByKey.set(key, catalog),
      remove: async (keys) => keys.forEach((key) => catalogsByKey.delete(key)),
    },
    processLimit,
    spares: createSpares(all, clock, processLimit),
    warden: {
      hold: async (groupId) => {
        held.add(groupId);
        everHeld.push(groupId);
      },
      release: (groupId) => void held.delete(groupId),
      close: async () => {},
    },
    readTurns: createReadTurns({ runtime, limits: all }),
    digest: async (text) => hexOf(text),
    credentialStore: createTestCredentialStore(),
    grants: createTestGrants({ runtime, limits: all, clock, log }),
    addSecrets: () => {},
    identity: { name: "mcp-wrapper", version: "0.0.0" },
    instance: "this-gateway",
    ...overrides,
    lines,
    held,
    everHeld,
    catalogsByKey,
  };
}

/** A text in hex, which no key takes for a part of itself. */
function hexOf(text: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A log that keeps its records. */
export function createTestLog(lines: LogLine[]): Log {
  const at = (severity: LogLine["severity"]) => (message: string, fields: LogFields = {}) =>
    void lines.push({ severity, message, fields });
  const log: Log = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    source: () => log,
  };
  return log;
}

/** The configuration of a hostile child (see test/fault/hostile_child.ts). */
export function hostileConfig(
  options: readonly string[] = [],
  overrides: Partial<StdioServerConfig> = {},
): StdioServerConfig {
  const { PATH = "", HOME = "", DENO_DIR } = process.env;
  const environment: Record<string, string> = { PATH, HOME };
  if (DENO_DIR !== undefined) environment["DENO_DIR"] = DENO_DIR;
  return {
    kind: "stdio",
    name: "hostile",
    ...hostileCommand(...options),
    env: {},
    environment,
    isolation: "session",
    identify: true,
    roots: "relay",
    era: "auto",
    callTimeoutMs: startMsMax,
    startTimeoutMs: startMsMax,
    idleTimeoutMs: 60_000,
    tools: {},
    // Tests count processes, and on a busy machine any start is slow.
    spare: false,
    ...overrides,
  };
}

/** A caller of one scope. */
export function callerOf(scope: string, overrides: Partial<Caller> = {}): Caller {
  return {
    principal: anonymous,
    scope,
    revision: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "0" },
    ...overrides,
  };
}

/** A call of a tool. */
export function toolCall(
  name: string,
  args: JsonObject = {},
  caller: Caller = callerOf("a"),
  wantsProgress = false,
): Call {
  return { method: "tools/call", params: { name, arguments: args }, wantsProgress, caller };
}

/** The end of an exchange, and what came before it. */
export async function drain(
  exchange: Exchange,
  onAsk: (ask: Ask) => Answer | undefined = () => undefined,
): Promise<{ notices: Notice[]; asks: Ask[]; end: Reply }> {
  const notices: Notice[] = [];
  const asks: Ask[] = [];
  for (;;) {
    const reply = await next(exchange);
    if (reply.kind === "notice") notices.push(reply);
    else if (reply.kind === "ask") {
      asks.push(reply);
      const answer = onAsk(reply);
      if (answer !== undefined) exchange.answer(reply.id, answer);
    } else return { notices, asks, end: reply };
  }
}

/** The first text of a tool's result; throws what the call failed with. */
export function textOf(reply: Reply): string {
  if (reply.kind === "failure") throw reply.error;
  const content = reply.kind === "result" ? reply.value["content"] : undefined;
  const first = Array.isArray(content) ? content[0] as JsonObject : {};
  return String(first["text"]);
}

/** Calls a tool and gives its text. */
export async function callTool(
  upstream: Upstream,
  name: string,
  args: JsonObject = {},
  caller: Caller = callerOf("a"),
): Promise<string> {
  return textOf((await drain(upstream.open(toolCall(name, args, caller)))).end);
}

/** Calls a tool that must fail and gives the failure as JSON-RPC. */
export async function failTool(
  upstream: Upstream,
  name: string,
  args: JsonObject = {},
  caller: Caller = callerOf("a"),
): Promise<{ code: number; message: string; data: JsonObject }> {
  const { end } = await drain(upstream.open(toolCall(name, args, caller)));
  if (end.kind !== "failure") throw new Error(`It went well: ${JSON.stringify(end)}`);
  return { data: {}, ...end.error.toRpc() } as { code: number; message: string; data: JsonObject };
}

/** The state that the hostile child tells of itself. */
export async function stateOf(
  upstream: Upstream,
  caller: Caller = callerOf("a"),
): Promise<{
  pid: number;
  capabilities: JsonObject;
  level?: string;
  subscriptions: string[];
  cancelled: unknown[];
  /** The answers to questions that it asked in no call. */
  lateAnswers: { readonly error?: { readonly code: number } }[];
  env: Record<string, string>;
  argv: string[];
}> {
  return JSON.parse(await callTool(upstream, "state", {}, caller));
}

/** A watcher that records what it gets and answers by `onAsk`. */
export function watchScope(
  upstream: Upstream,
  client: string | Caller,
  onAsk: (ask: Ask) => Promise<Answer> = () => Promise.reject(new Error("no client to ask")),
  interest: Interest = { subscriptions: [] },
): { notices: Notice[]; asks: Ask[]; methods(): string[]; end(): void } {
  const notices: Notice[] = [];
  const asks: Ask[] = [];
  const watcher: Watcher = {
    notice: (notice) => void notices.push(notice),
    ask(ask) {
      asks.push(ask);
      return onAsk(ask);
    },
  };
  const caller = typeof client === "string" ? callerOf(client) : client;
  const end = upstream.watch(toAudience(caller, watcher, () => interest));
  return { notices, asks, methods: () => notices.map(({ method }) => method), end };
}
