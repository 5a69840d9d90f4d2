/**
 * The HTTP layer: its parts, and how it opens and ends. A path matches as it is written, except for
 * one trailing slash. Not here: which URLs there are (route_rows.ts), the way of a request through
 * the layer (dispatch.ts), and what the endpoints do.
 */
import type { AnswerForwarded } from "../instances/internal_api.ts";
import type { Notice } from "../model.ts";
import { isRevoked, standsForOne } from "../principals.ts";
import type { FetchHandler } from "../runtime/runtime.ts";
import { type AdminApi, createAdminApi } from "./admin/admin_api.ts";
import { createForwarding } from "./client_address.ts";
import { createCardUrls } from "./cards/card_rows.ts";
import { createBaseUrl } from "./gateway_url.ts";
import { createConsumerRule } from "./consumer_rule.ts";
import { createDispatch, type DispatchDeps } from "./dispatch.ts";
import { createElsewhere, type Neighbours } from "./elsewhere.ts";
import type { IsLostStream } from "./credential_expiry.ts";
import { createBodyReaders } from "./json_body.ts";
import { untilQuiet } from "./drain.ts";
import { createGuard } from "./guard.ts";
import { createHeartbeats } from "./heartbeat.ts";
import { type HttpLoad, loadOf } from "./http_load.ts";
import { createNeighbourhood } from "./neighbourhood.ts";
import { createForwardedPassage, createPassage } from "./passage.ts";
import { createKeepAlive } from "./keep_alive.ts";
import { createRequestTurns } from "./request_turns.ts";
import { createMatcher, type RouteRow } from "./route_match.ts";
import { deliverTo } from "./legacy/notices.ts";
import { closeSessions, createSessions, endLostStreams, keyIn } from "./legacy/session_table.ts";
import { closeForNow } from "./legacy/session_streams.ts";
import {
  closeStateless,
  createStatelessRequests,
  endListens,
  endLostListens,
  notifyListens,
} from "./modern/requests.ts";
import { createSseTransport, endLines, endLostLines } from "./legacy/http_sse.ts";
import { type HttpDeps, type HttpLayer, rowsOf } from "./route_rows.ts";

/** The HTTP layer. */
export interface HttpHandler {
  /** Answers every request; never rejects. */
  readonly fetch: FetchHandler;
  /** Every URL, with its methods. */
  readonly routes: readonly RouteRow[];
  /** For a listener of its own. */
  readonly admin: AdminApi | undefined;
  /** New work is taken from now on; `neighbours`: beside these instances, if they share a store. */
  open(neighbours?: Neighbours): void;
  /** Answers what other instances pass on; undefined: this instance is the only one. */
  readonly answerForwarded: AnswerForwarded | undefined;
  /**
   * Gives the sessions to other instances while it serves what comes. Resolves when none is left, or
   * at once if there is no other instance.
   */
  handOver(): Promise<void>;
  /**
   * Refuses new work and ends standalone streams; resolves when the running calls have finished.
   */
  drain(): Promise<void>;
  /** Ends everything that is still open. Stored sessions stay in the store. */
  close(): Promise<void>;
  /** The rows of `access` may be others: ends the streams of surfaces that are hidden now. */
  recheck(): void;
  /** Sends a notice to the session of this key; true when a stream took it now. */
  sendTo(sessionKey: string, notice: Notice): boolean;
  /** Sends a notice to every client; returns how many sessions and listen streams took it now. */
  broadcast(notice: Notice): number;
  /** What is open now. */
  load(): HttpLoad;
}

