/** The middle of the gateway in front of fake servers, without HTTP. */
import { defaultTables } from "../../src/app.ts";
import { anonymous } from "../../src/auth/none.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { AccessRow } from "../../src/config/access_rows.ts";
import type { ClientBoundKeys } from "../../src/config/client_limit_keys.ts";
import type {
  FailedServerConfig,
  Naming,
  ServersConfig,
  ToolFilter,
} from "../../src/config/config.ts";
import type { Policy } from "../../src/gateway/access_policy.ts";
import type { RatesOf } from "../../src/gateway/access_rates.ts";
import { createGatewayCore } from "../../src/gateway/gateway.ts";
import type { Gateway } from "../../src/gateway/surface.ts";
import { createSurfaceResolver, surfaceKinds } from "../../src/http/surface_kinds.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { Log } from "../../src/log.ts";
import type { Caller, Ending, JsonObject, Resume } from "../../src/model.ts";
import { openToolIndex } from "../../src/store/tool_index_database.ts";
import { createSealer, makeKey } from "../../src/seal.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import type { FakeUpstream } from "./fake_upstream.ts";
import type { GatewayEvent } from "../../src/telemetry/events.ts";
import { createLogReader } from "../../src/telemetry/log_reader.ts";
import { createTestLog } from "./log.ts";
import { next } from "./pull.ts";
import type { Logins } from "../../src/grants/logins.ts";
import { createTestRates } from "./rates.ts";
import { within } from "./wait.ts";

/** What a test decides. */
export interface CoreOptions {
  readonly policy?: Policy;
  readonly access?: readonly AccessRow[];
  readonly ratesOf?: RatesOf;
  readonly clock?: Clock;
  readonly names?: Naming;
  /** Filters by server. */
  readonly tools?: Readonly<Record<string, ToolFilter>>;
  readonly limits?: Partial<Limits>;
  readonly log?: Log;
  readonly logins?: Logins;
  /** What the configuration says about how much clients get. */
  readonly bounds?: ClientBoundKeys;
  /** `resultCharsMax` by server. */
  readonly resultChars?: Readonly<Record<string, number>>;
  /** Gets each event. */
  readonly observe?: (event: GatewayEvent) => void;
}

/** The configuration of these servers, in their order. */
export function coreConfig(
  fakes: readonly FakeUpstream[],
  { names = "prefixed", tools = {}, access, bounds, resultChars = {} }: Pick<
    CoreOptions,
    "names" | "tools" | "access" | "bounds" | "resultChars"
  > = {},
): ServersConfig {
  const servers = fakes.map(({ name }): FailedServerConfig => ({
    kind: "failed",
    problem: "",
    name,
    callTimeoutMs: 60_000,
    startTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    tools: tools[name] ?? {},
    resultCharsMax: resultChars[name],
  }));
  return { ...bounds, servers, names, access, warnings: [], files: [], secrets: [] };
}

/** A gateway in front of these servers; only they can be in later configurations of it. */
export async function createCoreGateway(
  fakes: readonly FakeUpstream[],
  {
    policy,
    ratesOf,
    limits,
    clock = systemClock,
    log = createTestLog(),
    logins,
    observe,
    ...naming
  }: CoreOptions = {},
): Promise<Gateway> {
  const byName = new Map(fakes.map((fake) => [fake.name, fake]));
  const logged = createLogReader(log, defaultLimits);
  const emit = (event: GatewayEvent): void => {
    logged(event);
    observe?.(event);
  };
  const given: Limits = {
    ...defaultLimits,
    ...limits,
  };
  return createGatewayCore({
    resolveSurface: createSurfaceResolver(surfaceKinds),
    ...defaultTables,
    ...(policy && { policy }),
    logins,
    rates: createTestRates({ ratesOf, clock, limits: given, emit }),
    emit,
    toolIndex: openToolIndex(await createTestRuntime()),
    servers: coreConfig(fakes, naming),
    create({ name }) {
      const fake = byName.get(name);
      if (fake === undefined) throw new Error(`No fake server "${name}"`);
      return fake;
    },
    sameServer: (one, other) => JSON.stringify(one) === JSON.stringify(other),
    limits: given,
    clock,
    log,
    sealer: await createSealer(makeKey()),
    instance: "this-gateway",
    debug: true,
    tryServers: false,
  });
}

/** A client with a session of its own. */
export function sessionCaller(scope = "session-1"): Caller {
  return { principal: anonymous, scope, revision: "any", capabilities: {}, clientInfo: {} };
}

/** A client without a session, whose principal is `id`; none: it does not authenticate. */
export function statelessCaller(id?: string): Caller {
  const principal = id === undefined ? anonymous : { id };
  return {
    principal,
    scope: `p:${principal.id}`,
    revision: "any",
    capabilities: { elicitation: {} },
    clientInfo: {},
    asksByResult: true,
    sharesScope: true,
  };
}

/** How a call ends. */
export async function endOf(
  gateway: Gateway,
  caller: Caller,
  method: string,
  params: JsonObject = {},
  resume?: Resume,
  surface = "/mcp",
): Promise<Ending> {
  const call = { method, params, wantsProgress: false, caller, resume };
  const reply = await within(`the end of ${method}`, next(gateway.call(surface, call)));
  if (reply.kind === "notice" || reply.kind === "ask") throw new Error(`Unexpected ${reply.kind}`);
  return reply;
}
