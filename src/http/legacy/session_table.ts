/**
 * The sessions that exist in this process: by raw id, so that a request on a live session needs no
 * hash, and by key for callers that may not know the id. A stored session is loaded on its first
 * use, and leaves memory again when too many are idle. Idle sessions expire, at look-up and by a
 * sweep. A session that is unknown, expired, deleted, or of another surface or principal is always
 * a 404, so that ids cannot be probed.
 */
import { sleep } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Principal } from "../../model.ts";
import type { Identity } from "../../protocol/codec.ts";
import { createLegacyCodec } from "../../protocol/legacy/era_codec.ts";
import { ReplayBudget } from "../../session/replay_budget.ts";
import type { SessionRecord } from "../../session/session_store.ts";
import type { IsLostStream } from "../credential_expiry.ts";
import { logFault } from "../respond.ts";
import { createActivityClock } from "./activity_clock.ts";
import { idlestOf } from "./idle.ts";
import { endLiveSession, followRequest, openLiveSession, suspendSession } from "./life.ts";
import { deliverListsChanged } from "./notices.ts";
import {
  isBusy,
  type LegacyDeps,
  type LiveSession,
  noteInitialized,
  touch,
} from "./live_session.ts";
import { isOwned, own } from "./session_ownership.ts";
import { closeForNow, dropAged } from "./session_streams.ts";

/** The sessions of this process. */
export interface Sessions {
  readonly deps: LegacyDeps;
  readonly byId: Map<string, LiveSession>;
  readonly byKey: Map<string, LiveSession>;
  /** Keys of sessions that left memory; the gateway still has their scopes. */
  readonly suspended: Set<string>;
  /** If more sessions than this are in memory, idle ones leave. */
  crowdedAbove: number;
  /**
   * Handshakes under way, and streams with sessions that are not stored: they count toward the
   * limit.
   */
  reserved: number;
  /** When a session of a consumer, or of any, has expired: for refusals (session_places.ts). */
  readonly roomAt: Map<string | undefined, number>;
  /** Keys that are being removed from the store: these sessions must not be loaded again. */
  readonly ending: Set<string>;
  stopSweeping: () => void;
  stopHearing: () => void;
}

/** The principal and the surface of a session: it is unknown to all others. */
export interface SessionHolder {
  readonly surface: string;
  readonly principal: Principal;
  /** Whose share it takes; decides nothing about who may use it. */
  readonly consumer: string;
}

/** No id is longer, so a longer one needs no look-up. */
const idCharsMax = 128;

const expired = "the session expired";

/** Makes the table and begins to sweep it. */
export function createSessions(
  { identity, ...options }: Omit<LegacyDeps, "codec" | "activity" | "budget"> & {
    readonly identity: Identity;
  },
): Sessions {
  const activity = createActivityClock(options.clock, options.limits, options.sessions.origin);
  const codec = createLegacyCodec(identity).client;
  const budget = new ReplayBudget(options.limits);
  const deps: LegacyDeps = { ...options, activity, codec, budget };
  const sessions: Sessions = {
    deps,
    byId: new Map(),
    byKey: new Map(),
    suspended: new Set(),
    crowdedAbove: options.limits.idleSessionsInMemoryMax,
    reserved: 0,
    roomAt: new Map(),
    ending: new Set(),
    stopSweeping: () => {},
    stopHearing: options.bus.subscribe(
      "sessionEnded",
      ({ key, reason }) => dropSession(sessions, key, reason),
    ),
  };
  const sweepLater = (): void => {
    sessions.stopSweeping = deps.clock.after(deps.limits.expirySweepMs, () => {
      sweepLater();
      sweep(sessions).catch((thrown) => logFault(deps.log, "Cannot expire sessions", thrown));
    });
  };
  sweepLater();
  // If the clock has been set back, the sessions would never expire.
  deps.sessions.shift?.(0, activity.now())
    .catch((thrown) => logFault(deps.log, "Cannot correct the times of sessions", thrown));
  return sessions;
}

/** Puts a session on the table. */
export function enlist(sessions: Sessions, session: LiveSession): void {
  sessions.byKey.set(session.key, session);
  if (!session.isStored) return;
  sessions.byId.set(session.id, session);
  if (sessions.byId.size > sessions.crowdedAbove) suspendIdle(sessions);
}

/** Removes more idle sessions than necessary: one search makes room for many new sessions. */
function suspendIdle(sessions: Sessions): void {
  const { deps: { limits, activity }, byId, suspended } = sessions;
  const max = limits.idleSessionsInMemoryMax;
  const some = Math.ceil(max / 10);
  for (const session of idlestOf(byId.values(), byId.size - max + some, activity.now())) {
    forget(sessions, session);
    suspendSession(session);
    suspended.add(session.key);
  }
  sessions.crowdedAbove = Math.max(max, byId.size + some);
}

/**
 * The session of an id, for its holder only, at once if it is in memory; throws `session_unknown`.
 * Counts as activity.
 */
export function findSession(
  sessions: Sessions,
  id: string,
  holder: SessionHolder,
): LiveSession | Promise<LiveSession> {
  const session = sessions.byId.get(id);
  return session === undefined
    ? hydrate(sessions, id, holder).then((stored) => enter(sessions, stored, holder))
    : enter(sessions, session, holder);
}

/** The key of the session that a request names, if it is in memory; whose it is decides `enter`. */
export function keyIn({ byId }: Sessions, headers: Headers): string | undefined {
  const id = headers.get("mcp-session-id");
  return id === null ? undefined : byId.get(id)?.key;
}

