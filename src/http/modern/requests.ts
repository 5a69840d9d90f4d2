/**
 * The state of the stateless binding: no sessions, only the open calls and notification streams, so
 * that they can be counted, bounded and ended. Also the data of one request and its caller: one
 * scope for each principal. Follows 2026-07-28, basic/index ("Statelessness").
 */
import { putWithin } from "../../bounded.ts";
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { PrincipalRates } from "../../gateway/principal_rates.ts";
import type { Gateway } from "../../gateway/surface.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type { Caller, JsonObject, Notice, Principal } from "../../model.ts";
import type { Identity, StatelessCodec } from "../../protocol/codec.ts";
import { createModernCodec } from "../../protocol/modern/era_codec.ts";
import type { Envelope } from "../../protocol/modern/envelope.ts";
import type { DecodedRequest } from "../../protocol/modern/modern_request.ts";
import type { Emit } from "../../telemetry/events.ts";
import type { Accepts } from "../accept.ts";
import type { IsLostStream } from "../credential_expiry.ts";
import type { Heartbeats } from "../heartbeat.ts";
import type { KeepAlive } from "../keep_alive.ts";
import type { RequestContext } from "../request_context.ts";
import { createSeenClients, type SeenClients } from "./seen_clients.ts";
import { createSubscriptionHandles, type SubscriptionHandles } from "./subscription_handles.ts";

/** What the binding works with. */
export interface StatelessDeps {
  readonly gateway: Gateway;
  readonly rates: PrincipalRates;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  readonly identity: Identity;
  readonly codec: StatelessCodec["client"];
  readonly heartbeats: Heartbeats;
  readonly keepAlive: KeepAlive;
}

/** One request, its surface, and the forms that its answer can take. */
export interface ModernRequest {
  readonly request: DecodedRequest;
  readonly caller: Caller;
  readonly surface: string;
  readonly headers: Headers;
  readonly accepts: Accepts;
  /**
   * Aborts when the client leaves before the answer begins (on some runtimes also when it ends).
   */
  readonly signal: AbortSignal;
  readonly holdOpen: (() => void) | undefined;
  /** Whether a disconnect of the client may stay invisible until the answer begins. */
  readonly disconnectHidden: boolean;
}

/** A call under way. */
export interface StatelessCall {
  /** Aborts the call; an error, if given, is sent to the client. */
  abort(reason: string, error?: GatewayError): void;
}

/** One open notification stream. */
export interface OpenListen {
  readonly scope: string;
  readonly surface: string;
  readonly clientInfo: JsonObject;
  readonly revision: string;
  readonly principal: Principal;
  /** Whose share it takes. */
  readonly consumer: string;
  /** Whether it was acknowledged and carries list changes. */
  hearsLists(): boolean;
  /** Sends a notice; true when the stream asked for it and took it now. */
  tell(notice: Notice): boolean;
  /** Ends it in good order. */
  end(): void;
}

/** The open calls and streams. */
export interface StatelessRequests {
  readonly deps: StatelessDeps;
  readonly calls: Set<StatelessCall>;
  readonly listens: Set<OpenListen>;
  readonly subscriptions: SubscriptionHandles;
  readonly clients: SeenClients;
}

/** Makes the binding's state: nothing is open. */
export function createStatelessRequests(options: Omit<StatelessDeps, "codec">): StatelessRequests {
  const deps: StatelessDeps = { ...options, codec: createModernCodec(options.identity).client };
  return {
    deps,
    calls: new Set(),
    listens: new Set(),
    subscriptions: createSubscriptionHandles(deps.gateway, deps.log),
    clients: createSeenClients(deps),
  };
}

/**
 * Callers by envelope and consumer. Equal requests of a client share both, so neither is made again.
 */
const callers = new WeakMap<Envelope, Map<string, Caller>>();

/** The caller of a request. Its scope is its principal's, on every connection. */
export function callerOf(
  { envelope }: DecodedRequest,
  { principal, consumer }: Pick<RequestContext, "principal" | "consumer">,
  { callersPerEnvelopeMax }: Pick<Limits, "callersPerEnvelopeMax">,
): Caller {
  let ofEnvelope = callers.get(envelope);
  const known = ofEnvelope?.get(consumer);
  if (known?.principal === principal) return known;
  const caller: Caller = {
    principal,
    consumer,
    scope: `p:${principal.id}`,
    revision: envelope.revision,
    capabilities: envelope.capabilities,
    clientInfo: envelope.clientInfo,
    logLevel: envelope.logLevel,
    asksByResult: true,
    sharesScope: true,
  };
  if (ofEnvelope === undefined) callers.set(envelope, ofEnvelope = new Map());
  putWithin(ofEnvelope, consumer, caller, callersPerEnvelopeMax);
  return caller;
}

/**
 * Whether this client has a stream on the surface that says when lists change. All clients of a
 * principal share its scope, so that a stream counts for the client that names itself alike.
 */
export function hearsChanges(
  { listens }: StatelessRequests,
  surface: string,
  { scope, clientInfo }: Caller,
): boolean {
  const client = JSON.stringify(clientInfo);
  return [...listens].some((listen) =>
    listen.scope === scope && listen.surface === surface && listen.hearsLists() &&
    JSON.stringify(listen.clientInfo) === client
  );
}

/** Sends a notice to all streams that asked for it; returns how many took it now. */
export function notifyListens({ listens }: StatelessRequests, notice: Notice): number {
  let heard = 0;
  for (const listen of listens) if (listen.tell(notice)) heard += 1;
  return heard;
}

/** Ends the notification streams; calls may finish. */
export function endListens({ listens }: StatelessRequests): void {
  for (const listen of [...listens]) listen.end();
}

/** Ends the notification streams of principals that lost the right to them. */
export function endLostListens({ listens }: StatelessRequests, isLost: IsLostStream): void {
  for (const listen of [...listens]) {
    if (isLost(listen.surface, listen.principal)) listen.end();
  }
}

/** Gives everything up that is open. */
export function closeStateless(stateless: StatelessRequests): void {
  endListens(stateless);
  for (const call of [...stateless.calls]) {
    call.abort("the gateway is stopping", new GatewayError("draining"));
  }
}
