/**
 * One stateless request, from its message to its answer: the request is checked against what the
 * surface offers, opened at the gateway, read to its end, and encoded. A disconnect of the client
 * cancels it. Requests for the surface's own description are answered here, too. Follows the
 * methods of 2026-07-28 and its cancellation page. Not here: the form of the answer (reply.ts).
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { toCallFailure, toFault } from "../../gateway/call_failure.ts";
import { outcomeFor } from "../../gateway/outcome.ts";
import type { ReaderRoom } from "../../reader_room.ts";
import type { CallTarget, Exchange, JsonObject, Notice, Reply as Item } from "../../model.ts";
import { traceInHeaders } from "../../trace_context.ts";
import { errorText, notificationText, resultText } from "../../protocol/jsonrpc.ts";
import { capabilityOf } from "../../protocol/modern/client_facing.ts";
import { checkParamHeaders } from "../../protocol/modern/tool_headers.ts";
import type { CallProgress } from "../keep_alive.ts";
import { createProgressGap, isProgress, type ProgressGap } from "../progress_gap.ts";
import { callStatus, logFault } from "../respond.ts";
import { PendingReply } from "./reply.ts";
import {
  hearsChanges,
  type ModernRequest,
  type StatelessCall,
  type StatelessRequests,
} from "./requests.ts";

/** A running call. Parts that few calls need are made when they are first used. */
class RunningCall implements StatelessCall, ReaderRoom {
  readonly stateless: StatelessRequests;
  readonly asked: ModernRequest;
  readonly reply: PendingReply;
  readonly target: CallTarget = {};
  /** Absent before the first progress. */
  gap: ProgressGap | undefined;
  /** Absent where the client wants none. */
  progress: CallProgress | undefined;
  /** Absent until the gateway was asked. */
  exchange: Exchange | undefined;
  /** The answer, once it is known, with its status if it stands alone. */
  ending: { readonly text: string; readonly status: number } | undefined;

  constructor(stateless: StatelessRequests, asked: ModernRequest) {
    this.stateless = stateless;
    this.asked = asked;
    this.reply = new PendingReply(
      stateless.deps,
      asked,
      () => this.abort("the client went away"),
    );
    stateless.calls.add(this);
  }

  /** Its server may work for others too, and does not wait. */
  wait(): undefined {}

  drops(): boolean {
    if (!this.reply.isFull()) return false;
    drop(this);
    return true;
  }

  abort(reason: string, error?: GatewayError): void {
    const { calls } = this.stateless;
    if (!calls.has(this)) return;
    // Set the ending first, since the exchange ends at once when it is cancelled.
    if (error === undefined) {
      this.progress?.stop();
      calls.delete(this);
      return this.exchange?.cancel(reason);
    }
    if (error.code === "draining") this.reply.hint();
    if (this.ending === undefined) fail(this, error);
    this.exchange?.cancel(reason);
    settle(this);
  }
}

/** Runs a request; throws when there are too many. Its promise does not reject. */
export function runCall(stateless: StatelessRequests, asked: ModernRequest): Promise<Response> {
  const { calls, deps } = stateless;
  if (calls.size >= deps.limits.statelessCallsMax) throw new GatewayError("overloaded");
  const running = new RunningCall(stateless, asked);
  if (asked.request.progressToken !== undefined) running.progress = keepAlive(running);
  run(running);
  return running.reply.response;
}

/** Sends the gateway's own progress while the server is silent. */
function keepAlive(running: RunningCall): CallProgress {
  return running.stateless.deps.keepAlive.add({
    doing: () => "Still working",
    send(notice) {
      if (running.target.keepAlive !== false) tell(running, notice);
    },
  });
}

const isOpen = (running: RunningCall): boolean =>
  running.ending === undefined && running.stateless.calls.has(running);

/** Starts a call; only methods that need a description or another capability wait first. */
function run(running: RunningCall): void {
  const { asked: { request: { method } } } = running;
  const capability = capabilityOf(method);
  if (method === "server/discover") return runLater(running, describe(running));
  // The tool list and tool calls report by themselves that no server has tools.
  if (capability === undefined || capability === "tools") return open(running);
  runLater(running, assertServed(running, capability).then(() => open(running)));
}

function runLater(running: RunningCall, step: Promise<void>): void {
  step.catch((thrown) => fail(running, toGatewayError(thrown)));
}