function enter(
  sessions: Sessions,
  session: LiveSession | undefined,
  holder: SessionHolder,
): LiveSession | Promise<LiveSession> {
  const { surface, principal } = holder;
  const isTheirs = session?.surface === surface && session.caller.principal.id === principal.id;
  if (session === undefined || !isTheirs) throw new GatewayError("session_unknown");
  if (!isBusy(session) && isExpired(sessions, session.activeAt)) {
    return endSession(sessions, session, expired).then(() => {
      throw new GatewayError("session_unknown");
    });
  }
  if (isOwned(sessions.deps, session.key)) return use(session, holder);
  return own(sessions.deps, session.key).then(() => use(session, holder));
}

function use(session: LiveSession, holder: SessionHolder): LiveSession {
  followRequest(session, holder);
  touch(session);
  return session;
}

/** Ends a session for good; resolves when its removal would survive a crash. */
export async function endSession(
  sessions: Sessions,
  session: LiveSession,
  reason: string,
): Promise<void> {
  const { deps, ending } = sessions;
  const { key } = session;
  ending.add(key);
  dropSession(sessions, key, reason);
  // A store that cannot remove it does not find it any more.
  await deps.sessions.remove(key).finally(() => ending.delete(key));
  deps.bus.publish("sessionEnded", { key, reason });
}

/** Closes all sessions in this process; stored ones stay in the store. */
export function closeSessions(sessions: Sessions): void {
  sessions.stopSweeping();
  sessions.stopHearing();
  for (const session of [...sessions.byKey.values()]) {
    forget(sessions, session);
    endLiveSession(session, "the gateway is stopping", new GatewayError("draining"));
  }
}

/** Ends the standalone streams of sessions whose principals lost the right to them. */
export function endLostStreams({ byKey }: Sessions, isLost: IsLostStream): void {
  for (const { surface, caller, madeStreams } of byKey.values()) {
    if (madeStreams !== undefined && isLost(surface, caller.principal)) closeForNow(madeStreams);
  }
}

/** Takes a session off the table. */
export function forget(sessions: Sessions, session: LiveSession): void {
  sessions.byId.delete(session.id);
  sessions.byKey.delete(session.key);
}

function isExpired({ deps }: Sessions, activeAt: number): boolean {
  return deps.activity.now() - activeAt > deps.sessionTimeoutMs;
}

/** Loads a stored session, unless it is another holder's or has expired. */
async function hydrate(
  sessions: Sessions,
  id: string,
  { surface, principal, consumer }: SessionHolder,
): Promise<LiveSession | undefined> {
  const { deps, byId, ending } = sessions;
  if (id.length > idCharsMax) return undefined;
  const key = deps.sha256(id);
  const record = await deps.sessions.find(key);
  // Another request may have loaded or ended it in the meantime.
  const live = byId.get(id);
  if (live !== undefined || record === undefined || ending.has(key)) return live;
  if (record.surface !== surface || record.principal !== principal.id) return undefined;
  if (isExpired(sessions, record.activeAt)) {
    await deps.sessions.remove(key);
    deps.bus.publish("sessionEnded", { key, reason: expired });
    return undefined;
  }
  await own(deps, key);
  const loaded = byId.get(id);
  if (loaded !== undefined || ending.has(key)) return loaded;
  const session = openLiveSession(deps, record, { id, isStored: true, principal, consumer });
  claim(deps, record);
  // A client that comes back finished its handshake long ago.
  noteInitialized(session);
  if (sessions.suspended.delete(key)) deliverListsChanged(session);
  enlist(sessions, session);
  return session;
}

/**
 * Stores that this instance owns the session. The store logs a fault, which does not harm the
 * session.
 */
function claim({ sessions, owner }: LegacyDeps, record: SessionRecord): void {
  if (record.owner === owner) return;
  sessions.update(record.key, { owner }).catch(() => {});
}

/** Releases everything this process holds for an ended session, whichever instance ended it. */
function dropSession(sessions: Sessions, key: string, reason: string): void {
  const { deps, byKey, suspended } = sessions;
  void deps.ownership?.().release(key);
  if (suspended.delete(key)) deps.gateway.endScope(key);
  const session = byKey.get(key);
  if (session === undefined) return;
  forget(sessions, session);
  endLiveSession(session, reason, new GatewayError("cancelled", `Cannot go on: ${reason}`));
}

/**
 * Moves all timestamps after a jump of the wall clock, so that each session keeps its idle time.
 */
async function followClock({ deps, byKey }: Sessions): Promise<void> {
  const { activity, log } = deps;
  const ms = activity.jump();
  if (ms === 0) return;
  await deps.sessions.shift?.(ms, activity.now() + ms);
  activity.follow(ms);
  for (const session of byKey.values()) session.activeAt += ms;
  log.info("The clock of this machine jumped; sessions keep their idle time", { byMs: ms });
}

async function sweep(sessions: Sessions): Promise<void> {
  const { deps, byKey } = sessions;
  await followClock(sessions);
  for (const session of byKey.values()) {
    if (isBusy(session)) touch(session);
    else if (session.madeStreams !== undefined) dropAged(session.madeStreams);
  }
  const now = deps.activity.now();
  const before = now - deps.sessionTimeoutMs;
  for (;;) {
    const keys = await deps.sessions.expire(before, now - deps.limits.unusedSessionMs);
    for (const key of keys) deps.bus.publish("sessionEnded", { key, reason: expired });
    if (keys.length < deps.limits.expiryBatchMax) return;
    await sleep(deps.clock, 0);
  }
}
