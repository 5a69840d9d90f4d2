/**
 * A link over Streamable HTTP: a POST for each message, whose answer is a body or a stream, and,
 * where the server keeps a session, one stream for what belongs to no request. A session that is
 * lost is made anew, once for all who use it, and what the server refused over it is sent again.
 * Follows the Streamable HTTP transport of every revision; what differs is its manner's
 * (negotiate.ts). Not here: reading streams (streams.ts) and refusals (replies.ts).
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { toGatewayError } from "../../errors.ts";
import type { JsonObject, RequestId } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import { exitedError } from "../faults.ts";
import type { LinkHooks } from "../link.ts";
import type { Greeted, Manner } from "../negotiate.ts";
import { createNoiseGauge } from "../noise.ts";
import { createPeer, type Outgoing, type Peer } from "../peer.ts";
import { greetOn } from "../start_request.ts";
import type { HttpAnswer } from "../../outgoing/answer.ts";
import type { HttpCaller } from "../../outgoing/caller.ts";
import { createRenewal } from "./renewal.ts";
import { discard, mediaType, readFault, toEventStream } from "./replies.ts";
import { repeatableMethods } from "../../outgoing/retry.ts";
import { createStandingStream, readToAnswer } from "./streams.ts";
import { createTeller } from "./teller.ts";

/** What a link is made from. */
export interface StreamableOptions {
  readonly config: HttpServerConfig;
  readonly deps: UpstreamDeps;
  readonly caller: HttpCaller;
  readonly manner: Manner;
  readonly capabilities: JsonObject;
  readonly clientTitle?: string | undefined;
  readonly hooks: LinkHooks;
}

/** A link that is being opened. */
export interface Streamable {
  readonly peer: Peer;
  /** The first message. */
  greet(): Promise<Greeted>;
  /** The server took it: what belongs to no request is listened to from now on. */
  ready(): void;
  /** Ends it, also the server's session; the same promise each time. */
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
  let stopping: Promise<void> | undefined;

  const end = (died: string | undefined): void => {
    if (closed.signal.aborted) return;
    closed.abort();
    standing.stop();
    peer.close(exitedError(config.name, died));
    for (const over of open.values()) over.abort();
    if (isReady && died !== undefined) hooks.broken(died);
  };
  /** The calls that showed it are told first: of them it is known that they had no effect. */
  const endSoon = (died: string): void => void clock.after(0, () => end(died));
  const peer: Peer = createPeer({
    server: config.name,
    codec: () => manner.codec,
    limits,
    clock,
    noise: createNoiseGauge({ limits, clock, log }, end),
    notice: hooks.notice,
    ask: hooks.ask,
    send(line, outgoing) {
      if (outgoing !== undefined) void exchange(line, outgoing);
      // Where no session is kept, who leaves a stream has said enough, and nothing else is to be told.
      else if (!manner.stateless) return teller.tell(line);
      return true;
    },
    over(id, isAnswered) {
      if (!isAnswered) open.get(id)?.abort();
    },
  });