/** Opens the call at the gateway. */
function open(running: RunningCall): void {
  if (!isOpen(running)) return;
  const { stateless, asked: { request, caller, surface }, target } = running;
  const { method, params, progressToken, resume } = request;
  try {
    const hears = () => hearsChanges(stateless, surface, caller);
    const checkItem = (item: JsonObject) => assertHeaders(running.asked, item);
    const trace = traceInHeaders(running.asked.headers);
    const exchange = stateless.deps.gateway.call(surface, {
      method,
      params,
      wantsProgress: progressToken !== undefined,
      caller,
      resume,
      hears,
      target,
      checkItem,
      trace,
      room: running,
    });
    running.exchange = exchange;
    exchange.read((reply) => take(running, exchange, reply));
  } catch (thrown) {
    fail(running, toGatewayError(thrown));
  }
}

async function describe(running: RunningCall): Promise<void> {
  const { stateless: { deps }, asked: { request, caller, surface } } = running;
  const description = await deps.gateway.describe(surface, caller);
  const result = deps.codec.encodeDescription(description, caller);
  finish(running, resultText(request.id, result), 200);
}

/** Throws when headers say other arguments than the body of a tool's call. */
function assertHeaders({ request: { method, params }, headers }: ModernRequest, tool: JsonObject) {
  if (method !== "tools/call") return;
  const problem = checkParamHeaders(tool.inputSchema, params.arguments, headers);
  if (problem !== undefined) throw new GatewayError("header_mismatch", problem);
}

/** Rejects when no server of the surface has a capability. */
async function assertServed(
  { stateless: { deps }, asked: { request: { method }, caller, surface } }: RunningCall,
  capability: string,
): Promise<void> {
  if (!await deps.gateway.serves(surface, caller, capability)) {
    throw new GatewayError("method_not_found", `No server here offers "${method}"`);
  }
}

/** Takes a reply at the moment it comes. */
function take(running: RunningCall, exchange: Exchange, item: Item): void {
  if (!isOpen(running)) return;
  try {
    takeOpen(running, exchange, item);
  } catch (thrown) {
    fail(running, toGatewayError(thrown));
  }
}

function takeOpen(running: RunningCall, exchange: Exchange, item: Item): void {
  const { stateless: { deps: { codec } }, asked: { request: { id, method }, caller } } = running;
  switch (item.kind) {
    case "notice":
      return tell(running, isProgress(item) ? running.progress?.relay(item) ?? item : item);
    case "ask": {
      // The gateway makes questions the end of the exchange; none comes this far.
      const refusal = new GatewayError("ask_unanswerable").toRpc();
      return void exchange.answer(item.id, { kind: "refusal", ...refusal });
    }
    case "result":
      return finish(running, resultText(id, codec.encodeResult(method, item, caller)), 200);
    case "inputRequired":
      return finish(running, resultText(id, codec.encodeInputRequired(item)), 200);
    case "failure":
      return fail(running, item.error);
  }
}

function tell(running: RunningCall, notice: Notice): void {
  const { stateless: { deps }, reply, asked: { request, caller } } = running;
  if (reply.isFull()) return drop(running);
  const wire = deps.codec.encodeNotice(notice, caller, request.progressToken);
  if (wire === undefined) return;
  if (!reply.notice(notificationText(wire.method, wire.params))) return drop(running);
  if (!isProgress(notice)) return;
  running.gap ??= createProgressGap(deps.clock, deps.limits);
  running.gap.begin();
}

/** Counts a notice that the client does not get. */
function drop({ stateless: { deps }, target: { server } }: RunningCall): void {
  deps.emit({ type: "dropped", what: "call_notice", server });
}

function fail(running: RunningCall, failure: GatewayError): void {
  const { stateless: { deps }, asked: { request: { id, method, params }, caller, surface } } =
    running;
  // The gateway reports the calls that reached it.
  const isOurs = running.exchange === undefined && isOpen(running);
  const fault = isOurs ? toFault(failure) : undefined;
  if (fault !== undefined) {
    const refused = toCallFailure({ params, caller }, fault, deps.limits);
    const principal = caller.principal.id;
    deps.emit({ type: "call_refused", surface, method, principal, failure: refused });
  }
  if (failure.code === "internal") logFault(deps.log, `Cannot answer "${method}"`, failure);
  const told = withOutcome(failure, outcomeFor(failure, running.target));
  const { error, status } = deps.codec.encodeError(told, { method, params });
  finish(running, errorText(id, error), callStatus(failure, status));
}

/** Ends a call; its answer leaves later than its last progress. */
function finish(running: RunningCall, text: string, status: number): void {
  if (!isOpen(running)) return;
  running.ending = { text, status };
  running.progress?.stop();
  if (running.gap === undefined) settle(running);
  else running.gap.after(() => settle(running));
}

function settle(running: RunningCall): void {
  const { stateless: { calls }, reply, gap, ending } = running;
  gap?.close();
  if (ending !== undefined && calls.delete(running)) reply.settle(ending.text, ending.status);
}
