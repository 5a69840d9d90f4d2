/**
 * A link over Streamable HTTP: a POST for each message, whose answer is a body or a stream, and,
 * where the server keeps a session, one stream for what belongs to no request. A stream that breaks
 * is taken up where it says where it was; a session that is lost is made anew, once for all who use
 * it, and what the server refused over it is sent again. Follows the Streamable HTTP transport of
 * every revision; what differs is its manner's (negotiate.ts).
 */
import { pause } from "../../clock.ts";
import type { HttpServerConfig } from "../../config/config.ts";
import { toGatewayError } from "../../errors.ts";
import type { JsonObject, RequestId } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import { exitedError } from "../faults.ts";
import type { LinkHooks } from "../link.ts";
import type { Greeted, Manner } from "../negotiate.ts";
import { createNoiseGauge } from "../noise.ts";
import { createPeer, type Outgoing, type Peer } from "../peer.ts";
import type { HttpAnswer } from "./answer.ts";
import type { HttpCaller } from "./caller.ts";
import { mediaType, readFault, withId } from "./replies.ts";
import { repeatableMethods } from "./retry.ts";
import { keepListening, noPlace, type Place, readStream } from "./streams.ts";
import { requestOf } from "../start_request.ts";

/** What a link is made from. */
export interface StreamableOptions {
  readonly config: HttpServerConfig;
  readonly deps: UpstreamDeps;
  readonly caller: HttpCaller;
  readonly manner: Manner;
  readonly capabilities: JsonObject;
  readonly hooks: LinkHooks;
}

/** A link that is being opened. */
export interface Streamable {
  readonly peer: Peer;
  /** The first message. */
  greet(): Promise<Greeted>;
  /** The server took it: what belongs to no request is listened to from now on. */
  ready(): void;
  stop(): Promise<void>;
}

