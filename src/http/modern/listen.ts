/**
 * A client's notification stream: the acknowledgement first, then only the notices that the client
 * asked for, each frame tagged with the request's id. A reader that lags gets each change once; one
 * that lags too far loses the stream and opens another. Follows patterns/subscriptions of
 * 2026-07-28. Not here: which resources servers are asked to follow (subscription_handles.ts).
 */
import { withDeadline } from "../../clock.ts";
import { consumerOf, hasShare } from "../../consumers.ts";
import { GatewayError } from "../../errors.ts";
import { declaresTasks } from "../../extensions.ts";
import { tasksUndeclared } from "../../gateway/sealed_tasks.ts";
import type { Limits } from "../../limits.ts";
import { type Caller, type JsonObject, listKinds, type Notice } from "../../model.ts";
import { notificationText, resultText } from "../../protocol/jsonrpc.ts";
import {
  decodeFilter,
  encodeAck,
  encodeEnd,
  honoured,
  type ListenFilter,
  tag,
  wants,
  wantsTaskNotices,
} from "../../protocol/modern/listen_filter.ts";
import { onExpiry } from "../credential_expiry.ts";
import { type EventStream, openEventStream } from "../event_stream.ts";
import { streamResponse } from "../respond.ts";
import type { ModernRequest, OpenListen, StatelessDeps, StatelessRequests } from "./requests.ts";

/** A stream; it has no filter before it is acknowledged. */
interface Listen extends OpenListen {
  readonly limits: Limits;
  readonly codec: StatelessDeps["codec"];
  readonly asked: ModernRequest;
  readonly connection: EventStream;
  filter: ListenFilter | undefined;
  /** Changes that wait until the reader has caught up, by what has changed. */
  readonly unsaid: Map<string, string>;
}

/** Opens a stream; throws when the filter is none or there are too many. */
export async function openListen(
  stateless: StatelessRequests,
  asked: ModernRequest,
): Promise<Response> {
  const { deps, listens } = stateless;
  const { limits, heartbeats, rates } = deps;
  const { request, caller, signal, holdOpen } = asked;
  if (!asked.accepts.stream) {
    throw new GatewayError("not_acceptable", "Accept must allow text/event-stream");
  }
  const wanted = decodeFilter(request.params);
  // Tasks are asked for; the acknowledgement names none.
  if (wantsTaskNotices(request.params) && !declaresTasks(caller)) {
    throw tasksUndeclared(request.method);
  }
  if (wanted.resourceSubscriptions.length > limits.listenUrisMax) {
    throw new GatewayError(
      "invalid_params",
      `Cannot listen to more than ${limits.listenUrisMax} resources on one stream: open another`,
    );
  }
  const taker = consumerOf(caller);
  const siblings = [...listens].filter(({ consumer }) => consumer === taker);
  if (siblings.length >= limits.listensPerPrincipalMax) throw tooMany(deps, caller);
  rates.takeRequest(caller.principal);
  const place = rates.openStream(caller);
  holdOpen?.();
  const connection = openEventStream({ limits, heartbeats, isHeldOpen: holdOpen !== undefined });
  const stream = createListen(asked, deps, connection);
  listens.add(stream);
  place.yieldsBy(stream.end);
  const stopExpiry = onExpiry(deps, () => caller.principal, stream.end);
  connection.closed.then(() => {
    listens.delete(stream);
    place.leave();
    stopExpiry();
  });
  // Until the response begins, only this signal shows that the reader has left.
  const leave = (): void => void connection.body.cancel().catch(() => {});
  signal.addEventListener("abort", leave);
  if (signal.aborted) leave();
  const capabilities = await capabilitiesOf(stateless, asked);
  signal.removeEventListener("abort", leave);
  if (!connection.isOver()) begin(stateless, stream, honoured(wanted, capabilities));
  return streamResponse(connection.body);
}

