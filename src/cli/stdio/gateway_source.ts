/**
 * Which gateway the bridge speaks to: the one that runs, or one that it starts. The bridge stays
 * attached to it, which keeps a gateway alive that was started for clients on stdio, and shows when
 * it ends. Not here: how a gateway is found (admin_client.ts) and started (gateway_start.ts).
 */
import { type Clock, sleep } from "../../clock.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";

/** A gateway's MCP endpoint. */
export interface GatewayEndpoint {
  readonly url: string;
  /** With the credentials that it asks for. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where a program attaches itself. */
  readonly attachUrl: string;
  /** One run of a gateway. */
  readonly instance: string;
}

/** The gateway of the moment. */
export interface GatewaySource {
  /**
   * Its endpoint. Without a gateway, starts one if `mayStart`. Rejects with `gateway_unavailable`.
   */
  endpoint(mayStart: boolean): Promise<GatewayEndpoint>;
  /** A request found that this gateway is not there any more. */
  lost(endpoint: GatewayEndpoint): void;
  /** Leaves the gateway. */
  close(): void;
}

/** How a source finds, starts and joins gateways. */
export interface GatewaySourceParts {
  readonly clock: Clock;
  readonly limits: Limits;
  /** The gateway that runs; undefined if none does. */
  readonly find: () => Promise<GatewayEndpoint | undefined>;
  /** Starts one and finds it, or one that another program started meanwhile. */
  readonly start: () => Promise<GatewayEndpoint>;
  /**
   * Attaches this program; resolves once that is done with a promise that resolves when the gateway
   * ends. Rejects if no gateway is there.
   */
  readonly attach: (
    endpoint: GatewayEndpoint,
    signal: AbortSignal,
  ) => Promise<{ readonly ended: Promise<void> }>;
  readonly note: (line: string) => void;
}

interface SourceState {
  readonly parts: GatewaySourceParts;
  current: { readonly endpoint: GatewayEndpoint; readonly attached: AbortController } | undefined;
  joining: Promise<GatewayEndpoint | undefined> | undefined;
  starting: Promise<GatewayEndpoint> | undefined;
  failure: { readonly error: GatewayError; readonly at: number } | undefined;
  /** Whether a gateway was there before: it may be about to return. */
  hadOne: boolean;
  readonly closing: AbortController;
}

/** Makes a source; nothing is looked for yet. */
export function createGatewaySource(parts: GatewaySourceParts): GatewaySource {
  const state: SourceState = {
    parts,
    current: undefined,
    joining: undefined,
    starting: undefined,
    failure: undefined,
    hadOne: false,
    closing: new AbortController(),
  };
  return {
    endpoint: (mayStart) => endpoint(state, mayStart),
    lost: (gone) => drop(state, gone),
    close() {
      state.closing.abort();
      state.current?.attached.abort();
    },
  };
}

async function endpoint(state: SourceState, mayStart: boolean): Promise<GatewayEndpoint> {
  if (state.current !== undefined) return state.current.endpoint;
  const found = state.starting ?? join(state);
  const running = await found;
  if (running !== undefined) return running;
  if (!mayStart) throw new GatewayError("gateway_unavailable");
  return await (state.starting ??= start(state).finally(() => state.starting = undefined));
}

function join(state: SourceState): Promise<GatewayEndpoint | undefined> {
  return state.joining ??= findAndAttach(state).finally(() => state.joining = undefined);
}

async function findAndAttach(state: SourceState): Promise<GatewayEndpoint | undefined> {
  const found = await state.parts.find();
  return found && await attach(state, found).catch(() => undefined);
}

/** Attaches before anything else: a gateway without attached programs may end at any time. */
async function attach(state: SourceState, found: GatewayEndpoint): Promise<GatewayEndpoint> {
  const { parts, closing } = state;
  const attached = new AbortController();
  const { ended } = await parts.attach(found, attached.signal);
  if (closing.signal.aborted) {
    attached.abort();
    throw new GatewayError("cancelled");
  }
  state.current = { endpoint: found, attached };
  state.hadOne = true;
  state.failure = undefined;
  void ended.then(() => drop(state, found));
  return found;
}

function drop(state: SourceState, gone: GatewayEndpoint): void {
  if (state.current?.endpoint !== gone) return;
  state.current.attached.abort();
  state.current = undefined;
}

async function start(state: SourceState): Promise<GatewayEndpoint> {
  const { parts: { clock, limits, start: startGateway, note }, failure } = state;
  if (failure !== undefined && clock.monotonic() - failure.at < limits.bridgeStartPauseMs) {
    throw failure.error;
  }
  const returned = state.hadOne ? await untilReturned(state) : undefined;
  if (returned !== undefined) return returned;
  try {
    // A gateway whose last program has just left may end before this one has attached.
    return await attach(state, await startGateway()).catch(async () =>
      await attach(state, await startGateway())
    );
  } catch (thrown) {
    const error = toGatewayError(thrown);
    if (!state.closing.signal.aborted) {
      note(error.message);
      state.failure = { error, at: clock.monotonic() };
    }
    throw error;
  }
}

/** A gateway that a person restarts is joined; starting another one would take its place. */
async function untilReturned(state: SourceState): Promise<GatewayEndpoint | undefined> {
  const { parts: { clock, limits }, closing } = state;
  const until = clock.monotonic() + limits.bridgeRejoinMs;
  while (clock.monotonic() < until && !closing.signal.aborted) {
    const found = await join(state);
    if (found !== undefined) return found;
    await sleep(clock, limits.bridgeRetryMsMin, closing.signal);
  }
  return undefined;
}
