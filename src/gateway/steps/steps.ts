/**
 * The steps that every call passes, and their shared data. On the way in, each step may inspect,
 * change or answer the call; on the way back, replies and the ending pass the same steps in
 * reverse. The composition root (app.ts) makes the list; call_exchange.ts runs it. Types only.
 */
import type { Clock } from "../../clock.ts";
import type { GatewayError } from "../../errors.ts";
import type { Logins } from "../../grants/logins.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type {
  Answer,
  Ask,
  Call,
  Ending,
  Exchange,
  JsonObject,
  ListKind,
  Notice,
  Principal,
} from "../../model.ts";
import type { Sealer } from "../../seal.ts";
import type { CallTrace, Tracer } from "../../telemetry/call_trace.ts";
import type { Emit } from "../../telemetry/events.ts";
import type { CatalogReader } from "../catalog.ts";
import type { ClientBoundRules } from "../client_bounds.ts";
import type { KeptResults } from "../kept_results.ts";
import type { Router } from "../route.ts";
import type { Scopes } from "../scope.ts";
import type { TaskOwners } from "../task_owners.ts";
import type { ToolSearch } from "../tool_search.ts";
import type { ResolvedSurface, Server } from "../server.ts";
import type { ConfiguredServers, ServerUse } from "../servers.ts";
import type { Access, Policy, ToolHints } from "../access_policy.ts";
import type { PrincipalRates } from "../principal_rates.ts";

/** Where a call goes. */
export interface Target {
  readonly server: Server;
  /** The call's params in the server's own words. */
  readonly params: JsonObject;
  /** What is called there; absent for methods that name nothing of a list. */
  readonly item?: {
    readonly kind: ListKind;
    /** The server's own name or URI for it. */
    readonly own: string;
    /** The name or URI as the client wrote it. */
    readonly offered: string;
    /** Of a tool, where the look-up has seen its definition. */
    readonly hints?: ToolHints | undefined;
  } | undefined;
}

/** The state of one call while it passes the steps. */
export interface CallContext {
  /** As the client made it; a client that returns with answers brings an upstream's state in it. */
  call: Call;
  readonly surface: ResolvedSurface;
  readonly principal: Principal;
  /** Monotonic, in milliseconds. */
  readonly startedAt: number;
  /** Unique in this process: filled by the step `audit`. */
  number: number;
  /** Filled by the step `resolve`; absent for methods that concern every server of the surface. */
  target?: Target | undefined;
  /** Filled by the step `trace`; absent: the call belongs to no trace. */
  trace?: CallTrace | undefined;
  /** Why a call that returns with answers could not be resolved: what waits for it goes on anyway. */
  unresolved?: GatewayError | undefined;
  /** The client has given the call up. */
  isGivenUp: boolean;
  /** Whether a person has to allow it before its server gets it, or has done so. */
  consent: "none" | "needed" | "given";
  /** Its use of the server at which it is open, which a reload does not close meanwhile. */
  use?: ServerUse | undefined;
}

/** The answer of a step: the ending of the call, or the exchange that continues it. */
export type StepAnswer = Ending | Exchange;

/** What a step can do to a call while replies come. */
export interface CallControl {
  /** Ends the call for its client as `step` says; the steps before `step` see the ending. */
  endEarly(step: string, ending: Ending): void;
  /** Answers an ask of the server. */
  answer(askId: string, answer: Answer): void;
  /** Takes the upstream's exchange away: its replies wait for another reader. */
  detach(): Exchange | undefined;
  /** Whether the call has ended for its client. */
  isOver(): boolean;
}

/** One step. What a step throws ends the call as a failure. */
export interface Step {
  /** Unique in its list. */
  readonly name: string;
  /** Runs on the way in; if a step answers, the steps after it do not see the call. */
  before?(
    context: CallContext,
  ): StepAnswer | undefined | void | Promise<StepAnswer | undefined | void>;
  /** A notice or ask on its way to the client; undefined keeps it back. */
  reply?(context: CallContext, reply: Notice | Ask, control: CallControl): Notice | Ask | undefined;
  /**
   * The end of the call, on its way to the client; without a value it passes as it is. A step that
   * changes a result makes another one: a result that is changed in place may still reach the
   * client as the text that it came as.
   */
  end?(context: CallContext, ending: Ending): Ending | void | Promise<Ending | void>;
  /** Rights were taken away: ends the calls that it keeps, as far as they need these rights. */
  revoke?(isLost: IsLost): void;
  /** How many calls it keeps that have ended for their clients. Absent: none. */
  held?(): number;
  /** The gateway is closing. */
  close?(): void;
}

/** Whether a call needs rights that its principal has lost. */
export type IsLost = (call: Pick<CallContext, "principal" | "target">) => boolean;

/** What steps are made from. */
export interface StepDeps {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  /** Begins the gateway's own spans; undefined: none are exported. */
  readonly tracer?: Tracer | undefined;
  readonly sealer: Sealer;
  /** The name of this instance: a call that is parked here can only be resumed here. */
  readonly instance: string;
  readonly policy: Policy;
  readonly rates: PrincipalRates;
  /** The policy with what else it says of a principal's rights. */
  readonly access: Access;
  readonly servers: ConfiguredServers;
  readonly scopes: Scopes;
  readonly taskOwners: TaskOwners;
  readonly logins: Logins;
  readonly catalog: CatalogReader;
  readonly router: Router;
  readonly search: ToolSearch;
  /** How much clients take. */
  readonly clients: ClientBoundRules;
  /** Results that clients may read on. */
  readonly kept: KeptResults;
  /** Whether every message of a call is logged, by its shape. */
  readonly debug: boolean;
}

/** One row of the list of steps. */
export type MakeStep = (deps: StepDeps) => Step;