  const post = (
    line: string,
    outgoing: Outgoing | undefined,
    bounds: { readonly timeoutMs: number; readonly headMs?: number; readonly repeatable: boolean },
    signal: AbortSignal,
  ): Promise<HttpAnswer> =>
    caller.call({
      url: config.url,
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...manner.http.headers(
          settled,
          outgoing && { wire: outgoing.wire, tool: outgoing.request.tool },
        ),
      },
      body: line,
      ...bounds,
    }, signal);

  /** One request, to the end of its answer; never rejects. */
  const exchange = async (line: string, outgoing: Outgoing): Promise<void> => {
    const { id } = outgoing;
    const over = new AbortController();
    open.set(id, over);
    try {
      let isAgain = false;
      while (await attempt(line, outgoing, over.signal, isAgain)) isAgain = true;
    } catch (thrown) {
      peer.fail(id, toGatewayError(thrown));
    } finally {
      open.delete(id);
    }
  };

  /** Sends it and reads what comes; true when it was refused and may be sent once more. */
  const attempt = async (
    line: string,
    outgoing: Outgoing,
    signal: AbortSignal,
    isAgain: boolean,
  ): Promise<boolean> => {
    const { id, wire, request } = outgoing;
    // Nothing else is never given up: see start_request.ts.
    const isGreeting = !request.cancellable;
    if (!isGreeting) await renewal.ready();
    const { session } = settled;
    const answer = await post(line, outgoing, {
      timeoutMs: 0,
      // The request has its own clock, which waits for people; this is for when nothing else ends it.
      headMs: request.timeoutMs === 0 ? limits.responseMs : limits.callMsMax + limits.askMs,
      repeatable: isGreeting || repeatableMethods.has(wire.method),
    }, signal);
    if (answer.status === 200) {
      if (isGreeting) settled = { ...nothing, session: manner.http.sessionIn(answer.headers) };
      else renewal.wasOfUse();
      await readAnswer(answer, id, signal);
      return false;
    }
    const { error, rpc } = await readFault(answer, config, limits);
    const verdict = isGreeting ? undefined : manner.http.toVerdict(answer.status, rpc?.error);
    if (verdict === "renew" && session !== undefined && !isAgain) {
      await renewal.renew(session);
      return true;
    }
    if (verdict === "repeat" && !isAgain) return true;
    if (rpc !== undefined) await peer.receive([rpc.textFor(id)], id);
    peer.fail(id, error);
    if (verdict === "other") endSoon("it does not speak as it did");
    return false;
  };

  const readAnswer = async (
    answer: HttpAnswer,
    id: RequestId,
    signal: AbortSignal,
  ): Promise<void> => {
    const fail = (why: string) => peer.fail(id, answer.toError(why, "bad_upstream_response"));
    const type = mediaType(answer);
    if (type === "application/json") {
      await peer.receive([await answer.text()], id);
      return fail("did not answer the request");
    }
    if (type !== "text/event-stream") return fail(`answers with ${type || "no media type"}`);
    const fault = await readToAnswer(answer, {
      ...streams,
      open: manner.stateless ? undefined : listen,
      receive: (text) => peer.receive([text], id),
      isOver: () => !peer.isPending(id),
      signal,
    });
    peer.fail(id, fault ?? exitedError(config.name, "its stream broke off"));
  };

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
    return await toEventStream(answer, config, limits);
  };
  const streams = { limits, clock, receive: (text: string) => peer.receive([text]) };
  const standing = createStandingStream({
    ...streams,
    open: listen,
    lost() {
      const { session } = settled;
      if (session !== undefined) renewal.renew(session).catch(() => {});
    },
  });

  const greet = async (): Promise<Greeted> => {
    const { capabilities, clientTitle } = options;
    const greeted = await greetOn(peer, {
      manner,
      capabilities,
      clientTitle,
      timeoutMs: config.startTimeoutMs,
      settle: ({ revision }) => void (settled = { ...settled, revision }),
    });
    await teller.told();
    return greeted;
  };

  const renewal = createRenewal(config.name, deps, {
    session: () => settled.session,
    async open() {
      settled = nothing;
      await greet();
      if (closed.signal.aborted) return;
      standing.start();
      hooks.renewed();
    },
    failed: () => endSoon("its session was lost and could not be opened again"),
  });

  /** Sends a notification or an answer of ours; never rejects. */
  const send = async (line: string): Promise<void> => {
    try {
      // The server knows an answer by its id and takes it once; a start waits for the first word.
      const timeoutMs = Math.min(limits.responseMs, config.startTimeoutMs);
      const bounds = { timeoutMs, repeatable: true };
      const answer = await post(line, undefined, bounds, closed.signal);
      if (answer.status < 300) return discard(answer);
      log.info("The server refused what it was told", { status: answer.status });
      discard(answer);
    } catch (thrown) {
      if (!closed.signal.aborted) log.info("Cannot tell the server", { error: String(thrown) });
    }
  };
  const teller = createTeller(deps, send);

  /** The server's own memory of the session; when it is not told, it forgets by itself. */
  const endSession = async (session: string): Promise<void> => {
    try {
      discard(
        await caller.call({
          url: config.url,
          method: "DELETE",
          headers: manner.http.headers({ ...settled, session }),
          timeoutMs: limits.stopMs,
          repeatable: false,
        }, new AbortController().signal),
      );
    } catch (thrown) {
      log.debug("Cannot end the session at the server", { error: String(thrown) });
    }
  };

  return {
    peer,
    greet,
    ready() {
      isReady = true;
      if (!manner.stateless && !closed.signal.aborted) standing.start();
    },
    stop() {
      const { session } = settled;
      end(undefined);
      stopping ??= session === undefined ? Promise.resolve() : endSession(session);
      return stopping;
    },
  };
}

const nothing = { session: undefined, revision: undefined };
