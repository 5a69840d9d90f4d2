/**
 * The spare of one server: a process started ahead, to which nothing has been written. The next
 * session takes it over and sends its own handshake: the process carries nothing of another
 * session, and the session waits for no start. Only servers that start slowly have one, while they
 * are in use. Any start that needs its place gets it, and its end counts neither as a failed start
 * nor as a dead connection. The ceiling of all spares is in spares.ts.
 */
import type { StdioServerConfig } from "../../config/config.ts";
import { type ChildHandler, openChild, type ServerProcess } from "./child.ts";
import type { ConnectionLimit, Evictable, ProcessPlace, SpareSeat, UpstreamDeps } from "../deps.ts";
import { createOutputGate, type OutputGate } from "./output_gate.ts";
import type { StartOutput } from "./start_output.ts";

/** The spare of one server. */
export interface Spare {
  /**
   * Where the server's connections take their places: the spare's own place goes to the next one.
   */
  readonly processLimit: ConnectionLimit;
  /** Takes the process over; undefined when there is none. What it wrote so far is heard first. */
  take(handler: ChildHandler): ServerProcess | undefined;
  /** A process of the server answered; `startMs` is what its start took, where it was measured. */
  up(startMs: number | undefined): void;
  /** Nothing is left of a process that was up. */
  down(): void;
  /** The process that was taken over failed its handshake. */
  failed(reason: string, printed: StartOutput): void;
  /** A session calls its own process: the next session may want a spare. */
  used(): void;
  /** Ends it for good; resolves when nothing of it is left. */
  close(): Promise<void>;
}

/** The place of a spare, and the connection that has inherited it. */
interface Inheritance {
  heir: Evictable | undefined;
}

interface Held extends Inheritance, SpareSeat {
  readonly child: ServerProcess;
  readonly gate: OutputGate;
  readonly cancelAge: () => void;
}

/** What is known of one server's spare. */
interface SpareState {
  readonly config: StdioServerConfig;
  readonly deps: UpstreamDeps;
  /** Spares that are being ended. */
  readonly leaving: Set<Promise<unknown>>;
  /** There will be no further spare. */
  isOver: boolean;
  /** Whether the server's last measured start was slow. */
  isSlow: boolean;
  /** Whether sessions use their processes. */
  isUsed: boolean;
  /** Running processes of the server, without the spare. */
  siblings: number;
  held: Held | undefined;
  /** Set while a spare waits for its seat. */
  cancelWish: (() => void) | undefined;
  cancelIdle: () => void;
}

/** Makes the spare of a server; nothing is started yet. */
export function createSpare(config: StdioServerConfig, deps: UpstreamDeps): Spare {
  const state: SpareState = {
    config,
    deps,
    leaving: new Set(),
    // Credentials in its environment would be older than the session that takes it over.
    isOver: config.spare === false || config.isolation !== "session" ||
      config.childCredentials !== undefined,
    isSlow: false,
    isUsed: false,
    siblings: 0,
    held: undefined,
    cancelWish: undefined,
    cancelIdle: () => {},
  };
  return {
    processLimit: {
      ...deps.processLimit,
      acquire: (...wanted) => acquire(state, ...wanted),
    },
    take: (handler) => take(state, handler),
    up(startMs) {
      state.siblings++;
      if (startMs !== undefined) state.isSlow = startMs > deps.limits.spareStartMs;
    },
    down() {
      state.siblings--;
      watchIdle(state);
    },
    failed: (reason, printed) => judge(state, reason, printed),
    used: () => use(state),
    async close() {
      state.isOver = true;
      state.cancelIdle();
      rest(state);
      await Promise.all(state.leaving);
    },
  };
}

/** The spare's own place goes to the next connection. */
async function acquire(
  state: SpareState,
  ...[connection, signal, waitMs]: Parameters<ConnectionLimit["acquire"]>
): Promise<ProcessPlace> {
  const one = state.held;
  if (one === undefined || one.heir !== undefined || signal.aborted) {
    return await state.deps.processLimit.acquire(connection, signal, waitMs);
  }
  one.heir = connection;
  return {
    started: () => {},
    release() {
      // Where its start was given up the process is still a spare.
      if (state.held === one) one.heir = undefined;
      else one.place.release();
    },
  };
}

