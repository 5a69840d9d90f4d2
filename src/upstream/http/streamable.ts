/**
 * A link over Streamable HTTP: a POST for each message and, where the server keeps a session, one
 * stream for what belongs to no request. A lost session is replaced, once for all calls that use it.
 * Follows the Streamable HTTP transport of every revision; what differs is its dialect's
 * (dialect.ts). Not here: a request and its answer (streamable_request.ts), reading streams
 * (server_streams.ts) and refusals (error_response.ts).
 */
import type { HttpServerConfig } from "../../config/config.ts";
import type { JsonObject } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import { exitedError } from "../link/start_errors.ts";
import type { LinkEvents } from "../link/link.ts";
import type { Dialect, HandshakeResult } from "../link/dialect.ts";
import { createOutputGuard } from "../link/output_guard.ts";
import { createPeer, type Peer } from "../link/peer.ts";
import { handshakeOn } from "../link/start_request.ts";
import type { HttpCaller } from "../../outgoing/caller.ts";
import { createSessionRecovery } from "./session_recovery.ts";
import { discard } from "./error_response.ts";
import { createRequests } from "./streamable_request.ts";
import { createWire } from "./streamable_wire.ts";
import { createListeningStream, readToAnswer } from "./server_streams.ts";
import { createOutboundQueue } from "./outbound_queue.ts";

/** What a link is made from. */
export interface StreamableOptions {
  readonly config: HttpServerConfig;
  readonly deps: UpstreamDeps;
  readonly caller: HttpCaller;
  readonly dialect: Dialect;
  readonly capabilities: JsonObject;
  readonly clientTitle?: string | undefined;
  readonly hooks: LinkEvents;
}

/** A link that is being opened. */
export interface Streamable {
  readonly peer: Peer;
  /** The first message. */
  handshake(): Promise<HandshakeResult>;
  /** The server took it: what belongs to no request is listened to from now on. */
  ready(): void;
  /** Ends it, also the server's session; the same promise each time. */
  stop(): Promise<void>;
}

/** Makes a link; nothing is sent yet. */
export function createStreamable(options: StreamableOptions): Streamable {
  const { config, deps, dialect, hooks } = options;
  const { limits, clock, log } = deps;
  const closed = new AbortController();
  const wire = createWire(options);
  let isReady = false;
  let stopping: Promise<void> | undefined;

  const end = (died: string | undefined): void => {
    if (closed.signal.aborted) return;
    closed.abort();
    standing.stop();
    peer.close(exitedError(config.name, died));
    requests.abort();
    if (isReady && died !== undefined) hooks.broken(died);
  };
  /** The calls that found out fail first: their errors say more. */
  const endSoon = (died: string): void => void clock.after(0, () => end(died));
  const peer: Peer = createPeer({
    server: config.name,
    codec: () => dialect.codec,
    limits,
    clock,
    guard: createOutputGuard(config.name, deps, end),
    notice: hooks.notice,
    ask: hooks.ask,
    send(line, outgoing) {
      if (outgoing !== undefined) requests.send(line, outgoing);
      // Where no session is kept, who leaves a stream has said enough, and nothing else is to be told.
      else if (!dialect.stateless) return outbound.send(line);
      return true;
    },
    over: (id, isAnswered) => requests.over(id, isAnswered),
  });

  const streams = { limits, clock, receive: (text: string) => peer.receive([text]) };
  const standing = createListeningStream({
    ...streams,
    log,
    // It is opened again by itself, with pauses of its own.
    open: wire.listen(false),
    isLost: wire.isLost,
    lost() {
      const { session } = wire.settled();
      if (session !== undefined) recovery.renew(session).catch(() => {});
    },
    refused: () => requests.noStream(),
  });
  const requests = createRequests({
    config,
    limits,
    dialect,
    peer: () => peer,
    recovery: () => recovery,
    wire,
    readStream: (answer, id, signal) =>
      readToAnswer(answer, {
        ...streams,
        open: dialect.stateless ? undefined : wire.listen(true),
        receive: (text) => peer.receive([text], id),
        isOver: () => !peer.isPending(id),
        signal,
      }),
    listens: standing.start,
    endSoon,
  });

  const handshake = async (): Promise<HandshakeResult> => {
    const { capabilities, clientTitle } = options;
    const result = await handshakeOn(peer, {
      dialect,
      capabilities,
      clientTitle,
      timeoutMs: config.startTimeoutMs,
      settle: ({ revision }) => wire.settle({ ...wire.settled(), revision }),
    });
    await outbound.sent();
    return result;
  };

  const recovery = createSessionRecovery(config.name, deps, {
    session: () => wire.settled().session,
    async open() {
      standing.stop();
      wire.settle({});
      await handshake();
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
      const answer = await wire.post(line, undefined, bounds, closed.signal);
      if (answer.status < 300) return discard(answer);
      log.info("The server refused what it was told", { status: answer.status });
      discard(answer);
    } catch (thrown) {
      if (!closed.signal.aborted) log.info("Cannot tell the server", { error: String(thrown) });
    }
  };
  const outbound = createOutboundQueue(config.name, deps, send);

  return {
    peer,
    handshake,
    ready() {
      isReady = true;
      // It stands by now where the first message was answered on it.
      if (!dialect.stateless && !closed.signal.aborted) standing.start();
    },
    stop() {
      const { session } = wire.settled();
      end(undefined);
      stopping ??= session === undefined ? Promise.resolve() : wire.endSession(session);
      return stopping;
    },
  };
}
