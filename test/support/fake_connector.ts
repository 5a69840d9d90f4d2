/**
 * A server without a process or a socket: links whose requests a test answers, for tests of what is
 * above them (connections, calls, listen requests). It speaks the dialects that the test gives it.
 */
import type { McpServerConfig } from "../../src/config/config.ts";
import { GatewayError } from "../../src/errors.ts";
import type { Ending, JsonObject } from "../../src/model.ts";
import { createPooledUpstream } from "../../src/upstream/mcp/pooled_upstream.ts";
import type { Connector, LinkEvents, LinkRequest } from "../../src/upstream/link/link.ts";
import type { Dialect } from "../../src/upstream/link/dialect.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { createTestDeps, type TestDeps } from "./upstream_deps.ts";

/** A request as the server got it. */
export interface FakeRequest extends LinkRequest {
  readonly connection: FakeConnection;
  /** Why it was given up. */
  cancelled: string | undefined;
}

/** One start of the server. */
export interface FakeConnection {
  readonly dialect: Dialect;
  readonly capabilities: JsonObject;
  readonly hooks: LinkEvents;
  isStopped: boolean;
  /** It ends by itself. */
  die(reason: string): void;
}

/** What a test decides about its server, and what became of it. */
export interface FakeServer {
  /** `session`: the handshake's dialect alone; `stateless`: the other alone. */
  speaks: "session" | "stateless" | "both";
  capabilities: JsonObject;
  /** Set: starts fail with this reason. */
  broken: string | undefined;
  /** Whether that reason is that nothing is there. */
  isAway: boolean;
  /** Set: starts wait for it, even those that are given up. */
  starting: Promise<unknown> | undefined;
  tools: JsonObject[];
  /** What it lists for one request, where that depends on its client. */
  toolsFor: (request: FakeRequest) => JsonObject[];
  /** Set: lists wait for it. */
  listing: Promise<unknown> | undefined;
  /** Whether arguments are sent in headers as well, so that calls need their tool. */
  mirrorsArguments: boolean;
  /** Answers what is no list; what it returns is the result. */
  answer: (request: FakeRequest) => Promise<JsonObject | Ending>;
  readonly connections: FakeConnection[];
  /** All that it got, in order. */
  readonly requests: FakeRequest[];
  /** In which order the dialects were to be tried, for each start. */
  readonly attempts: string[][];
  /** The calls of tools, prompts and resources among them. */
  calls(): FakeRequest[];
}

/** A server that answers calls with their own params. */
export function createFakeServer(overrides: Partial<FakeServer> = {}): FakeServer {
  const server: FakeServer = {
    speaks: "session",
    capabilities: { tools: {} },
    broken: undefined,
    isAway: false,
    starting: undefined,
    tools: [{ name: "x", inputSchema: { type: "object" } }],
    toolsFor: () => server.tools,
    listing: undefined,
    mirrorsArguments: false,
    answer: async ({ params }) => params,
    connections: [],
    attempts: [],
    requests: [],
    calls: () => server.requests.filter(({ method }) => working.has(method)),
    ...overrides,
  };
  return server;
}

const working = new Set(["tools/call", "prompts/get", "resources/read"]);

/** What its configuration says. */
export function fakeConfig(overrides: Partial<McpServerConfig> = {}): McpServerConfig {
  return {
    name: "fake",
    isolation: "session",
    identify: true,
    roots: "relay",
    era: "auto",
    callTimeoutMs: 20_000,
    startTimeoutMs: 20_000,
    idleTimeoutMs: 600_000,
    tools: {},
    ...overrides,
  };
}

