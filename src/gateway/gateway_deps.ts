/** What the gateway is made of. Types only. */
import type { Clock } from "../clock.ts";
import type { ServerConfig, ServersConfig } from "../config/config.ts";
import type { Logins } from "../grants/logins.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Sealer } from "../seal.ts";
import type { Tracer } from "../telemetry/call_trace.ts";
import type { Emit } from "../telemetry/events.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Policy } from "./access_policy.ts";
import type { PrincipalRates } from "./principal_rates.ts";
import type { ResolveSurface } from "./server.ts";
import type { MakeStep } from "./steps/steps.ts";
import type { ToolIndex } from "./tool_search.ts";

/** The parts, and what a program can replace. */
export interface GatewayDeps {
  readonly servers: ServersConfig;
  readonly create: (config: ServerConfig) => Upstream;
  readonly sameServer: (one: ServerConfig, other: ServerConfig) => boolean;
  readonly resolveSurface: ResolveSurface;
  /** Absent: searches find no tool. */
  readonly toolIndex?: ToolIndex;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  /** Begins the spans of calls. Absent: none are exported. */
  readonly tracer?: Tracer | undefined;
  readonly sealer: Sealer;
  /** The name of this instance, which parked calls are bound to. */
  readonly instance: string;
  /** Whether there may be other instances. */
  readonly isShared?: boolean;
  /** What every call passes, in order. */
  readonly steps: readonly MakeStep[];
  /** What a principal may see and use. */
  readonly policy: Policy;
  /** Log-ins at protected servers. Absent: none is possible. */
  readonly logins?: Logins | undefined;
  /** What each principal has open, and how fast it may call. */
  readonly rates: PrincipalRates;
  /** Whether every message of a call is logged (by its shape). */
  readonly debug: boolean;
  /** Whether servers are started before a client needs them, so that their lists are known. */
  readonly tryServers: boolean;
}