function take(state: SpareState, handler: ChildHandler): ServerProcess | undefined {
  const one = letGo(state);
  if (one === undefined) return undefined;
  if (one.heir === undefined) one.place.release();
  one.gate.open(handler);
  return one.child;
}

function use(state: SpareState): void {
  if (state.isOver) return;
  state.isUsed = true;
  watchIdle(state);
  wish(state);
}

/** Asks for a seat where a spare is wanted and there is none. */
function wish(state: SpareState): void {
  const { isOver, isSlow, isUsed, held, cancelWish } = state;
  if (isOver || !isSlow || !isUsed || held !== undefined || cancelWish !== undefined) return;
  const own: Inheritance = { heir: undefined };
  const connection: Evictable = {
    consumer: () => own.heir?.consumer?.(),
    // Idle for longer than any connection: spares give way first.
    idleSince: () => own.heir === undefined ? -Infinity : own.heir.idleSince(),
    restingSince: () => own.heir?.restingSince?.(),
    evict: () => own.heir === undefined ? discard(state) : own.heir.evict(),
  };
  state.cancelWish = state.deps.spares.want(connection, (seat) => {
    state.cancelWish = undefined;
    start(state, own, seat);
  });
}

function start(state: SpareState, own: Inheritance, seat: SpareSeat): void {
  const { config, deps } = state;
  const fail = (reason: string): void => {
    if (state.held?.gate === gate) lose(state, reason);
  };
  const gate = createOutputGate(fail);
  let child: ServerProcess;
  try {
    child = openChild(config, deps, gate.handler);
  } catch (thrown) {
    seat.place.release();
    seat.free();
    return judge(state, thrown instanceof Error ? thrown.message : String(thrown));
  }
  void child.ended.then(({ text }) => fail(text));
  const replace = (): void => void discard(state)?.then(() => wish(state));
  const cancelAge = deps.clock.after(deps.limits.spareAgeMs, replace);
  state.held = Object.assign(own, { ...seat, child, gate, cancelAge });
  deps.log.debug("Started a spare process", { pid: child.pid });
}

/** It is no spare any more. */
function letGo(state: SpareState): Held | undefined {
  const one = state.held;
  state.held = undefined;
  one?.cancelAge();
  one?.free();
  return one;
}

function discard(state: SpareState): Promise<void> | undefined {
  const one = letGo(state);
  if (one === undefined) return undefined;
  one.gate.close();
  void one.child.gone.then(() => {
    if (one.heir === undefined) one.place.release();
  });
  const stopped = one.child.stop().finally(() => state.leaving.delete(stopped));
  state.leaving.add(stopped);
  return stopped;
}

function lose(state: SpareState, reason: string): void {
  const printed = state.held?.child.printed;
  void discard(state);
  judge(state, reason, printed);
}

/** A spare that fails next to a running process of its server fails because of it. */
function judge(state: SpareState, reason: string, words?: StartOutput): void {
  const { log } = state.deps;
  const lines = words?.lines() ?? [];
  const printed = lines.length === 0 ? {} : { printed: lines.join("\n") };
  if (state.siblings === 0) return log.debug("A spare process ended", { reason, ...printed });
  state.isOver = true;
  log.info(
    `Server "${state.config.name}" gets no more spare processes: one failed next to a running ` +
      `process (${reason}); they may share a port, file or profile that only one can use`,
    printed,
  );
}

function rest(state: SpareState): void {
  state.isUsed = false;
  state.cancelWish?.();
  state.cancelWish = undefined;
  void discard(state);
}

/** Clients that open a session for each call find it for as long as an idle process is kept. */
function watchIdle(state: SpareState): void {
  state.cancelIdle();
  if (state.siblings !== 0 || !state.isUsed) return;
  state.cancelIdle = state.deps.clock.after(state.config.idleTimeoutMs, () => rest(state));
}
