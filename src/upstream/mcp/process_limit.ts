/**
 * The ceilings that all upstreams share: how many processes live, and how many start at once.
 * Consumers take turns, and each is served first come, first served. When all places are taken, a
 * connection that is not in use gives way (process_places.ts); if none can, a start waits until one
 * can or its time is over. It starts and stops nothing itself.
 */
import type { Clock } from "../../clock.ts";
import { principalIdOf } from "../../consumers.ts";
import { GatewayError } from "../../errors.ts";
import { createFairQueue, type FairQueue } from "../../fair_queue.ts";
import type { Limits } from "../../limits.ts";
import { createTurnover, type Turnover } from "../../client_shares.ts";
import type { Emit } from "../../telemetry/events.ts";
import type { Evictable, ProcessLimit, ProcessPlace } from "../deps.ts";
import { createProcessPlaces, type ProcessPlaces } from "./process_places.ts";

interface Waiting {
  readonly connection: Evictable;
  grant(place: ProcessPlace): void;
  refuse(error: GatewayError): void;
}

/** The state of a limit. */
interface LimitState {
  readonly limits: ProcessLimits;
  readonly clock: Clock;
  readonly queue: FairQueue<Waiting>;
  readonly patient: Pick<Waiting, "connection" | "grant">[];
  readonly places: ProcessPlaces;
  readonly turnover: Turnover;
  starting: number;
  /** Whether a look for room is due. */
  isLookSet: boolean;
}

/** The bounds of a limit. */
export type ProcessLimits = Pick<
  Limits,
  | "processesMax"
  | "principalProcessesMax"
  | "startsMax"
  | "startBusyMs"
  | "startsWaitingMax"
  | "retryMsMin"
  | "retryMsMax"
>;

/** Makes a limit. */
export function createProcessLimit(
  limits: ProcessLimits,
  clock: Clock,
  emit: Emit,
): ProcessLimit {
  const { processesMax, startsMax, retryMsMin: leastMs, retryMsMax: mostMs } = limits;
  const state: LimitState = {
    limits,
    clock,
    queue: createFairQueue(),
    patient: [],
    places: createProcessPlaces(limits, (connection) => reportGivingWay(emit, connection)),
    turnover: createTurnover(clock.monotonic(), { leastMs, mostMs }),
    starting: 0,
    isLookSet: false,
  };
  const { queue, places, patient } = state;
  return {
    acquire: (...wanted) => acquire(state, ...wanted),
    refusal: (connection) => refusalOf(state, connection),
    changed() {
      if (queue.size() === 0 || state.isLookSet) return;
      state.isLookSet = true;
      // By then what ended its work is idle.
      clock.after(0, () => {
        state.isLookSet = false;
        pump(state);
      });
    },
    counts: () => ({ running: places.size(), waiting: queue.size() }),
    hasRoom: () => places.size() + queue.size() < processesMax && queue.size() < startsMax,
    acquireQuietly(connection, grant) {
      const one = { connection, grant };
      patient.push(one);
      pump(state);
      return () => {
        const at = patient.indexOf(one);
        if (at >= 0) patient.splice(at, 1);
      };
    },
  };
}

/** Spares and trials, which serve no client, give way to any start. */
function reportGivingWay(emit: Emit, { consumer, server }: Evictable): void {
  if (server === undefined) return;
  const holder = consumer?.();
  const principal = holder === undefined ? undefined : principalIdOf(holder);
  emit({ type: "gave_way", what: "process", principal, server });
}

function acquire(
  state: LimitState,
  connection: Evictable,
  signal: AbortSignal,
  waitMs: number,
): Promise<ProcessPlace> {
  const { queue, limits } = state;
  return new Promise((resolve, reject) => {
    let cancelWait = (): void => {};
    const leave = () => {
      cancelWait();
      signal.removeEventListener("abort", giveUp);
    };
    const waiting: Waiting = {
      connection,
      grant(place) {
        leave();
        resolve(place);
      },
      refuse(error) {
        leave();
        reject(error);
      },
    };
    const remove = (error: GatewayError): void => {
      queue.removeWhere((one) => one === waiting);
      waiting.refuse(error);
    };
    const giveUp = () => remove(overloaded(state, connection, "the start was given up"));
    if (signal.aborted) return giveUp();
    const owner = [connection.consumer?.() ?? ""];
    if (queue.size() >= limits.startsWaitingMax) {
      // The consumer with most of the places makes room.
      const last = queue.takeFromLongest(owner) ?? waiting;
      last.refuse(overloaded(state, last.connection, "too many wait for their start"));
      if (last === waiting) return;
    }
    signal.addEventListener("abort", giveUp);
    cancelWait = waitForRoom(state, connection, waitMs, remove);
    queue.add(owner, waiting);
    pump(state);
  });
}