/** Makes the HTTP layer. */
export function createHttpHandler(deps: HttpDeps): HttpHandler {
  const { limits, clock, config } = deps;
  const beats = {
    heartbeats: createHeartbeats(clock, limits),
    keepAlive: createKeepAlive(clock, limits),
  };
  const stateless = createStatelessRequests({ ...deps, ...beats });
  const { instance: owner, config: { sessionTimeoutMs } } = deps;
  const several = createNeighbourhood(deps.isShared);
  const ownership = several && (() => several.get().ownership);
  const sessions = createSessions({ ...deps, ...beats, sessionTimeoutMs, owner, ownership });
  const transport = createSseTransport(sessions);
  const guard = createGuard(config, { ...deps, isForAnyPage: createCardUrls(deps.surfaceKinds) });
  const bodies = createBodyReaders({ ...deps, sizeVariable: "MCP_BODY_MAX_MB" });
  const forwarding = createForwarding(config.trustedProxies);
  const { clientAddress } = forwarding;
  const baseUrl = createBaseUrl(config.publicUrl, forwarding);
  const shared = { deps, guard, sessions, stateless, transport, baseUrl, clientAddress };
  const layer: HttpLayer = { ...shared, phase: "starting" };
  const routes = rowsOf(layer);
  const match = createMatcher(routes, limits);
  const taken = { requests: 0 };
  const sessionKey = (headers: Headers) => keyIn(sessions, headers);
  const dispatch: DispatchDeps = {
    ...{ deps, guard, match, bodies, clientAddress, taken, sessionKey },
    admission: { authenticator: deps.authenticator, baseUrl },
    phase: () => layer.phase,
    consumerRule: createConsumerRule({ config, clientAddress, limits }),
    turns: createRequestTurns(deps),
    elsewhere: several && createElsewhere({ ...deps, sessionKey, neighbours: several.get }),
  };
  const passage = createPassage(dispatch);
  const admin = deps.admin &&
    createAdminApi({ ...deps, ...deps.admin, passage, connected: shared });
  const closed = new AbortController();
  const endLost = (isLost: IsLostStream, atOnce = true): void => {
    endLostStreams(sessions, isLost);
    endLostLines(transport, isLost, atOnce);
    endLostListens(stateless, isLost);
  };
  const stopHearing = deps.bus.subscribe("accessRevoked", (revoked) => {
    const isNamed = revoked.principal !== undefined;
    // If none is named, it is not known who lost rights, or whether anybody did. So running calls go
    // on, and clients open their streams again, for which they are let in again.
    if (isNamed) deps.gateway.revoke(revoked);
    endLost(
      (_surface, principal) =>
        isRevoked(revoked, principal) && (isNamed || standsForOne(principal)),
      isNamed,
    );
  });
  return {
    fetch: createDispatch(dispatch),
    routes,
    admin,
    open(neighbours) {
      if (neighbours !== undefined) several?.join(neighbours, sessions, transport);
      layer.phase = "ready";
    },
    answerForwarded: several && createForwardedPassage(dispatch),
    async handOver() {
      if (several === undefined || layer.phase !== "ready") return;
      await several.leave(deps, sessions, () => void (layer.phase = "leaving"), closed.signal);
    },
    async drain() {
      layer.phase = "draining";
      admin?.close();
      for (const session of sessions.byId.values()) closeForNow(session.streams);
      endLines(transport, false);
      endListens(stateless);
      await Promise.all([
        untilQuiet(deps, sessions, stateless, closed.signal),
        several?.drain(closed.signal),
      ]);
    },
    async close() {
      layer.phase = "draining";
      closed.abort();
      stopHearing();
      several?.close();
      admin?.close();
      closeSessions(sessions);
      endLines(transport, true);
      closeStateless(stateless);
      beats.keepAlive.close();
      await deps.events?.close();
    },
    recheck() {
      // A surface whose path has no name is there for everybody, if only without servers.
      const isAlwaysThere = (name: string) =>
        deps.surfaceKinds.some((kind) => kind.surface === name);
      endLost((surface, principal) =>
        !isAlwaysThere(surface) && deps.gateway.surface(surface, principal)?.isHidden === true
      );
    },
    sendTo: (key, notice) => deliverTo(sessions.byKey, [key], notice) === 1,
    broadcast: (notice) =>
      deliverTo(sessions.byKey, sessions.byKey.keys(), notice) + notifyListens(stateless, notice),
    load: () => loadOf(taken.requests, sessions, stateless),
  };
}
