/**
 * One stateless request, from its message to its answer: the request is checked against what the
 * surface offers, opened at the gateway, read to its end, and encoded. A disconnect of the client
 * cancels it. Requests for the surface's own description are answered here, too. Follows the
 * methods of 2026-07-28 and its cancellation page. Not here: the form of the answer (reply.ts).
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { toCallFailure, toFault } from "../../gateway/call_failure.ts";
import { outcomeFor } from "../../gateway/outcome.ts";
import type { CallTarget, Exchange, JsonObject, Notice, Reply as Item } from "../../model.ts";
import { errorText, notificationText, resultText } from "../../protocol/jsonrpc.ts";
import { capabilityOf } from "../../protocol/modern/client_facing.ts";
import { checkParamHeaders } from "../../protocol/modern/tool_headers.ts";
import type { CallProgress } from "../keep_alive.ts";
import { createProgressGap, isProgress, type ProgressGap } from "../progress_gap.ts";
import { logFault } from "../respond.ts";
import { openReply, type PendingReply } from "./reply.ts";
import {
  hearsChanges,
  type ModernRequest,
  type StatelessCall,
  type StatelessRequests,
} from "./requests.ts";

/** A call between its opening and its answer. */
interface Running extends StatelessCall {
  readonly stateless: StatelessRequests;
  readonly asked: ModernRequest;
  readonly reply: PendingReply;
  readonly gap: ProgressGap;
  readonly target: CallTarget;
  /** Absent where the client wants none. */
  progress: CallProgress | undefined;
  /** Absent until the gateway was asked. */
  exchange: Exchange | undefined;
  /** The answer, once it is known, with its status if it stands alone. */
  ending: { readonly text: string; readonly status: number } | undefined;
}

/** Runs a request; throws when there are too many. */
export function runCall(stateless: StatelessRequests, asked: ModernRequest): Promise<Response> {
  const { calls, deps } = stateless;
  if (calls.size >= deps.limits.statelessCallsMax) throw new GatewayError("overloaded");
  const reply = openReply(deps, asked, () => running.abort("the client went away"));
  const running: Running = {
    stateless,
    asked,
    reply,
    gap: createProgressGap(deps.clock, deps.limits),
    target: {},
    progress: undefined,
    exchange: undefined,
    ending: undefined,
    abort(reason, error) {
      if (!calls.has(running)) return;
      // Its own words come first: the exchange answers a cancel at once.
      if (error === undefined) {
        running.progress?.stop();
        calls.delete(running);
        return running.exchange?.cancel(reason);
      }
      if (error.code === "draining") reply.hint();
      if (running.ending === undefined) fail(running, error);
      running.exchange?.cancel(reason);
      settle(running);
    },
  };
  calls.add(running);
  if (asked.request.progressToken !== undefined) running.progress = keepAlive(running);
  void run(running);
  return reply.response;
}

/** Sends progress of ours while the server is silent. */
function keepAlive(running: Running): CallProgress {
  return running.stateless.deps.keepAlive.add({
    doing: () => "Still working",
    send(notice) {
      if (running.target.keepAlive !== false) tell(running, notice);
    },
  });
}

const isOpen = (running: Running): boolean =>
  running.ending === undefined && running.stateless.calls.has(running);

/** Brings a call to its end, unless it is given up. */
async function run(running: Running): Promise<void> {
  const { stateless: { deps }, asked: { request, caller, surface }, target } = running;
  const { method, params, progressToken, resume } = request;
  try {
    if (method === "server/discover") {
      const description = await deps.gateway.describe(surface, caller);
      const result = deps.codec.encodeDescription(description, caller);
      return finish(running, resultText(request.id, result), 200);
    }
    await assertServed(running);
    if (!isOpen(running)) return;
    const wantsProgress = progressToken !== undefined;
    const hears = () => hearsChanges(running.stateless, surface, caller);
    const checkItem = (item: JsonObject) => assertHeaders(running.asked, item);
    const call = { method, params, wantsProgress, caller, resume, hears, target, checkItem };
    const exchange = deps.gateway.call(surface, call);
    running.exchange = exchange;
    exchange.read((reply) => take(running, exchange, reply));
  } catch (thrown) {
    fail(running, toGatewayError(thrown));
  }
}

/** Throws when headers say other arguments than the body of a tool's call. */
function assertHeaders({ request: { method, params }, headers }: ModernRequest, tool: JsonObject) {
  if (method !== "tools/call") return;
  const problem = checkParamHeaders(tool.inputSchema, params.arguments, headers);
  if (problem !== undefined) throw new GatewayError("header_mismatch", problem);
}

/** Throws when the surface has no such method. */
async function assertServed({ stateless: { deps }, asked }: Running): Promise<void> {
  const { request: { method }, caller, surface } = asked;
  const capability = capabilityOf(method);
  // The tool list and tool calls report by themselves that no server has tools.
  if (capability === undefined || capability === "tools") return;
  if (!await deps.gateway.serves(surface, caller, capability)) {
    throw new GatewayError("method_not_found", `No server here offers "${method}"`);
  }
}

/** Takes a reply at the moment it comes. */
function take(running: Running, exchange: Exchange, item: Item): void {
  if (!isOpen(running)) return;
  try {
    takeOpen(running, exchange, item);
  } catch (thrown) {
    fail(running, toGatewayError(thrown));
  }
}

function takeOpen(running: Running, exchange: Exchange, item: Item): void {
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

function tell(running: Running, notice: Notice): void {
  const { stateless: { deps }, reply, gap, asked: { request, caller }, target } = running;
  const wire = deps.codec.encodeNotice(notice, caller, request.progressToken);
  if (wire === undefined) return;
  if (!reply.notice(notificationText(wire.method, wire.params))) {
    const { server } = target;
    deps.emit({ type: "dropped", what: "call_notice", server });
  } else if (isProgress(notice)) gap.begin();
}

function fail(running: Running, failure: GatewayError): void {
  const { stateless: { deps }, asked: { request: { id, method, params }, caller, surface } } =
    running;
  // The gateway reports the calls that reached it.
  const isOurs = running.exchange === undefined && isOpen(running);
  const fault = isOurs ? toFault(failure) : undefined;
  if (fault !== undefined) {
    const refused = toCallFailure({ params, caller }, fault, deps.limits);
    deps.emit({ type: "call_refused", surface, method, failure: refused });
  }
  if (failure.code === "internal") logFault(deps.log, `Cannot answer "${method}"`, failure);
  const told = withOutcome(failure, outcomeFor(failure, running.target));
  const { error, status } = deps.codec.encodeError(told, { method, params });
  finish(running, errorText(id, error), status);
}

/** Ends a call; its answer leaves later than its last progress. */
function finish(running: Running, text: string, status: number): void {
  if (!isOpen(running)) return;
  running.ending = { text, status };
  running.progress?.stop();
  running.gap.after(() => settle(running));
}

function settle(running: Running): void {
  const { stateless: { calls }, reply, gap, ending } = running;
  gap.close();
  if (ending !== undefined && calls.delete(running)) reply.settle(ending.text, ending.status);
}
