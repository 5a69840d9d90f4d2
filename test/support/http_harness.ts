/**
 * A whole HTTP layer without a socket for tests: fake gateway, store in memory, a clock that the
 * test steers, and small clients that play the two transports with `Request`s.
 */
import type { Authenticator } from "../../src/auth/authenticator.ts";
import { createNoAuthenticator } from "../../src/auth/none.ts";
import type { Bus } from "../../src/bus/bus.ts";
import { createInProcessBus } from "../../src/bus/in_process.ts";
import type { GatewayConfig } from "../../src/config/config.ts";
import type { ConnectParts } from "../../src/http/oauth/connect_access.ts";
import type { PagesParts } from "../../src/http/oauth/browser_request.ts";
import type { RatesOf } from "../../src/gateway/access_rates.ts";
import { surfaceKinds } from "../../src/http/surface_kinds.ts";
import { createHttpHandler, type HttpHandler } from "../../src/http/routes.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import { sha256 } from "../../src/runtime/digest.ts";
import type { FetchContext } from "../../src/runtime/runtime.ts";
import { createMemorySessionStore } from "../../src/store/memory_sessions.ts";
import type { EventStore } from "../../src/session/event_store.ts";
import { createEventWriter } from "../../src/session/event_writer.ts";
import type { SessionStore } from "../../src/session/session_store.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { createFakeGateway, type FakeGateway } from "./fake_gateway.ts";
import { createLogReader } from "../../src/telemetry/log_reader.ts";
import { createTestLog, type TestRecord } from "./log.ts";
import { createTestRates } from "./rates.ts";
import { within } from "./wait.ts";
import { setImmediate } from "node:timers";

type Headers = Record<string, string>;

/** Who the gateway says it is. */
export const identity = { name: "mcp-wrapper", version: "1.2.3" };

/** What a test can decide. */
export interface HarnessOptions {
  readonly limits?: Partial<Limits>;
  readonly config?: Partial<GatewayConfig>;
  readonly gateway?: FakeGateway;
  readonly authenticator?: Authenticator;
  readonly operatorToken?: string;
  /** How often each server was started again. */
  readonly restartsOf?: (server: string) => number;
  /** The pages of the authorization server. */
  readonly pages?: PagesParts;
  /** The pages of log-ins at protected servers. */
  readonly connect?: ConnectParts;
  /** The store and clock of another harness, to play a restart. */
  readonly store?: SessionStore;
  /** Where the streams of sessions are stored; absent: nowhere. */
  readonly events?: EventStore;
  /** The bus of another harness, to play a second instance. */
  readonly bus?: Bus;
  readonly clock?: TestClock;
  /** The name of the instance; two harnesses with one store may play two instances. */
  readonly instance?: string;
  /** How fast a principal may call. */
  readonly ratesOf?: RatesOf;
  /** When the next turn of the event loop begins. */
  readonly nextTurn?: (run: () => void) => void;
  /** Addresses of the machine's interfaces, which the test may change. */
  readonly addresses?: readonly string[];
}

/** The layer and its surroundings. */
export interface Harness {
  readonly handler: HttpHandler;
  readonly gateway: FakeGateway;
  readonly store: SessionStore;
  readonly bus: Bus;
  readonly clock: TestClock;
  readonly records: readonly TestRecord[];
  send(method: string, path: string, init?: SendInit): Promise<Response>;
  /** Lets what was said so far be written, and the time between a progress and its answer pass. */
  passGap(): Promise<void>;
  /** Opens a session by the handshake. */
  connect(options?: ConnectOptions): Promise<TestSession>;
}

/** Beside method and path. */
export interface SendInit {
  readonly headers?: Headers;
  /** Text as it is; anything else as JSON. */
  readonly body?: unknown;
  readonly context?: FetchContext;
  /** Aborts when the client leaves before its answer. */
  readonly signal?: AbortSignal;
}

/** A handshake's choices. */
export interface ConnectOptions {
  readonly revision?: string;
  readonly capabilities?: JsonObject;
  readonly path?: string;
}

/** A client's session. */
export interface TestSession {
  readonly id: string;
  readonly result: JsonObject;
  post(message: unknown, headers?: Headers): Promise<Response>;
  get(headers?: Headers): Promise<Response>;
  remove(): Promise<Response>;
}

/** One frame of an event stream; `comment` frames too. */
export interface TestFrame {
  readonly event?: string;
  readonly id?: string;
  readonly data?: string;
  readonly retry?: string;
  readonly comment?: string;
}

/** Reads a stream frame by frame. */
export interface FrameReader {
  /** The next frame; undefined at the end. */
  next(): Promise<TestFrame | undefined>;
  /** The next frame with data that is not empty, parsed. */
  message(): Promise<JsonObject & { readonly [name: string]: unknown }>;
  /** All frames until the end. */
  rest(): Promise<TestFrame[]>;
  cancel(): Promise<void>;
}

