/**
 * How every step hands a call to a server: with the trace that the call belongs to in its `_meta`,
 * and with the times of its way there, where spans are exported.
 */
import type { Clock } from "../../clock.ts";
import type { Call, Exchange } from "../../model.ts";
import { withTrace } from "../../trace_context.ts";
import type { Server } from "../server.ts";
import type { CallContext } from "./steps.ts";

/** What handing a call over needs. */
interface OpeningDeps {
  readonly clock: Clock;
}

/** Opens a call at the only server that gets it; `call` has its own words. */
export function openAt(
  context: CallContext,
  server: Server,
  call: Call,
  deps: OpeningDeps,
): Exchange {
  noteHop(context, server, deps);
  return server.upstream.open(traced(context, call));
}

/** The same at one server of several. */
export function openAtEach(
  context: CallContext,
  server: Server,
  call: Call,
  deps: OpeningDeps,
): Exchange {
  noteHop(context, undefined, deps);
  return server.upstream.open(traced(context, call));
}

function traced({ trace }: CallContext, call: Call): Call {
  if (trace?.passed === undefined) return call;
  return { ...call, params: withTrace(call.params, trace.passed) };
}

function noteHop({ trace }: CallContext, server: Server | undefined, { clock }: OpeningDeps): void {
  const spans = trace?.spans;
  // The first time counts: a call may be made again after a log-in.
  if (spans !== undefined) spans.hop ??= { server: server?.config, begunAt: clock.monotonic() };
}

/** Notes that the ending of the server has come. */
export function noteAnswered({ trace }: CallContext, { clock }: OpeningDeps): void {
  const hop = trace?.spans?.hop;
  if (hop !== undefined) hop.endedAt ??= clock.monotonic();
}