/** How the gateway connects to it. */
export function createFakeConnector(server: FakeServer, ownsQuestions = false): Connector {
  return {
    ownsQuestions,
    async open({ dialects, capabilities, hooks }) {
      server.attempts.push(
        dialects.map(({ sharing }) => sharing === "all" ? "stateless" : "session"),
      );
      if (server.starting !== undefined) await server.starting;
      const spoken = (dialect: Dialect): boolean =>
        server.speaks === "both" || (dialect.sharing === "all") === (server.speaks === "stateless");
      const at = dialects.findIndex(spoken);
      const dialect = dialects[at];
      const refused = dialects.slice(0, dialect === undefined ? dialects.length : at);
      if (dialect === undefined || server.broken !== undefined) {
        hooks.gone();
        const reason = server.broken ?? "it speaks otherwise";
        return { fault: { reason, permanent: false, isAway: server.isAway, refused } };
      }
      return { connected: connect(server, dialect, capabilities, hooks), refused };
    },
  };
}

function connect(
  server: FakeServer,
  dialect: Dialect,
  capabilities: JsonObject,
  hooks: LinkEvents,
) {
  const open = new Map<FakeRequest, (ending: Ending) => void>();
  let isOver = false;
  const over = (): void => {
    if (!isOver) hooks.gone();
    isOver = true;
  };
  const connection: FakeConnection = {
    dialect,
    capabilities,
    hooks,
    isStopped: false,
    die(reason) {
      hooks.broken(reason);
      over();
    },
  };
  server.connections.push(connection);
  const answer = async (request: FakeRequest): Promise<Ending> => {
    if (request.method.endsWith("/list")) await server.listing;
    if (request.method === "tools/list") {
      return { kind: "result", value: { tools: server.toolsFor(request) } };
    }
    if (request.method.endsWith("/list")) return { kind: "result", value: {} };
    const given = await server.answer(request);
    return isEnding(given) ? given : { kind: "result", value: given };
  };
  const request = (wanted: LinkRequest) => {
    const made: FakeRequest = {
      ...wanted,
      notice: (notice) => wanted.notice(notice),
      end: (ending) => wanted.end(ending),
      ...(wanted.ask && { ask: (question, signal) => wanted.ask!(question, signal) }),
      isSafeTwice: wanted.isSafeTwice && (() => wanted.isSafeTwice!()),
      connection,
      cancelled: undefined,
    };
    server.requests.push(made);
    const end = (ending: Ending): void => {
      if (open.delete(made)) wanted.end(ending);
    };
    open.set(made, end);
    answer(made).then(end, (thrown) =>
      end({
        kind: "failure",
        error: thrown instanceof GatewayError
          ? thrown
          : new GatewayError("internal", String(thrown)),
      }));
    return {
      cancel(reason: string) {
        made.cancelled = reason;
        open.delete(made);
      },
      touch: () => {},
      hold: () => {},
      resume: () => {},
    };
  };
  return {
    dialect,
    description: { capabilities: server.capabilities },
    link: {
      request,
      notify: () => {},
      close(error: GatewayError) {
        for (const end of [...open.values()]) end({ kind: "failure", error });
      },
      open: () => open.size,
      mirrorsArguments: server.mirrorsArguments,
    },
    async stop() {
      connection.isStopped = true;
      over();
    },
  };
}

function isEnding(value: JsonObject | Ending): value is Ending {
  return value["kind" as keyof typeof value] !== undefined;
}

/** An upstream in front of such a server. */
export async function openFake(
  server: FakeServer,
  { config = {}, limits = {}, ownsQuestions = false, isRemote = false, ...overrides }: {
    readonly config?: Partial<McpServerConfig>;
    readonly limits?: Parameters<typeof createTestDeps>[0];
    readonly ownsQuestions?: boolean;
    readonly isRemote?: boolean;
    readonly clock?: TestDeps["clock"];
    readonly catalogs?: TestDeps["catalogs"];
  } = {},
): Promise<{ upstream: Upstream; deps: TestDeps }> {
  const deps = await createTestDeps(limits, overrides);
  const upstream = createPooledUpstream({
    config: fakeConfig(config),
    connector: createFakeConnector(server, ownsQuestions),
    processLimit: deps.processLimit,
    fingerprint: "fake",
    isRemote,
  }, deps);
  return { upstream, deps };
}
