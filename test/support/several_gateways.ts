/**
 * Several gateways of one process that share their stores, their bus and the table of owners, each
 * with a server of its own and an internal address on this machine. A test can cut one off from the
 * table, and kill it: its sockets end, and it says nothing any more.
 */
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { createInProcessBus } from "../../src/bus/in_process.ts";
import { readConfig } from "../../src/config/environment.ts";
import { createMemoryOwners } from "./memory_owners.ts";
import type { OwnerTable } from "../../src/instances/owner_table.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import { openMemoryStore } from "../../src/store/memory_store.ts";
import type { StoreEngine } from "../../src/store/stores.ts";
import { defineKind } from "../../src/upstream/upstream_kinds.ts";
import { echoKind } from "./echo_kind.ts";
import { createPacedClocks, type TestClock } from "./clock.ts";
import { createFakeEventStore } from "./fake_event_store.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createFakeUpstream, type FakeUpstream } from "./fake_upstream.ts";
import {
  type Harness,
  initialize,
  jsonHeaders,
  sessionOf,
  type TestSession,
} from "./http_harness.ts";
import { openInternal } from "./internal_listener.ts";
import { createTestLog } from "./log.ts";

/** Terms that a test can wait for, on a clock that stands still while the machine does. */
const shortTerms = {
  ownerTermMs: 750,
  ownerRenewMs: 150,
  ownerRetryMs: 50,
  ownerSilentMs: 600,
  ownerCommandMs: 1_000,
  takeoverWaitMs: 10_000,
  takeoverCheckMs: 50,
  forwardCheckMs: 100,
  leaveMsMin: 50,
};

/** One gateway of several. */
export interface OneOfSeveral {
  readonly name: string;
  readonly gateway: GatewayHandle;
  /** Its own server, `tools`. */
  readonly server: FakeUpstream;
  readonly send: Harness["send"];
  /** Commands to the table, by their names. */
  readonly commands: string[];
  /** Whether its commands to the table fail. */
  isCut: boolean;
  /** Its sockets end, and it is cut off. */
  kill(): Promise<void>;
  /** Its sockets end as at a stop. */
  stop(): Promise<void>;
  /** Opens a session at this instance. */
  connect(): Promise<TestSession>;
  /** The client of a session that another instance gave out, at this one. */
  client(session: Pick<TestSession, "id">): Omit<TestSession, "result">;
}

/** Several gateways. */
export interface SeveralGateways {
  start(name: string): Promise<OneOfSeveral>;
  readonly owners: OwnerTable;
  readonly sessions: Pick<StoreEngine["sessions"], "find">;
  readonly clock: TestClock;
  close(): Promise<void>;
}

/** Makes what they share. */
export async function shareStores(limits: Partial<Limits> = {}): Promise<SeveralGateways> {
  const bounds = { ...defaultLimits, ...shortTerms, ...limits };
  const runtime = await createTestRuntime();
  const log = createTestLog();
  const clocks = createPacedClocks();
  const clock = clocks.create();
  const directory = ":memory:";
  const engine = await openMemoryStore({ runtime, directory, clock, limits: bounds, log });
  const owners = createMemoryOwners({ clock, limits: bounds });
  const events = createFakeEventStore();
  const bus = createInProcessBus({ limits: bounds, log });
  const closing: (() => Promise<void>)[] = [];

  const start = async (name: string): Promise<OneOfSeveral> => {
    const state = { isCut: false, commands: [] as string[] };
    const server = createFakeUpstream("tools", {
      tools: [{ name: "say", inputSchema: { type: "object" } }],
      resources: [{ uri: "test://r", name: "r" }],
    });
    const kind = defineKind({ ...echoKind, create: () => server });
    const kinds = [...defaultTables.kinds, kind];
    const { config } = await readConfig({
      kinds,
      env: {
        PATH: process.env["PATH"] ?? "",
        MCP_DATA_DIR: directory,
        MCP_CONFIG: "mcp.json",
        MCP_SECRET: "a secret that all instances of one gateway have",
        MCP_TRY_SERVERS: "off",
      },
      cwd: "/srv",
      readText: () => Promise.resolve(JSON.stringify({ mcpServers: { tools: { echo: true } } })),
    });
    const shared: StoreEngine = {
      ...engine,
      events: () => events,
      owners: cuttable(owners, state),
      bus,
      close: async () => {},
    };
    const gateway = await createGateway({
      config: { ...config, store: "shared" },
      runtime,
      clock,
      kinds,
      instance: name,
      limits: { ...shortTerms, ...limits },
      storeKinds: { shared: async () => shared },
    });
    const listener = await openInternal(gateway, runtime);
    let isOpen = true;
    const closeListener = async (): Promise<void> => {
      if (isOpen) await listener.close(0);
      isOpen = false;
    };
    const send: Harness["send"] = (method, path, { headers, body, signal } = {}) =>
      gateway.fetch(
        new Request(`http://localhost:8999${path}`, {
          method,
          headers: { host: "localhost:8999", ...headers },
          ...(signal === undefined ? {} : { signal }),
          ...(body === undefined
            ? {}
            : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        }),
      );
    const own = { send };
    const stop = async (): Promise<void> => {
      void gateway.drain();
      await closeListener();
      await gateway.close();
    };
    closing.push(stop);
    return Object.assign(state, {
      name,
      gateway,
      server,
      send,
      stop,
      async kill() {
        state.isCut = true;
        await closeListener();
      },
      async connect() {
        const body = initialize("2025-11-25");
        const response = await send("POST", "/mcp", { headers: jsonHeaders, body });
        const id = response.headers.get("mcp-session-id");
        const { result } = await response.json() as { result: TestSession["result"] };
        if (id === null) throw new Error(`No session: HTTP ${response.status}`);
        const session = sessionOf(own, id);
        await session.post({ jsonrpc: "2.0", method: "notifications/initialized" });
        return { ...session, result };
      },
      client: ({ id }: Pick<TestSession, "id">) => sessionOf(own, id),
    });
  };
  return {
    start,
    owners,
    sessions: engine.sessions,
    clock,
    async close() {
      await Promise.all(closing.map((close) => close()));
      await engine.close();
      clocks.stopAll();
    },
  };
}

function cuttable(
  table: OwnerTable,
  state: { isCut: boolean; readonly commands: string[] },
): OwnerTable {
  return new Proxy(table, {
    get(target, name: keyof OwnerTable) {
      return (...values: never[]) => {
        state.commands.push(name);
        if (state.isCut) return Promise.reject(new Error("the test has cut this instance off"));
        return (target[name] as (...all: never[]) => Promise<unknown>)(...values);
      };
    },
  });
}