/** Makes the layer and opens it. */
export function createHarness(options: HarnessOptions = {}): Harness {
  const gateway = options.gateway ?? createFakeGateway();
  const store = options.store ?? createMemorySessionStore();
  const clock = options.clock ?? createTestClock();
  const log = createTestLog();
  const bus = options.bus ??
    createInProcessBus({ limits: { ...defaultLimits, ...options.limits }, log });
  const limits = { ...defaultLimits, ...options.limits };
  const emit = createLogReader(log, limits);
  const handler = createHttpHandler({
    gateway,
    rates: createTestRates({ ratesOf: options.ratesOf, clock, limits, emit }),
    surfaceKinds,
    authenticator: options.authenticator ?? createNoAuthenticator(),
    sessions: store,
    events: options.events && createEventWriter({
      store: options.events,
      clock,
      limits,
      log,
      nextTurn: (run) => void setImmediate(run),
    }),
    bus,
    limits,
    clock,
    log,
    emit,
    identity,
    instance: options.instance ?? "this-gateway",
    addresses: () => options.addresses ?? [],
    nextTurn: options.nextTurn ?? ((run) => void setTimeout(run, 0)),
    sha256,
    config: {
      host: "localhost",
      port: 8999,
      allowedHosts: [],
      allowedOrigins: [],
      sessionTimeoutMs: 3_600_000,
      ...options.config,
    },
    operatorToken: options.operatorToken,
    restartsOf: options.restartsOf,
    pages: options.pages,
    connect: options.connect,
  });
  handler.open();
  const send: Harness["send"] = (method, path, { headers, body, context, signal } = {}) => {
    const init: RequestInit = { method, headers: { host: "localhost:8999", ...headers } };
    if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
    if (signal !== undefined) init.signal = signal;
    const request = new Request(`http://localhost:8999${path}`, init);
    return within(`${method} ${path}`, handler.fetch(request, context));
  };
  return {
    handler,
    gateway,
    store,
    bus,
    clock,
    records: log.records,
    send,
    async passGap() {
      await new Promise((resolve) => setTimeout(resolve, 0));
      clock.advance(defaultLimits.progressGapMs);
    },
    async connect({ revision = "2025-11-25", capabilities = {}, path = "/mcp" } = {}) {
      const response = await send("POST", path, {
        headers: jsonHeaders,
        body: initialize(revision, capabilities),
      });
      const { result } = await response.json() as { result: JsonObject };
      const id = response.headers.get("mcp-session-id") ?? "";
      return { ...sessionOf({ send }, id, path), result };
    },
  };
}

/** What an SDK client sends with a POST. */
export const jsonHeaders: Headers = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};

/** The first message of a client. */
export function initialize(
  revision: string,
  capabilities: JsonObject = {},
  id = 0,
  name = "test",
): JsonObject {
  const clientInfo = { name, version: "1" };
  return request(id, "initialize", { protocolVersion: revision, capabilities, clientInfo });
}

/** A request message. */
export function request(id: unknown, method: string, params: JsonObject = {}): JsonObject {
  return { jsonrpc: "2.0", id, method, params };
}

/** A call of the tool that a test answers by hand. */
export function slowCall(id: unknown, meta: JsonObject = {}): JsonObject {
  return request(id, "tools/call", { name: "slow", arguments: {}, _meta: meta });
}

/** A client that goes on with a session id. */
export function sessionOf(
  { send }: Pick<Harness, "send">,
  id: string,
  path = "/mcp",
): Omit<TestSession, "result"> {
  const own = { "mcp-session-id": id };
  return {
    id,
    post: (message, headers) =>
      send("POST", path, { headers: { ...jsonHeaders, ...own, ...headers }, body: message }),
    get: (headers) =>
      send("GET", path, { headers: { accept: "text/event-stream", ...own, ...headers } }),
    remove: () => send("DELETE", path, { headers: own }),
  };
}

/** Reads the frames of a response. */
export function framesOf(response: Response): FrameReader {
  if (response.body === null) throw new Error(`No body in a response of ${response.status}`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const next = async (): Promise<TestFrame | undefined> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const frame = toFrame(text.slice(0, end));
        text = text.slice(end + 2);
        return frame;
      }
      const { done, value } = await within("a frame", reader.read());
      if (done) return undefined;
      text += decoder.decode(value, { stream: true });
    }
  };
  return {
    next,
    async message() {
      for (;;) {
        const frame = await next();
        if (frame === undefined) throw new Error("The stream ended without another message");
        if (frame.data) return JSON.parse(frame.data);
      }
    },
    async rest() {
      const frames: TestFrame[] = [];
      for (let frame = await next(); frame !== undefined; frame = await next()) frames.push(frame);
      return frames;
    },
    cancel: () => reader.cancel(),
  };
}

function toFrame(text: string): TestFrame {
  const frame: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const name = colon === 0 ? "comment" : line.slice(0, colon);
    frame[name] = line.slice(colon + 1).replace(/^ /, "");
  }
  return frame;
}

/** The JSON-RPC error of a response. */
export async function errorOf(
  response: Response,
): Promise<{ status: number; code: number; message: string; id: unknown; data: unknown }> {
  const body = await response.json() as {
    id?: unknown;
    error: { code: number; message: string; data?: unknown };
  };
  const { code, message, data } = body.error;
  return { status: response.status, code, message, id: body.id, data };
}
