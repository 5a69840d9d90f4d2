/**
 * A link over the HTTP+SSE transport of the oldest revision: one stream on which everything comes,
 * and a URL, named by its first event, to which everything is posted. The stream's end is the
 * session's. Follows the transports page of that revision.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";
import { decodeSse } from "../../sse/decode.ts";
import { traceHeaders } from "../../trace_context.ts";
import type { HandshakeResult } from "../link/dialect.ts";
import type { Outgoing } from "../link/peer_state.ts";
import { discard, mediaType, readFault, toEventStream } from "./error_response.ts";
import { createOutboundQueue } from "./outbound_queue.ts";
import {
  createRemotePeer,
  endRemote,
  failSent,
  handshakeOver,
  isRepeatable,
  noteLogin,
  type OpeningLink,
  type RemoteLink,
  type RemoteLinkOptions,
  useOf,
} from "./remote_link.ts";

/** One link. */
interface SseLink extends RemoteLink {
  /** The URL to post to, once the server has named it. */
  readonly endpoint: PromiseWithResolvers<string>;
  revision: string | undefined;
  /** Where the endpoint answers: what must not be sent twice is not redirected there. */
  postUrl: string | undefined;
}

/** Makes a link; nothing is opened yet. */
export function createSseConnection(options: RemoteLinkOptions): OpeningLink {
  const endpoint = Promise.withResolvers<string>();
  endpoint.promise.catch(() => {});
  const link: SseLink = {
    options,
    endpoint,
    closed: new AbortController(),
    peer: createRemotePeer(
      options,
      { send: (line, outgoing) => send(link, line, outgoing) },
      (died) => end(link, died),
    ),
    outbound: createOutboundQueue(
      options.config.name,
      options.deps,
      (line) => sendAside(link, line),
    ),
    isReady: false,
    revision: undefined,
    postUrl: undefined,
  };
  return {
    peer: link.peer,
    handshake: () => handshake(link),
    ready: () => void (link.isReady = true),
    stop() {
      end(link, undefined);
      return Promise.resolve();
    },
  };
}

function end(link: SseLink, died: string | undefined): void {
  const { config } = link.options;
  endRemote(link, died, () => link.endpoint.reject(noLine(config, died ?? "it was stopped")));
}

function send(link: SseLink, line: string, outgoing: Outgoing | undefined): boolean {
  if (outgoing === undefined) return link.outbound.send(line);
  void sendRequest(link, line, outgoing);
  return true;
}

/** Sends a notification or an answer of ours; never rejects. */
async function sendAside(link: SseLink, line: string): Promise<void> {
  const { config, deps: { limits, log } } = link.options;
  try {
    const timeoutMs = Math.min(limits.responseMs, config.startTimeoutMs);
    discard(await post(link, line, undefined, timeoutMs));
  } catch (thrown) {
    if (!link.closed.signal.aborted) {
      log.info("Cannot send a notification or an answer", { error: String(thrown) });
    }
  }
}

/** Posts a request, whose answer comes on the stream, or from some servers in the POST's body. */
async function sendRequest(link: SseLink, line: string, outgoing: Outgoing): Promise<void> {
  const { peer, options } = link;
  const { id } = outgoing;
  try {
    const { responseMs } = options.deps.limits;
    const answer = await post(link, line, outgoing, responseMs);
    if (mediaType(answer) !== "application/json") return discard(answer);
    const text = await answer.text();
    if (peer.isPending(id) && holdsMessage(text)) await peer.receive([text], id);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    noteLogin(link, outgoing, error);
    failSent(link, outgoing, error);
  }
}

/** Posts a message that may be sent twice, or one that must not; throws what refuses it. */
async function post(
  link: SseLink,
  line: string,
  outgoing: Outgoing | undefined,
  timeoutMs: number,
): Promise<HttpAnswer> {
  const { config, caller, dialect, deps, owner } = link.options;
  const answer = await caller.call({
    url: link.postUrl ?? await link.endpoint.promise,
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...traceHeaders(outgoing?.wire.params),
      ...dialect.http.headers({ session: undefined, revision: link.revision }),
    },
    body: line,
    timeoutMs,
    repeatable: outgoing === undefined || isRepeatable(outgoing),
    use: useOf(owner, outgoing),
  }, link.closed.signal);
  if (answer.status >= 200 && answer.status < 300) {
    link.postUrl = answer.url;
    return answer;
  }
  const fault = await readFault(answer, config, deps.limits);
  const isLost = dialect.http.meaningOf(fault) === "renew";
  // Its URL was the session's own. The calls that found out fail first.
  if (isLost) deps.clock.after(0, () => end(link, "its session was lost"));
  if (isLost && fault.outcome === "refused") throw withOutcome(fault.error, "unknown");
  if (fault.rpc === undefined || isLost) throw fault.error;
  const told = dialect.codec.decodeError(fault.rpc.error);
  throw fault.status < 500 ? withOutcome(told, fault.outcome) : told;
}

async function handshake(link: SseLink): Promise<HandshakeResult> {
  const { config, deps } = link.options;
  const stopWaiting = deps.clock.after(
    config.startTimeoutMs,
    () => end(link, "it does not name the URL to post to"),
  );
  // The endpoint comes on the stream; what ends the wait for either names the reason first.
  await Promise.all([link.endpoint.promise, open(link)]).finally(stopWaiting);
  return await handshakeOver(link, ({ revision }) => void (link.revision = revision));
}

async function open(link: SseLink): Promise<void> {
  const { config, caller, deps, owner: use } = link.options;
  const answer = await caller.call({
    url: config.url,
    method: "GET",
    headers: { accept: "text/event-stream" },
    timeoutMs: 0,
    repeatable: true,
    use,
  }, link.closed.signal);
  const { body } = await toEventStream(answer, config, deps.limits);
  void read(link, body).then(
    () => end(link, "its stream ended"),
    (thrown) => end(link, `its stream broke: ${toGatewayError(thrown).message}`),
  );
}

async function read(link: SseLink, body: ReadableStream<Uint8Array>): Promise<void> {
  const { config, deps } = link.options;
  const events = decodeSse(body, { eventBytesMax: deps.limits.responseBytesMax }).getReader();
  for (;;) {
    const { done, value } = await events.read();
    if (done) return;
    if (value.event === "endpoint") link.endpoint.resolve(toEndpoint(value.data, config));
    else if (value.event === "message") await link.peer.receive([value.data]);
  }
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