/**
 * Refuses a connection that finds no place for so long. One that only waits for other starts goes on
 * waiting: callers have their own time limits, and a start that only fills a catalog has none.
 */
function waitForRoom(
  state: LimitState,
  connection: Evictable,
  waitMs: number,
  refuse: (error: GatewayError) => void,
): () => void {
  let cancel = (): void => {};
  const wait = (): void => {
    cancel = state.clock.after(waitMs, () => {
      const refusal = refusalOf(state, connection);
      if (refusal === undefined) wait();
      else refuse(refusal);
    });
  };
  wait();
  return () => cancel();
}

/** Why a connection that waits can have no place now. */
function refusalOf(state: LimitState, connection: Evictable): GatewayError | undefined {
  const { places, limits: { processesMax, principalProcessesMax } } = state;
  const obstacle = places.obstacle(connection);
  if (obstacle === undefined) return undefined;
  const [code, why] = obstacle === "own"
    ? ["rate_limited", `all ${principalProcessesMax} that one client may have are in use`] as const
    : ["overloaded", `all ${processesMax} are in use or kept for other clients`] as const;
  // It is itself among those that wait.
  return noPlace(code, why, waitMsOf(state, connection, 1));
}

function overloaded(state: LimitState, connection: Evictable, why: string): GatewayError {
  return noPlace("overloaded", why, waitMsOf(state, connection, 0));
}

function noPlace(code: "overloaded" | "rate_limited", why: string, retryAfterMs: number) {
  const text = `Cannot start another server process: ${why}; retry later`;
  const share = code === "rate_limited" ? "processes" as const : undefined;
  return new GatewayError(code, text, { data: { retryAfterMs }, share });
}

function waitMsOf(
  { queue, turnover, clock }: LimitState,
  connection: Evictable,
  own: number,
): number {
  const ahead = queue.ahead([connection.consumer?.() ?? ""]) - own;
  return turnover.waitMs(clock.monotonic(), Math.max(0, ahead));
}

function makePlace(state: LimitState, connection: Evictable): ProcessPlace {
  const { places, clock, limits, turnover } = state;
  let isStarting = true;
  places.add(connection);
  state.starting++;
  const started = () => {
    if (!isStarting) return;
    isStarting = false;
    cancelBusy();
    state.starting--;
    pump(state);
  };
  // By then it waits for something rather than works: servers that hang hold up no others.
  const cancelBusy = clock.after(limits.startBusyMs, started);
  const release = () => {
    if (!places.remove(connection)) return;
    turnover.freed(clock.monotonic());
    started();
    pump(state);
  };
  return { started, release };
}

/** Gives places to those that wait. */
function pump(state: LimitState): void {
  const { queue, patient, places, limits } = state;
  do serveQueue(state); while (makeRoom(state));
  if (queue.size() > 0 || state.starting > 0 || places.size() >= limits.processesMax) return;
  const first = patient.shift();
  if (first === undefined) return;
  const place = makePlace(state, first.connection);
  place.started();
  first.grant(place);
}

function serveQueue(state: LimitState): void {
  const { queue, places, limits } = state;
  while (state.starting < limits.startsMax) {
    const next = queue.nextWhere(({ connection }) => places.hasRoomFor(connection));
    if (next === undefined) return;
    next.grant(makePlace(state, next.connection));
  }
}

/** Tells a connection to give way, for no more than can start; it may need some time. */
function makeRoom({ queue, places, starting, limits }: LimitState): boolean {
  const wanted = Math.min(queue.size(), limits.startsMax - starting);
  if (places.leaving() >= wanted) return false;
  return places.makeRoom((canHave) => queue.firstWhere(({ connection }) => canHave(connection)));
}
