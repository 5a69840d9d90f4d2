/**
 * A link over the HTTP+SSE transport of the oldest revision: one stream on which everything comes,
 * and a URL, named by its first event, to which everything is posted. The stream's end is the
 * session's. Follows the transports page of that revision.
 */
import { pause } from "../../clock.ts";
import type { HttpServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import { decodeSse } from "../../sse/decode.ts";
import { exitedError } from "../faults.ts";
import type { Greeted } from "../negotiate.ts";
import { createNoiseGauge } from "../noise.ts";
import { createPeer, type Peer } from "../peer.ts";
import { requestOf } from "../start_request.ts";
import { mediaType, readFault } from "./replies.ts";
import type { Streamable, StreamableOptions } from "./streamable.ts";

/** Makes a link; nothing is opened yet. */
export function createSseLine(options: StreamableOptions): Streamable {
  const { config, deps, caller, manner, hooks } = options;
  const { limits, clock, log } = deps;
  const closed = new AbortController();
  const endpoint = Promise.withResolvers<string>();
  endpoint.promise.catch(() => {});
  let revision: string | undefined;
  let isReady = false;

  const broken = (reason: string): void => {
    if (closed.signal.aborted) return;
    closed.abort();
    endpoint.reject(noLine(config, reason));
    peer.close(exitedError(config.name, reason));
    if (isReady) hooks.broken(reason);
  };
  const noise = createNoiseGauge({ limits, clock, log }, broken);
  const peer: Peer = createPeer({
    server: config.name,
    codec: () => manner.codec,
    limits,
    clock,
    noise,
    notice: hooks.notice,
    ask: hooks.ask,
    send(line, outgoing) {
      void post(line).catch((thrown) => {
        if (outgoing !== undefined) peer.fail(outgoing.id, toGatewayError(thrown));
        else log.info("Cannot tell the server", { error: String(thrown) });
      });
      return true;
    },
  });

  /** In the order in which they were made: the next goes when this one was taken. */
  let last: Promise<unknown> = Promise.resolve();
  const post = (line: string): Promise<void> => {
    const sending = last.then(() => postNow(line));
    last = sending.catch(() => {});
    return sending;
  };
  const postNow = async (line: string): Promise<void> => {
    const answer = await caller.call({
      url: await endpoint.promise,
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...manner.http.headers({ session: undefined, revision }),
      },
      body: line,
      timeoutMs: limits.responseMs,
      repeatable: false,
    }, closed.signal);
    if (answer.status >= 300) throw (await readFault(answer, limits)).error;
    void answer.body.cancel().catch(() => {});
  };

  const open = async (): Promise<void> => {
    const answer = await caller.call({
      url: config.url,
      method: "GET",
      headers: { accept: "text/event-stream" },
      timeoutMs: 0,
      repeatable: true,
    }, closed.signal);
    if (answer.status !== 200) throw (await readFault(answer, limits)).error;
    if (mediaType(answer) !== "text/event-stream") {
      throw answer.toError("has no event stream at its URL", "bad_upstream_response");
    }
    void read(answer.body).then(
      () => broken("its stream ended"),
      (thrown) => broken(`its stream broke: ${toGatewayError(thrown).message}`),
    );
  };
  const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
    const events = decodeSse(body, { eventBytesMax: limits.responseBytesMax }).getReader();
    for (;;) {
      const { done, value } = await events.read();
      if (done) return;
      if (value.event === "endpoint") endpoint.resolve(toEndpoint(value.data, config));
      else if (value.event === "message" && value.data !== "") await peer.receive([value.data]);
    }
  };

  return {
    peer,
    async greet(): Promise<Greeted> {
      await open();
      const over = new AbortController();
      const late = pause(clock, config.startTimeoutMs, over.signal).then(
        () => endpoint.reject(noLine(config, "it does not name the URL to post to")),
        () => {},
      );
      await endpoint.promise.finally(() => over.abort());
      await late;
      const greeted = await manner.greet({
        request: requestOf(peer, config.startTimeoutMs),
        notify: peer.notify,
        capabilities: options.capabilities,
      });
      revision = greeted.revision;
      return greeted;
    },
    ready: () => void (isReady = true),
    stop() {
      closed.abort();
      endpoint.reject(noLine(config, "it was stopped"));
      peer.close(exitedError(config.name, undefined));
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
