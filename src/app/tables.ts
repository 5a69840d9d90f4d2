/** The extension tables of a gateway, and their default rows. */
import { type AuthenticatorKinds, authenticatorKinds } from "../auth/authenticator_kinds.ts";
import { allowAll, type Policy } from "../gateway/access_policy.ts";
import type { RatesOf } from "../gateway/access_rates.ts";
import { makeAuditStep } from "../gateway/steps/audit.ts";
import { makeClientFitStep } from "../gateway/steps/client_fit.ts";
import { makeConnectStep } from "../gateway/steps/connect.ts";
import { makeLimitStep } from "../gateway/steps/limit.ts";
import { makeLoginStep } from "../gateway/steps/ask_login.ts";
import { makeParkStep } from "../gateway/steps/park.ts";
import { makePolicyStep } from "../gateway/steps/policy.ts";
import { makeRelayStep } from "../gateway/steps/relay.ts";
import { makeResolveStep } from "../gateway/steps/resolve.ts";
import { makeSearchStep } from "../gateway/steps/search.ts";
import { makeResultsStep } from "../gateway/steps/shorten_results.ts";
import type { MakeStep } from "../gateway/steps/steps.ts";
import { makeTraceStep } from "../gateway/steps/trace.ts";
import { makeUnwrapStep } from "../gateway/steps/unwrap.ts";
import { type SurfaceKinds, surfaceKinds } from "../http/surface_kinds.ts";
import { storeKinds } from "../store/store_kinds.ts";
import type { StoreKinds } from "../store/stores.ts";
import { type UpstreamKinds, upstreamKinds } from "../upstream/upstream_kinds.ts";

/** The extension tables of a gateway, one for each extension point; rows are independent. */
export interface Tables {
  /** Identify who makes a request; `GatewayConfig.auth` names those in use. */
  readonly authenticators: AuthenticatorKinds;
  /** What every call passes, in order. */
  readonly steps: readonly MakeStep[];
  /** What a principal may see and use. */
  readonly policy: Policy;
  /** How fast a principal may call; undefined: as the configuration says. */
  readonly ratesOf: RatesOf | undefined;
  /** Keep what must outlive a request; `GatewayConfig.store` names the one in use. */
  readonly storeKinds: StoreKinds;
  /** What a server can be: how it is read from `mcp.json`, and how it is reached. */
  readonly kinds: UpstreamKinds;
  /** Which URLs exist, and which servers are behind each. */
  readonly surfaceKinds: SurfaceKinds;
}

/** The default tables. */
export const defaultTables: Tables = {
  authenticators: authenticatorKinds,
  steps: [
    makeUnwrapStep,
    makeTraceStep,
    makeLoginStep,
    makeAuditStep,
    makeClientFitStep,
    makeResolveStep,
    makePolicyStep,
    makeLimitStep,
    makeResultsStep,
    makeParkStep,
    makeConnectStep,
    makeSearchStep,
    makeRelayStep,
  ],
  policy: allowAll,
  ratesOf: undefined,
  storeKinds,
  kinds: upstreamKinds,
  surfaceKinds,
};

/** The tables of a gateway: its own, or the defaults. */
export function tablesOf(own: Partial<Tables>): Tables {
  return {
    authenticators: own.authenticators ?? authenticatorKinds,
    steps: own.steps ?? defaultTables.steps,
    policy: own.policy ?? allowAll,
    ratesOf: own.ratesOf,
    storeKinds: own.storeKinds ?? storeKinds,
    kinds: own.kinds ?? upstreamKinds,
    surfaceKinds: own.surfaceKinds ?? surfaceKinds,
  };
}
