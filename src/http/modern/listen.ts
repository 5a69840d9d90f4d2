/**
 * A client's notification stream: the acknowledgement first, then what was asked for and nothing
 * else, each frame tagged with the request's id. Resources are subscribed to once for all streams of
 * a principal. A reader who lags is told each change once; one who lags too far loses the stream and
 * opens another. Follows patterns/subscriptions of 2026-07-28.
 */
import { pause } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Caller, JsonObject, Notice } from "../../model.ts";
import { notificationText, resultText } from "../../protocol/jsonrpc.ts";
import {
  decodeFilter,
  encodeAck,
  encodeEnd,
  honoured,
  type ListenFilter,
  tag,
  wants,
} from "../../protocol/modern/listen.ts";
import { encodeNotice } from "../../protocol/modern/client_facing.ts";
import type { RequestContext } from "../../runtime/runtime.ts";
import { encodeFrame } from "../../sse/encode.ts";
import { type Connection, openConnection } from "../connection.ts";
import { logFault, streamResponse } from "../respond.ts";
import type { Asked } from "./call.ts";
import type { OpenListen, Stateless } from "./stateless.ts";

/** Opens a stream; throws when the filter is none or there are too many. */
export async function listen(
  stateless: Stateless,
  asked: Asked,
  context: RequestContext,
): Promise<Response> {
  const { deps, listens } = stateless;
  const { request, caller, surface } = asked;
  const { limits, heartbeats } = deps;
  const wanted = decodeFilter(request.params);
  if (wanted.resourceSubscriptions.length > limits.listenUrisMax) {
    throw new GatewayError(
      "overloaded",
      `Cannot listen to more than ${limits.listenUrisMax} resources on one stream`,
    );
  }
  const own = [...listens].filter(({ scope }) => scope === caller.scope);
  if (own.length >= limits.listensPerPrincipalMax) {
    throw new GatewayError("overloaded", "Cannot open another stream: too many are open");
  }
  const filter = honoured(wanted, await capabilitiesOf(stateless, asked));
  context.holdOpen?.();
  const isHeldOpen = context.holdOpen !== undefined;
  const connection = openConnection({ limits, heartbeats, isHeldOpen });
  const ack = encodeAck(request.id, filter);
  connection.write({ data: notificationText(ack.method, ack.params) });
  const stream = openStream(stateless, asked, filter, connection);
  const stop = deps.gateway.watch(surface, caller, {
    notice: (notice) => void stream.notice(notice),
    ask: () => Promise.reject(new GatewayError("ask_unanswerable")),
  }, () => []);
  const release = subscribe(stateless, caller, surface, filter.resourceSubscriptions);
  listens.add(stream);
  connection.closed.then(() => {
    listens.delete(stream);
    stop();
    release();
  });
  return streamResponse(connection.body);
}

/** What the surface can do; while it is still starting, everything, since it may come. */
async function capabilitiesOf(
  { deps }: Stateless,
  { surface, caller }: Asked,
): Promise<JsonObject> {
  const over = new AbortController();
  const describing = deps.gateway.describe(surface, caller);
  describing.catch(() => {});
  const late = pause(deps.clock, deps.limits.listenDescribeMs, over.signal)
    .then(() => undefined, () => undefined);
  const description = await Promise.race([describing, late]);
  over.abort();
  return description?.capabilities ?? everything;
}

const everything: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
};

function openStream(
  { deps: { limits } }: Stateless,
  { request: { id }, caller: { scope } }: Asked,
  filter: ListenFilter,
  connection: Connection,
): OpenListen {
  /** Changes that wait until the reader has caught up. */
  const waiting = new Map<string, Uint8Array>();
  const isLagging = () => connection.queuedBytes() > limits.streamBytesMax / 2;
  const flush = (): void => {
    for (const [key, bytes] of waiting) {
      if (isLagging()) return;
      waiting.delete(key);
      connection.write(bytes);
    }
  };
  connection.onBeat(flush);
  return {
    scope,
    notice(notice) {
      if (connection.isOver() || !wants(filter, notice)) return false;
      const bytes = toFrame(notice, id);
      if (bytes === undefined) return false;
      flush();
      if (!isLagging()) return connection.write(bytes);
      waiting.set(keyOf(notice), bytes);
      return false;
    },
    end() {
      connection.write({ data: resultText(id, encodeEnd(id)) });
      connection.end();
    },
  };
}

function toFrame(notice: Notice, id: string | number): Uint8Array | undefined {
  const wire = encodeNotice(notice, undefined, undefined);
  if (wire === undefined) return undefined;
  const { method, params } = tag(wire, id);
  return encodeFrame({ data: notificationText(method, params) });
}

function keyOf({ method, params }: Notice): string {
  return `${method} ${String(params.uri ?? "")}`;
}

/** Subscribes to URIs for as long as any stream of the scope wants them. */
function subscribe(
  { deps, subscriptions }: Stateless,
  caller: Caller,
  surface: string,
  uris: readonly string[],
): () => void {
  const { gateway, log } = deps;
  const call = (method: string, uri: string): void => {
    const params = { uri };
    gateway.call(surface, { method, params, wantsProgress: false, caller }).next().then((reply) => {
      if (reply.kind === "failure") {
        log.info("Cannot follow a resource for a client", { method, uri, error: reply.error });
      }
    }).catch((thrown) => logFault(log, "Cannot follow a resource for a client", thrown));
  };
  const keys = uris.map((uri) => [uri, JSON.stringify([caller.scope, surface, uri])] as const);
  for (const [uri, key] of keys) {
    const known = subscriptions.get(key);
    if (known !== undefined) known.streams += 1;
    else {
      subscriptions.set(key, { streams: 1 });
      call("resources/subscribe", uri);
    }
  }
  return () => {
    for (const [uri, key] of keys) {
      const known = subscriptions.get(key);
      if (known === undefined) continue;
      known.streams -= 1;
      if (known.streams > 0) continue;
      subscriptions.delete(key);
      call("resources/unsubscribe", uri);
    }
  };
}
