/**
 * A gateway whose clients have rights: `access` rows as a person writes them into `mcp.json`, servers
 * by hand behind it, and principals that a header names. Every byte that a client receives is kept.
 */
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle, type Tables } from "../../src/app.ts";
import type { Bus } from "../../src/bus/bus.ts";
import type { GatewayConfig } from "../../src/config/config.ts";
import { readConfig } from "../../src/config/environment.ts";
import { readServers } from "../../src/config/mcp_json.ts";
import type { Limits } from "../../src/limits.ts";
import type { JsonObject, Principal } from "../../src/model.ts";
import { defineKind } from "../../src/upstream/upstream_kinds.ts";
import type { TestClock } from "./clock.ts";
import { echoKind } from "./echo_kind.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createFakeUpstream, type FakeUpstream } from "./fake_upstream.ts";
import { initialize, jsonHeaders } from "./http_harness.ts";
import { ask, type AskOptions } from "./stateless_client.ts";
import { within } from "./wait.ts";

/** What a test decides. */
export interface AccessOptions {
  /** Servers by hand, or entries of `mcp.json`. */
  readonly servers: Readonly<Record<string, FakeUpstream | JsonObject>>;
  readonly access?: unknown;
  /** As a person writes them. */
  readonly profiles?: unknown;
  /** The `tools` of servers by hand, as a person writes them. */
  readonly filters?: Readonly<Record<string, unknown>>;
  /** By the name that a client says; the same object each time. */
  readonly people: Record<string, Principal>;
  readonly names?: string;
  /** Further keys of `mcp.json` next to the servers. */
  readonly keys?: JsonObject;
  readonly clock?: TestClock;
  readonly tables?: Partial<Tables>;
  /** What else the configuration has. */
  readonly config?: Partial<GatewayConfig>;
  readonly limits?: Partial<Limits>;
  readonly console?: (line: string) => void;
}

/** An answer: its last message, and all that came. */
export interface AccessAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly result?: JsonObject & { readonly [name: string]: unknown };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: JsonObject };
}

/** The gateway, and clients of both eras. */
export interface AccessGateway {
  readonly gateway: GatewayHandle;
  readonly config: GatewayConfig;
  send(
    person: string,
    method: string,
    path: string,
    init?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown },
  ): Promise<Response>;
  /** A request of a stateless client. */
  ask(
    person: string,
    method: string,
    params?: JsonObject,
    options?: AskOptions,
  ): Promise<AccessAnswer>;
  /** Opens a session. */
  connect(person: string, options?: SessionOptions): Promise<AccessSession>;
  /** Applies other rows, as an edit of the file does. */
  setAccess(access: unknown): Promise<void>;
  /** Applies other profiles likewise; `servers` are those that are configured. Absent: all. */
  setProfiles(profiles: unknown, servers?: readonly string[]): Promise<void>;
  /** Takes credentials away, as an authenticator does; absent: those of all principals. */
  revoke(principal?: string, client?: string): void;
  close(): Promise<void>;
}

/** Choices of a session. */
export interface SessionOptions {
  readonly path?: string;
  readonly capabilities?: JsonObject;
  readonly revision?: string;
  /** The client's name. */
  readonly client?: string;
}

/** A session. */
export interface AccessSession {
  readonly opened: AccessAnswer;
  request(method: string, params?: JsonObject): Promise<AccessAnswer>;
  /** Sends a message as it is; `person` may be another one. */
  post(message: JsonObject, person?: string): Promise<Response>;
  /** Opens the stream of the session. */
  listen(): Promise<Response>;
}

/** The header that names the principal. */
const personHeader = "x-person";

