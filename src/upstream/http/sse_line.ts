/**
 * A link over the HTTP+SSE transport of the oldest revision: one stream on which everything comes,
 * and a URL, named by its first event, to which everything is posted. The stream's end is the
 * session's. Follows the transports page of that revision.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import { decodeSse } from "../../sse/decode.ts";
import { exitedError } from "../faults.ts";
import { createNoiseGauge } from "../noise.ts";
import { createPeer, type Peer } from "../peer.ts";
import { greetOn } from "../start_request.ts";
import { discard, readFault, toEventStream } from "./replies.ts";
import type { Streamable, StreamableOptions } from "./streamable.ts";
import { createTeller } from "./teller.ts";

/** Makes a link; nothing is opened yet. */
export function createSseLine(options: StreamableOptions): Streamable {
  const { config, deps, caller, manner, hooks } = options;
  const { limits, clock, log } = deps;
  const closed = new AbortController();
  const endpoint = Promise.withResolvers<string>();
  endpoint.promise.catch(() => {});
  let revision: string | undefined;
  let isReady = false;

  const end = (died: string | undefined): void => {
    if (closed.signal.aborted) return;
    closed.abort();
    endpoint.reject(noLine(config, died ?? "it was stopped"));
    peer.close(exitedError(config.name, died));
    if (isReady && died !== undefined) hooks.broken(died);
  };
  const peer: Peer = createPeer({
    server: config.name,
    codec: () => manner.codec,
    limits,
    clock,
    noise: createNoiseGauge({ limits, clock, log }, end),
    notice: hooks.notice,
    ask: hooks.ask,
    send(line, outgoing) {
      if (outgoing === undefined) return teller.tell(line);
      post(line, false).catch((thrown) => peer.fail(outgoing.id, toGatewayError(thrown)));
      return true;
    },
  });
  const send = (line: string): Promise<void> =>
    post(line, true).catch((thrown) => {
      if (!closed.signal.aborted) log.info("Cannot tell the server", { error: String(thrown) });
    });
  const teller = createTeller(deps, send);

  const post = async (line: string, isWord: boolean): Promise<void> => {
    const answer = await caller.call({
      url: await endpoint.promise,
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...manner.http.headers({ session: undefined, revision }),
      },
      body: line,
      timeoutMs: isWord ? Math.min(limits.responseMs, config.startTimeoutMs) : limits.responseMs,
      repeatable: isWord,
    }, closed.signal);
    if (answer.status < 300) return discard(answer);
    const { error } = await readFault(answer, config, limits);
    // Its URL was the session's own. Whoever was refused is told so first.
    if (answer.status === 404 || answer.status === 410) {
      clock.after(0, () => end("its session was lost"));
    }
    throw error;
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
    async greet() {
      const stopWaiting = clock.after(
        config.startTimeoutMs,
        () => end("it does not name the URL to post to"),
      );
      // The endpoint comes on the stream; what ends the wait for either names the reason first.
      await Promise.all([endpoint.promise, open()]).finally(stopWaiting);
      const { capabilities, clientTitle } = options;
      const greeted = await greetOn(peer, {
        manner,
        capabilities,
        clientTitle,
        timeoutMs: config.startTimeoutMs,
        settle: (negotiated) => void ({ revision } = negotiated),
      });
      await teller.told();
      return greeted;
    },
    ready: () => void (isReady = true),
    stop() {
      end(undefined);
      return Promise.resolve();
    },
  };
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
