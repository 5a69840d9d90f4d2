/**
 * What links to a remote server share over every transport: the peer, the queue of what is said
 * next to requests, the handshake, the end, and which requests may be sent twice. Not here: how
 * messages travel (streamable.ts, sse_connection.ts).
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { type GatewayError, withOutcome } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import type { CredentialUse } from "../../outgoing/authorization.ts";
import type { HttpCaller } from "../../outgoing/caller.ts";
import { isRepeatableMethod } from "../../protocol/shared/repeatable_methods.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Dialect, HandshakeResult } from "../link/dialect.ts";
import type { LinkEvents, LinkOwner } from "../link/link.ts";
import { createOutputGuard } from "../link/output_guard.ts";
import { createPeer, type Peer } from "../link/peer.ts";
import type { Outgoing, PeerOptions } from "../link/peer_state.ts";
import { exitedError } from "../link/start_errors.ts";
import { handshakeOn } from "../link/start_request.ts";
import type { OutboundQueue } from "./outbound_queue.ts";

/** What a link is made from. */
export interface RemoteLinkOptions {
  readonly config: HttpServerConfig;
  readonly deps: UpstreamDeps;
  readonly caller: HttpCaller;
  readonly dialect: Dialect;
  readonly capabilities: JsonObject;
  readonly clientTitle?: string | undefined;
  /** Every request carries the credentials that are meant for it, and no other ones. */
  readonly owner: LinkOwner;
  readonly hooks: LinkEvents;
}

/** A link that is being opened. */
export interface OpeningLink {
  readonly peer: Peer;
  /** The first message. */
  handshake(): Promise<HandshakeResult>;
  /** The server took it: what belongs to no request is listened to from now on. */
  ready(): void;
  /** Ends it, also the server's session; the same promise each time. */
  stop(): Promise<void>;
}

/** The state of a link, whatever its transport. */
export interface RemoteLink {
  readonly options: RemoteLinkOptions;
  readonly closed: AbortController;
  readonly peer: Peer;
  /** Notifications, and answers to the server's questions. */
  readonly outbound: OutboundQueue;
  /** Whether the server took the first message. */
  isReady: boolean;
}

/** Makes the peer of a link; `giveUp` ends the link. */
export function createRemotePeer(
  { config, deps, dialect, hooks }: RemoteLinkOptions,
  transport: Pick<PeerOptions, "send" | "over">,
  giveUp: (died: string) => void,
): Peer {
  return createPeer({
    ...transport,
    server: config.name,
    codec: dialect.codec,
    limits: deps.limits,
    clock: deps.clock,
    guard: createOutputGuard(config.name, deps, giveUp),
    events: hooks,
  });
}

/** Sends the first message; `settle` takes what was negotiated before anything else is said. */
export async function handshakeOver(
  { options, peer, outbound }: RemoteLink,
  settle: (result: HandshakeResult) => void,
): Promise<HandshakeResult> {
  const { config, dialect, capabilities, clientTitle } = options;
  const timeoutMs = config.startTimeoutMs;
  const result = await handshakeOn(peer, {
    dialect,
    capabilities,
    clientTitle,
    timeoutMs,
    settle,
  });
  await outbound.sent();
  return result;
}

/** Ends a link once; `stopTransport` ends what is below its peer. */
export function endRemote(
  { options, closed, peer, isReady }: RemoteLink,
  died: string | undefined,
  stopTransport: () => void,
): void {
  if (closed.signal.aborted) return;
  closed.abort();
  stopTransport();
  peer.close(exitedError(options.config.name, died));
  if (isReady && died !== undefined) options.hooks.broken(died);
}

/** Fails a request that the server may have worked on. */
export function failSent({ peer }: RemoteLink, outgoing: Outgoing, error: GatewayError): void {
  peer.fail(
    outgoing.id,
    isHandshake(outgoing) ? error : withOutcome(error, error.outcome ?? "unknown"),
  );
}

/** Says that a call of a running connection needs a log-in; a start says so by itself. */
export function noteLogin({ options }: RemoteLink, outgoing: Outgoing, error: GatewayError): void {
  if (error.code === "login_required" && !isHandshake(outgoing)) options.hooks.login?.(error);
}

/** Only the first message cannot be cancelled: see start_request.ts. */
export function isHandshake({ request }: Outgoing): boolean {
  return !request.cancellable;
}

/** Whose credentials a message is sent with: a tool's call may need more of a grant than others. */
export function useOf(owner: LinkOwner, outgoing: Outgoing | undefined): CredentialUse {
  const { method, params } = outgoing?.request ?? {};
  const name = method === "tools/call" ? params?.["name"] : undefined;
  return typeof name === "string" ? { ...owner, tool: name } : owner;
}

/** Whether a request does no more when it is made twice. */
export function isRepeatable(outgoing: Outgoing): boolean {
  return isHandshake(outgoing) || isRepeatableMethod(outgoing.wire.method);
}