/** Reads an answer to its end. */
export async function answerOf(response: Response): Promise<AccessAnswer> {
  const text = await within("an answer", response.text());
  const lines = text.startsWith("{") ? [text] : text.match(/(?<=^data: )\{.*$/gm) ?? [];
  const { status, headers } = response;
  return { ...JSON.parse(lines.at(-1) ?? "{}"), status, headers, text };
}

/** Starts it. */
export async function startWithAccess(options: AccessOptions): Promise<AccessGateway> {
  const { servers, people, names = "prefixed", keys = {}, clock, tables = {} } = options;
  const { filters = {} } = options;
  const entries = Object.fromEntries(
    Object.entries(servers).map(([name, one]) => [
      name,
      isFake(one) ? { echo: true, tools: filters[name] } : one,
    ]),
  );
  const kinds = [
    ...defaultTables.kinds,
    defineKind({
      kind: echoKind.kind,
      forms: echoKind.forms,
      create({ name }) {
        const fake = servers[name];
        return fake !== undefined && isFake(fake) ? fake : createFakeUpstream(name);
      },
    }),
  ];
  let written = { access: options.access, profiles: options.profiles, mcpServers: entries };
  const toText = () => JSON.stringify({ ...written, names, ...keys });
  const env = { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" };
  const { config } = await readConfig({
    kinds,
    env,
    cwd: "/srv",
    readText: () => Promise.resolve(toText()),
  });
  const reload = async (changes: Partial<typeof written>): Promise<void> => {
    written = { ...written, ...changes };
    await gateway.reload(
      await readServers({
        path: "/srv/mcp.json",
        env,
        own: config,
        kinds,
        readText: () => Promise.resolve(toText()),
      }),
    );
  };
  const buses: Bus[] = [];
  const gateway = await createGateway({
    config: {
      ...config,
      tryServers: false,
      auth: { kinds: ["people"], settings: {} },
      ...options.config,
    },
    ...(options.limits && { limits: options.limits }),
    ...(options.console && { console: options.console }),
    runtime: await createTestRuntime(),
    ...(clock && { clock }),
    ...tables,
    kinds,
    authenticators: {
      people({ bus }) {
        buses.push(bus);
        return {
          authenticate: ({ headers }) =>
            people[headers.get(personHeader) ?? ""] ?? { code: "unauthenticated" },
        };
      },
    },
  });
  const send: AccessGateway["send"] = (person, method, path, { headers, body } = {}) =>
    within(
      `${method} ${path}`,
      gateway.fetch(
        new Request(`http://localhost:8999${path}`, {
          method,
          headers: { host: "localhost:8999", [personHeader]: person, ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    );
  return {
    gateway,
    config,
    send,
    async ask(person, method, params, asked) {
      const sender = {
        send: (verb: string, path: string, init = {}) => send(person, verb, path, init),
      };
      return await answerOf(await ask(sender, method, params, asked));
    },
    connect: (person, session) => connect(send, person, session),
    revoke(principal, client) {
      for (const bus of buses) bus.publish("accessRevoked", { principal, client, reason: "test" });
    },
    setAccess: (access) => reload({ access }),
    async setProfiles(profiles, configured = Object.keys(entries)) {
      const mcpServers = configured.map((name) => [name, entries[name]]);
      await reload({ profiles, mcpServers: Object.fromEntries(mcpServers) });
    },
    async close() {
      void gateway.drain();
      await gateway.close();
    },
  };
}

function isFake(one: FakeUpstream | JsonObject): one is FakeUpstream {
  return "opened" in one;
}

async function connect(
  send: AccessGateway["send"],
  person: string,
  { path = "/mcp", capabilities = {}, revision = "2025-11-25", client = "test" }: SessionOptions =
    {},
): Promise<AccessSession> {
  const body = initialize(revision, capabilities, 0, client);
  const opened = await answerOf(await send(person, "POST", path, { headers: jsonHeaders, body }));
  const own = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
  let lastId = 0;
  const post: AccessSession["post"] = (message, by = person) =>
    send(by, "POST", path, { headers: { ...jsonHeaders, ...own }, body: message });
  await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  return {
    opened,
    post,
    request: async (method, params = {}) =>
      await answerOf(await post({ jsonrpc: "2.0", id: lastId += 1, method, params })),
    listen: () => send(person, "GET", path, { headers: { accept: "text/event-stream", ...own } }),
  };
}
