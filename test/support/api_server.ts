/**
 * A web API on this machine, whose routes a test writes by hand, and the engine in front of it. Every
 * request is kept as it came over the wire.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RestServerConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import type { UpstreamDeps } from "../../src/upstream/deps.ts";
import { createEngine, type Engine } from "../../src/upstream/rest/engine.ts";
import type { Operation, Parameter, Service } from "../../src/upstream/rest/service.ts";
import { createPacedClocks } from "./clock.ts";
import { type FaultServer, serveFaults } from "./fault_server.ts";
import { createTestDeps, type TestDeps } from "./upstream_deps.ts";

/** One request that came, and the means to answer it. */
export interface ApiVisit {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly url: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  /** How many requests this route has had, this one included. */
  readonly count: number;
  readonly response: ServerResponse;
  json(value: unknown, status?: number, headers?: Record<string, string>): void;
  send(
    status: number,
    body: string | Uint8Array,
    headers?: Record<string, string | readonly string[]>,
  ): void;
}

/** What answers requests by path; `*` answers the rest. */
export type ApiRoutes = Readonly<Record<string, (visit: ApiVisit) => unknown>>;

/** Serves routes. */
export async function serveApi(routes: ApiRoutes): Promise<FaultServer> {
  const counts = new Map<string, number>();
  return await serveFaults((request, response) => {
    const { method = "", url = "", headers } = request;
    const [path = "", query = ""] = url.split("?", 2);
    const route = path in routes ? path : "*";
    const count = (counts.get(route) ?? 0) + 1;
    counts.set(route, count);
    const send: ApiVisit["send"] = (status, body, more = {}) => {
      response.writeHead(status, more as Record<string, string>);
      response.end(body);
    };
    const visit: ApiVisit = {
      method,
      url,
      query: new URLSearchParams(query),
      headers,
      count,
      response,
      send,
      json: (value, status = 200, more = {}) =>
        send(status, JSON.stringify(value), { "content-type": "application/json", ...more }),
    };
    const answer = routes[route];
    if (answer === undefined) send(404, "");
    else answer(visit);
  });
}

/** An operation that reads; a test says what differs. */
export function operation(overrides: Partial<Operation> & { readonly name: string }): Operation {
  return {
    description: `Does ${overrides.name}.`,
    method: "GET",
    path: `/${overrides.name}`,
    parameters: [],
    inputSchema: { type: "object", properties: {} },
    cacheMs: 0,
    repeatable: true,
    resends: overrides.repeatable ?? true,
    readOnly: true,
    login: false,
    ...overrides,
  };
}

/** A parameter of the query; a test says what differs. */
export function parameter(
  overrides: Partial<Parameter> & { readonly argument: string },
): Parameter {
  return {
    wire: overrides.argument,
    in: "query",
    required: false,
    style: overrides.in === "path" || overrides.in === "header" ? "simple" : "form",
    explode: (overrides.in ?? "query") === "query",
    ...overrides,
  };
}

/** An operation whose arguments are these parameters; `schemas` default to texts. */
export function operationOf(
  overrides: Partial<Operation> & { readonly name: string },
  parameters: readonly Parameter[],
  schemas: JsonObject = {},
): Operation {
  const properties = Object.fromEntries(
    parameters.map(({ argument }) => [argument, schemas[argument] ?? { type: "string" }]),
  );
  const required = parameters.filter((one) => one.required).map(({ argument }) => argument);
  return operation({
    parameters,
    inputSchema: { type: "object", properties: { ...properties, ...schemas }, required },
    ...overrides,
  });
}

/** What a tool gave. */
export interface ToolResult {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly structuredContent: {
    readonly result?: unknown;
    readonly raw?: unknown;
    readonly next?: JsonObject;
    readonly note?: string;
  };
  readonly isError?: boolean;
  readonly _meta?: JsonObject;
}

/** What a test holds. */
export interface Api {
  readonly server: FaultServer;
  readonly engine: Engine;
  readonly deps: TestDeps;
  call(tool: string, given?: JsonObject, more?: CallOptions): Promise<ToolResult>;
  /** Calls a tool that must fail, and gives the error that its model reads. */
  fail(tool: string, given?: JsonObject, more?: CallOptions): Promise<JsonObject>;
  /** Calls a tool whose arguments must be refused before anything is sent, and gives the sentence. */
  refuse(tool: string, given?: JsonObject): Promise<string>;
}

/** Who calls. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly scope?: string;
}

/** Options of a test next to routes and operations. */
export interface ApiOptions {
  readonly config?: Partial<RestServerConfig>;
  readonly service?: Partial<Service>;
  readonly limits?: Partial<Limits>;
  readonly deps?: Partial<UpstreamDeps>;
  /** The path of the base URL. */
  readonly prefix?: string;
}

/** Short pauses; no retries, unless a test is about them. */
const quick = { httpRetriesMax: 0, httpRetryMsMin: 1, circuitFailuresMax: 1_000 };

/** What tests of one file have opened. */
export function createApis() {
  const opened: FaultServer[] = [];
  const clocks = createPacedClocks();
  return {
    pacedClock: clocks.create,
    async open(
      routes: ApiRoutes,
      operations: readonly Operation[],
      { config = {}, service = {}, limits = {}, deps: more = {}, prefix = "" }: ApiOptions = {},
    ): Promise<Api> {
      const server = await serveApi(routes);
      opened.push(server);
      const deps = await createTestDeps({ ...quick, ...limits }, more);
      const baseUrl = `${server.origin}${prefix}`;
      const engine = createEngine(
        restConfig(config),
        { title: "A web API", baseUrl, operations, leftOut: [], errorMessages: [], ...service },
        deps,
      );
      const call: Api["call"] = async (tool, given = {}, { signal, scope = "a" } = {}) =>
        await engine.call(
          tool,
          given,
          { principal: "anonymous", scope },
          signal ?? new AbortController().signal,
        ) as unknown as ToolResult;
      return {
        server,
        engine,
        deps,
        call,
        async fail(tool, given, options) {
          const result = await call(tool, given, options);
          if (result.isError !== true) throw new Error(`It went well: ${JSON.stringify(result)}`);
          return JSON.parse(result.content[0]?.text ?? "") as JsonObject;
        },
        async refuse(tool, given) {
          const before = server.seen.length;
          const result = await call(tool, given);
          if (result.isError !== true) throw new Error(`It went well: ${JSON.stringify(result)}`);
          if (server.seen.length > before) throw new Error("It was sent all the same");
          return result.content[0]?.text ?? "";
        },
      };
    },
    async closeAll(): Promise<void> {
      clocks.stopAll();
      await Promise.all(opened.splice(0).map((server) => server.close()));
    },
  };
}

/** The configuration of a REST server. */
export function restConfig(overrides: Partial<RestServerConfig> = {}): RestServerConfig {
  return {
    kind: "rest",
    name: "api",
    source: { type: "openapi", location: "/nowhere" },
    headers: {},
    credentials: { type: "none" },
    login: { type: "none" },
    callTimeoutMs: 10_000,
    startTimeoutMs: 10_000,
    idleTimeoutMs: 60_000,
    tools: {},
    ...overrides,
  };
}