/** Makes a link; nothing is sent yet. */
export function createStreamable(options: StreamableOptions): Streamable {
  const { config, deps, caller, manner, hooks } = options;
  const { limits, clock, log } = deps;
  const closed = new AbortController();
  const open = new Map<RequestId, AbortController>();
  let settled: { session: string | undefined; revision: string | undefined } = nothing;
  let isReady = false;
  let renewing: Promise<void> | undefined;
  let lastQuiet: Promise<unknown> = Promise.resolve();

  const broken = (reason: string): void => {
    if (closed.signal.aborted) return;
    closed.abort();
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
      if (outgoing !== undefined) void exchange(line, outgoing).catch((e) => fail(outgoing.id, e));
      // Who closes a stream has said enough, and there are no questions to answer.
      else if (!manner.stateless) lastQuiet = sendQuietly(line);
      return true;
    },
    over(id) {
      open.get(id)?.abort();
      open.delete(id);
    },
  });
  const fail = (id: RequestId, thrown: unknown) => peer.fail(id, toGatewayError(thrown));

  const headersOf = (outgoing?: Outgoing): Record<string, string> => ({
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...manner.http.headers(
      settled,
      outgoing && { wire: outgoing.wire, tool: outgoing.request.tool },
    ),
  });
  const postRequest = (line: string, outgoing: Outgoing, signal: AbortSignal) => {
    const { timeoutMs } = outgoing.request;
    return caller.call({
      url: config.url,
      method: "POST",
      headers: headersOf(outgoing),
      body: line,
      timeoutMs: 0,
      // The request has its own clock, which waits for people; this is for when nothing else ends it.
      headMs: timeoutMs === 0 ? limits.responseMs : limits.callMsMax + limits.askMs,
      repeatable: !outgoing.request.cancellable || repeatableMethods.has(outgoing.wire.method),
    }, signal);
  };

  /** One request, to the end of its answer. */
  const exchange = async (line: string, outgoing: Outgoing): Promise<void> => {
    const { id } = outgoing;
    const over = new AbortController();
    open.set(id, over);
    // Nothing else is never given up: see start_request.ts.
    const isGreeting = !outgoing.request.cancellable;
    if (!isGreeting) await renewing;
    const { session } = settled;
    let answer = await postRequest(line, outgoing, over.signal);
    if (answer.status === 404 && session !== undefined && !isGreeting) {
      void answer.body.cancel().catch(() => {});
      await renew(session);
      // The server refused it unread, so this is no second time.
      answer = await postRequest(line, outgoing, over.signal);
    }
    if (isGreeting && answer.status === 200) {
      settled = { session: manner.http.sessionIn(answer.headers), revision: undefined };
    }
    await readAnswer(answer, id, over.signal);
  };

  const readAnswer = async (
    answer: HttpAnswer,
    id: RequestId,
    signal: AbortSignal,
  ): Promise<void> => {
    if (answer.status !== 200) {
      const { error, line } = await readFault(answer, limits);
      if (line !== undefined) await peer.receive([withId(line, id, limits)], id);
      return peer.fail(id, error);
    }
    const type = mediaType(answer);
    if (type === "application/json") {
      await peer.receive([await answer.text()], id);
      return peer.fail(id, answer.toError("did not answer the request", "bad_upstream_response"));
    }
    if (type !== "text/event-stream") {
      return peer.fail(
        id,
        answer.toError(`answers with ${type || "no media type"}`, "bad_upstream_response"),
      );
    }
    await readToEnd(answer, id, signal);
  };

  /** The stream of one request, taken up again where it broke, until its answer has come. */
  const readToEnd = async (
    first: HttpAnswer,
    id: RequestId,
    signal: AbortSignal,
  ): Promise<void> => {
    let at = await read(first, id, noPlace).catch((thrown) => ({ ...noPlace, thrown }));
    for (let resumes = 0; peer.isPending(id) && !signal.aborted; resumes++) {
      const lost = "thrown" in at ? at.thrown : undefined;
      if (at.eventId === undefined || manner.stateless || resumes >= limits.resumesMax) {
        return peer.fail(id, lost ? toGatewayError(lost) : exitedError(config.name, brokenOff));
      }
      await pause(clock, at.retryMs ?? limits.sseRetryMs, signal).catch(() => {});
      if (signal.aborted) return;
      const place = at;
      at = await listen(place.eventId, signal)
        .then((answer) => read(answer, id, place))
        .catch((thrown) => ({ ...place, thrown }));
    }
  };

  const read = (answer: HttpAnswer, owner: RequestId | undefined, place: Place): Promise<Place> =>
    readStream(answer, place, {
      limits,
      take: (text) => peer.receive([text], owner),
      isDone: () => owner !== undefined && !peer.isPending(owner),
    });

  /** Opens a stream by GET; throws when the server has none. */
  const listen = async (eventId: string | undefined, signal: AbortSignal): Promise<HttpAnswer> => {
    const answer = await caller.call({
      url: config.url,
      method: "GET",
      headers: {
        accept: "text/event-stream",
        ...manner.http.headers(settled),
        ...manner.http.resumingAfter(eventId),
      },
      timeoutMs: 0,
      repeatable: true,
    }, signal);
    if (answer.status === 200 && mediaType(answer) === "text/event-stream") return answer;
    throw (await readFault(answer, limits)).error;
  };

  let standing = new AbortController();
  const restand = (): void => {
    standing.abort();
    if (manner.stateless || closed.signal.aborted) return;
    standing = new AbortController();
    const { signal } = standing;
    closed.signal.addEventListener("abort", () => standing.abort(), { signal });
    void keepListening({
      open: (eventId) => listen(eventId, signal),
      read: (answer, place) => read(answer, undefined, place),
      limits,
      clock,
      signal,
    });
  };

  const greet = async (): Promise<Greeted> => {
    const greeted = await manner.greet({
      request: requestOf(peer, config.startTimeoutMs),
      notify: peer.notify,
      capabilities: options.capabilities,
    });
    settled = { ...settled, revision: greeted.revision };
    await lastQuiet;
    return greeted;
  };

  /** A new session in the place of a lost one, once for all who find it lost. */
  const renew = (lost: string): Promise<void> => {
    if (settled.session !== lost && renewing === undefined) return Promise.resolve();
    renewing ??= (async () => {
      log.info("The server forgot the session; opening another");
      settled = nothing;
      try {
        await greet();
      } catch (thrown) {
        broken("its session was lost and cannot be made anew");
        throw thrown;
      } finally {
        renewing = undefined;
      }
      restand();
      hooks.renewed();
    })();
    return renewing;
  };

  /** A notification or an answer of ours. */
  const sendQuietly = async (line: string): Promise<void> => {
    try {
      const answer = await caller.call({
        url: config.url,
        method: "POST",
        headers: headersOf(),
        body: line,
        timeoutMs: limits.responseMs,
        repeatable: false,
      }, closed.signal);
      void answer.body.cancel().catch(() => {});
    } catch (thrown) {
      log.info("Cannot tell the server", { error: String(thrown) });
    }
  };

  return {
    peer,
    greet,
    ready() {
      isReady = true;
      restand();
    },
    async stop() {
      const { session } = settled;
      closed.abort();
      standing.abort();
      for (const over of open.values()) over.abort();
      peer.close(exitedError(config.name, undefined));
      if (session !== undefined) await endSession(session);
    },
  };

  async function endSession(session: string): Promise<void> {
    const headers = manner.http.headers({ ...settled, session });
    const call = { url: config.url, method: "DELETE", headers, timeoutMs: limits.stopMs };
    try {
      const answer = await caller.call(
        { ...call, repeatable: false },
        new AbortController().signal,
      );
      void answer.body.cancel().catch(() => {});
    } catch {
      // It expires by itself.
    }
  }
}

const nothing = { session: undefined, revision: undefined };
const brokenOff = "its stream broke off";
