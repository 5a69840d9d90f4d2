/**
 * A link over Streamable HTTP: a POST for each message and, where the server keeps a session, one
 * stream for what belongs to no request. A lost session is replaced, once for all calls that use
 * it. Follows the Streamable HTTP transport of every revision; the dialect has the differences
 * (dialect.ts). Not here: a request and its answer (streamable_request.ts), reading streams
 * (server_streams.ts) and refusals (error_response.ts).
 */
import type { HandshakeResult } from "../link/dialect.ts";
import type { Outgoing } from "../link/peer_state.ts";
import { discard } from "./error_response.ts";
import { createOutboundQueue } from "./outbound_queue.ts";
import {
  createRemotePeer,
  handshakeOver,
  type OpeningLink,
  type RemoteLinkOptions,
} from "./remote_link.ts";
import { createListeningStream, type ListeningStream } from "./server_streams.ts";
import { createSessionRecovery, type SessionRecovery } from "./session_recovery.ts";
import { failAccepted } from "./streamable_answer.ts";
import { endLink, endSoon, type StreamableLink } from "./streamable_link.ts";
import { endRequest, sendRequest } from "./streamable_request.ts";
import { createWire, type StreamableWire } from "./streamable_wire.ts";

/** Makes a link; nothing is sent yet. */
export function createStreamable(options: RemoteLinkOptions): OpeningLink {
  const wire = createWire(options);
  const link: StreamableLink = {
    options,
    wire,
    closed: new AbortController(),
    peer: createRemotePeer(
      options,
      {
        send: (line, outgoing) => send(link, line, outgoing),
        over: (id, isAnswered) => endRequest(link, id, isAnswered),
      },
      (died) => endLink(link, died),
    ),
    outbound: createOutboundQueue(
      options.config.name,
      options.deps,
      (line) => sendAside(link, line),
    ),
    standalone: createStandalone(options, wire, () => link),
    recovery: createRecovery(options, () => link),
    open: new Map(),
    accepted: new Map(),
    isReady: false,
    stopping: undefined,
  };
  return {
    peer: link.peer,
    handshake: () => handshake(link),
    ready: () => ready(link),
    stop: () => stop(link),
  };
}

function createStandalone(
  { deps: { limits, clock, log } }: RemoteLinkOptions,
  wire: StreamableWire,
  link: () => StreamableLink,
): ListeningStream {
  return createListeningStream({
    limits,
    clock,
    log,
    receive: (text) => link().peer.receive([text]),
    // The listening stream opens itself again, with its own backoff.
    open: wire.listen(false),
    isLost: wire.isLost,
    lost() {
      const { session } = wire.settled();
      if (session !== undefined) link().recovery.renew(session).catch(() => {});
    },
    refused: () => failAccepted(link()),
  });
}

function createRecovery(
  { config, deps }: RemoteLinkOptions,
  link: () => StreamableLink,
): SessionRecovery {
  return createSessionRecovery(config.name, deps, {
    session: () => link().wire.settled().session,
    open: () => reopen(link()),
    failed: () => endSoon(link(), "its session was lost and could not be opened again"),
  });
}

function send(link: StreamableLink, line: string, outgoing: Outgoing | undefined): boolean {
  if (outgoing !== undefined) void sendRequest(link, line, outgoing);
  // Without a session, leaving the stream cancels the request, and there are no other
  // notifications.
  else if (link.options.dialect.http.takesNotifications) return link.outbound.send(line);
  return true;
}

/** Sends a notification or an answer of ours; never rejects. */
async function sendAside({ options, wire, closed }: StreamableLink, line: string): Promise<void> {
  const { config, deps: { limits, log } } = options;
  try {
    // A repeated answer is harmless, since the server knows its id. A start waits for the first
    // message.
    const timeoutMs = Math.min(limits.responseMs, config.startTimeoutMs);
    const bounds = { timeoutMs, repeatable: true };
    const answer = await wire.post(line, undefined, bounds, closed.signal);
    if (answer.status < 300) return discard(answer);
    log.info("The server refused a notification or an answer", { status: answer.status });
    discard(answer);
  } catch (thrown) {
    if (!closed.signal.aborted) {
      log.info("Cannot send a notification or an answer", { error: String(thrown) });
    }
  }
}

function handshake(link: StreamableLink): Promise<HandshakeResult> {
  const { wire } = link;
  return handshakeOver(link, ({ revision }) => wire.settle({ ...wire.settled(), revision }));
}

/** Opens a new session to replace a lost one. */
async function reopen(link: StreamableLink): Promise<void> {
  link.standalone.stop();
  link.wire.settle({});
  await handshake(link);
  if (link.closed.signal.aborted) return;
  link.standalone.start();
  link.options.hooks.renewed();
}

function ready(link: StreamableLink): void {
  link.isReady = true;
  // It is already open if the first message was answered on it.
  if (link.options.dialect.http.hasStandaloneStream && !link.closed.signal.aborted) {
    link.standalone.start();
  }
}

function stop(link: StreamableLink): Promise<void> {
  const { session } = link.wire.settled();
  endLink(link, undefined);
  link.stopping ??= session === undefined ? Promise.resolve() : link.wire.endSession(session);
  return link.stopping;
}
