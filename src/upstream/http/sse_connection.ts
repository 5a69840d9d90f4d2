/**
 * A link over the HTTP+SSE transport of the oldest revision: one stream on which everything comes,
 * and a URL, named by its first event, to which everything is posted. The stream's end is the
 * session's. Follows the transports page of that revision.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";
import { repeatableMethods } from "../../outgoing/retry.ts";
import { decodeSse } from "../../sse/decode.ts";
import { exitedError } from "../link/start_errors.ts";
import { createOutputGuard } from "../link/output_guard.ts";
import { createPeer, type Outgoing, type Peer } from "../link/peer.ts";
import { handshakeOn } from "../link/start_request.ts";
import { discard, mediaType, readFault, toEventStream } from "./error_response.ts";
import type { Streamable, StreamableOptions } from "./streamable.ts";
import { createOutboundQueue } from "./outbound_queue.ts";

/** Makes a link; nothing is opened yet. */
export function createSseConnection(options: StreamableOptions): Streamable {
  const { config, deps, caller, dialect, hooks } = options;
  const { limits, clock, log } = deps;
  const closed = new AbortController();
  const endpoint = Promise.withResolvers<string>();
  endpoint.promise.catch(() => {});
  let revision: string | undefined;
  let isReady = false;
  /** Where the endpoint answers: what must not be sent twice is not redirected there. */
  let postUrl: string | undefined;

  const end = (died: string | undefined): void => {
    if (closed.signal.aborted) return;
    closed.abort();
    endpoint.reject(noLine(config, died ?? "it was stopped"));
    peer.close(exitedError(config.name, died));
    if (isReady && died !== undefined) hooks.broken(died);
  };
  const peer: Peer = createPeer({
    server: config.name,
    codec: () => dialect.codec,
    limits,
    clock,
    guard: createOutputGuard(config.name, deps, end),
    notice: hooks.notice,
    ask: hooks.ask,
    send(line, outgoing) {
      if (outgoing === undefined) return outbound.send(line);
      void request(line, outgoing);
      return true;
    },
  });
  const send = (line: string): Promise<void> =>
    post(line, true).then(discard).catch((thrown) => {
      if (!closed.signal.aborted) log.info("Cannot tell the server", { error: String(thrown) });
    });
  const outbound = createOutboundQueue(config.name, deps, send);

  /** Posts a message that may be sent twice, or one that must not; throws what refuses it. */
  const post = async (line: string, repeatable: boolean, isWord = true): Promise<HttpAnswer> => {
    const answer = await caller.call({
      url: postUrl ?? await endpoint.promise,
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...dialect.http.headers({ session: undefined, revision }),
      },
      body: line,
      timeoutMs: isWord ? Math.min(limits.responseMs, config.startTimeoutMs) : limits.responseMs,
      repeatable,
    }, closed.signal);
    if (answer.status >= 200 && answer.status < 300) {
      postUrl = answer.url;
      return answer;
    }
    const fault = await readFault(answer, config, limits);
    const isLost = dialect.http.meaningOf(fault) === "renew";
    // Its URL was the session's own. The calls that found out fail first.
    if (isLost) clock.after(0, () => end("its session was lost"));
    if (isLost && fault.outcome === "refused") throw withOutcome(fault.error, "unknown");
    if (fault.rpc === undefined || isLost) throw fault.error;
    const told = dialect.codec.decodeError(fault.rpc.error);
    throw fault.status < 500 ? withOutcome(told, fault.outcome) : told;
  };

  /** Posts a request, whose answer comes on the stream, or from some servers in the POST's body. */
  const request = async (line: string, { id, wire, request }: Outgoing): Promise<void> => {
    try {
      const isSafe = !request.cancellable || repeatableMethods.has(wire.method);
      const answer = await post(line, isSafe, false);
      if (mediaType(answer) !== "application/json") return discard(answer);
      const text = await answer.text();
      if (peer.isPending(id) && holdsMessage(text)) await peer.receive([text], id);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      peer.fail(
        id,
        request.cancellable ? withOutcome(error, error.outcome ?? "unknown") : error,
      );
    }
  };

  const open = async (): Promise<void> => {
    const answer = await caller.call({
      url: config.url,
      method: "GET",
      headers: { accept: "text/event-stream" },
      timeoutMs: 0,
      repeatable: true,
    }, closed.signal);
    const { body } = await toEventStream(answer, config, limits);
    void read(body).then(
      () => end("its stream ended"),
      (thrown) => end(`its stream broke: ${toGatewayError(thrown).message}`),
    );
  };
  const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
    const events = decodeSse(body, { eventBytesMax: limits.responseBytesMax }).getReader();
    for (;;) {
      const { done, value } = await events.read();
      if (done) return;
      if (value.event === "endpoint") endpoint.resolve(toEndpoint(value.data, config));
      else if (value.event === "message") await peer.receive([value.data]);
    }
  };

  return {
    peer,
    async handshake() {
      const stopWaiting = clock.after(
        config.startTimeoutMs,
        () => end("it does not name the URL to post to"),
      );
      // The endpoint comes on the stream; what ends the wait for either names the reason first.
      await Promise.all([endpoint.promise, open()]).finally(stopWaiting);
      const { capabilities, clientTitle } = options;
      const result = await handshakeOn(peer, {
        dialect,
        capabilities,
        clientTitle,
        timeoutMs: config.startTimeoutMs,
        settle: (negotiated) => void ({ revision } = negotiated),
      });
      await outbound.sent();
      return result;
    },
    ready: () => void (isReady = true),
    stop() {
      end(undefined);
      return Promise.resolve();
    },
  };
}

/** Whether a body is a JSON-RPC message; most servers say "Accepted", in their own ways. */
function holdsMessage(text: string): boolean {
  return /^\s*\{/.test(text) && text.includes('"jsonrpc"');
}

/** The URL to post to; throws when it leads to another origin. */
function toEndpoint(data: string, config: HttpServerConfig): string {
  const url = URL.canParse(data, config.url) ? new URL(data, config.url) : undefined;
  if (url !== undefined && url.origin === new URL(config.url).origin) return url.href;
  throw noLine(config, "it names a URL of another origin to post to");
}

function noLine({ name }: HttpServerConfig, why: string): GatewayError {
  return new GatewayError("upstream_unavailable", `Cannot talk to server "${name}": ${why}`, {
    data: { server: name },
  });
}