/** Clients on loopback that do not authenticate share the bound: none of them alone exceeds it. */
function tooMany({ rates, limits }: StatelessDeps, caller: Caller): GatewayError {
  const text = "Cannot open another stream: too many are open";
  // By then, streams without a reader are noticed.
  const retryAfterMs = limits.heartbeatMs;
  return hasShare(consumerOf(caller))
    ? rates.refuse(caller, "streams", text, retryAfterMs)
    : new GatewayError("overloaded", text, { data: { retryAfterMs } });
}

/** What the surface can do; of one that is still starting, everything, since it may come. */
async function capabilitiesOf(
  { deps: { gateway, clock, limits } }: StatelessRequests,
  { surface, caller }: ModernRequest,
): Promise<JsonObject> {
  const describing = gateway.describe(surface, caller).catch(() => undefined);
  const waitMs = limits.listenDescribeMs;
  const description = await withDeadline(clock, waitMs, describing, () => undefined);
  return description?.capabilities ?? everything;
}

const everything: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
};

function createListen(
  asked: ModernRequest,
  { limits, identity, codec }: StatelessDeps,
  connection: EventStream,
): Listen {
  const { request: { id }, surface, caller: { scope, clientInfo, revision, principal } } = asked;
  const stream: Listen = {
    limits,
    codec,
    asked,
    connection,
    scope,
    surface,
    clientInfo,
    revision,
    principal,
    consumer: consumerOf(asked.caller),
    filter: undefined,
    unsaid: new Map(),
    hearsLists: () => listKindNotices.some((notice) => hears(stream, notice)),
    tell: (notice) => tell(stream, notice),
    end() {
      const data = resultText(id, encodeEnd(id, identity));
      connection.write({ retry: limits.sseRetryMs, data });
      connection.end();
    },
  };
  return stream;
}

/** Acknowledges, and listens from that moment on. */
function begin(
  { deps, subscriptions }: StatelessRequests,
  stream: Listen,
  filter: ListenFilter,
): void {
  const { connection, asked: { request: { id }, surface, caller } } = stream;
  const ack = encodeAck(id, filter);
  connection.write({ data: notificationText(ack.method, ack.params) });
  stream.filter = filter;
  connection.onBeat(() => flush(stream));
  const hold = subscriptions.hold(surface, caller, filter.resourceSubscriptions);
  const stopWatching = deps.gateway.watch(surface, caller, {
    notice(notice) {
      if (notice.method === resourcesChanged) hold.retry();
      tell(stream, notice);
    },
    // Outside of a call there is no way to ask.
    ask: () => Promise.reject(new GatewayError("ask_unanswerable")),
    // Subscriptions are made by calls, which say whether they succeeded.
  }, () => []);
  connection.closed.then(() => {
    stopWatching();
    hold.release();
  });
}

const listKindNotices: readonly Notice[] = Object.values(listKinds).map(({ capability }) => ({
  kind: "notice",
  method: `notifications/${capability}/list_changed`,
  params: {},
}));

function hears({ filter, connection }: Listen, notice: Notice): boolean {
  return filter !== undefined && !connection.isOver() && wants(filter, notice);
}

const resourcesChanged = `notifications/${listKinds.resources.capability}/list_changed`;

/** True when the stream wanted the notice and took it now. */
function tell(stream: Listen, notice: Notice): boolean {
  const { filter, unsaid, codec, asked: { request: { id }, caller } } = stream;
  if (filter === undefined || !wants(filter, notice)) return false;
  const wire = codec.encodeNotice(notice, caller);
  if (wire === undefined) return false;
  const { method, params } = tag(wire, id);
  unsaid.set(`${method} ${String(params.uri ?? "")}`, notificationText(method, params));
  return flush(stream);
}

/** Says what waits, unless the reader lags; false when it still waits or there is no reader. */
function flush({ limits, connection, unsaid }: Listen): boolean {
  if (connection.isOver() || connection.queuedBytes() > limits.streamBytesMax / 2) return false;
  for (const text of unsaid.values()) connection.write({ data: text });
  unsaid.clear();
  return true;
}
