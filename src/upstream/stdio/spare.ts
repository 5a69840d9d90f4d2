/**
 * The spare of one server: a process started ahead, to which nothing has been written. The next
 * session takes it over and sends its own handshake: the process carries nothing of another session,
 * and the session waits for no start. Only servers that start slowly have one, while they are in
 * use. Any start that needs its place gets it, and its end counts neither as a failed start nor as
 * a dead connection. The ceiling of all spares is in spares.ts.
 */
import type { StdioServerConfig } from "../../config/config.ts";
import { type ChildHandler, openChild, type ServerProcess } from "./child.ts";
import type { ConnectionLimit, Evictable, SpareSeat, UpstreamDeps } from "../deps.ts";
import type { StartOutput } from "./start_output.ts";

/** The spare of one server. */
export interface Spare {
  /** Where the server's connections take their places: the spare's own place goes to the next one. */
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
  readonly gate: Gate;
  readonly cancelAge: () => void;
}

/** Makes the spare of a server; nothing is started yet. */
export function createSpare(config: StdioServerConfig, deps: UpstreamDeps): Spare {
  const { limits, clock, log } = deps;
  const leaving = new Set<Promise<unknown>>();
  // Credentials in its environment would be older than the session that takes it over.
  let isOver = config.spare === false || config.isolation === "shared" ||
    config.childCredentials !== undefined;
  let isSlow = false;
  let isUsed = false;
  let siblings = 0;
  let held: Held | undefined;
  let cancelWish: (() => void) | undefined;
  let cancelIdle = () => {};

  const wish = (): void => {
    if (isOver || !isSlow || !isUsed || held !== undefined || cancelWish !== undefined) return;
    const own: Inheritance = { heir: undefined };
    const connection: Evictable = {
      // Idle for longer than any connection: spares give way first.
      idleSince: () => own.heir === undefined ? -Infinity : own.heir.idleSince(),
      evict: () => own.heir === undefined ? discard() : own.heir.evict(),
    };
    cancelWish = deps.spares.want(connection, (seat) => {
      cancelWish = undefined;
      start(own, seat);
    });
  };

  const start = (own: Inheritance, seat: SpareSeat): void => {
    const fail = (reason: string) => {
      if (held?.gate === gate) lose(reason);
    };
    const gate = createGate(fail);
    let child: ServerProcess;
    try {
      child = openChild(config, deps, gate.handler);
    } catch (thrown) {
      seat.place.release();
      seat.free();
      return judge(thrown instanceof Error ? thrown.message : String(thrown));
    }
    void child.ended.then(({ text }) => fail(text));
    const cancelAge = clock.after(limits.spareAgeMs, () => void discard()?.then(wish));
    held = Object.assign(own, { ...seat, child, gate, cancelAge });
    log.debug("Started a spare process", { pid: child.pid });
  };

  /** It is no spare any more. */
  const letGo = (): Held | undefined => {
    const one = held;
    held = undefined;
    one?.cancelAge();
    one?.free();
    return one;
  };
  const discard = (): Promise<void> | undefined => {
    const one = letGo();
    if (one === undefined) return undefined;
    one.gate.close();
    void one.child.gone.then(() => {
      if (one.heir === undefined) one.place.release();
    });
    const stopped = one.child.stop().finally(() => leaving.delete(stopped));
    leaving.add(stopped);
    return stopped;
  };
  const lose = (reason: string): void => {
    const printed = held?.child.printed;
    void discard();
    judge(reason, printed);
  };
  /** A spare that fails next to a running process of its server fails because of it. */
  const judge = (reason: string, words?: StartOutput): void => {
    const lines = words?.lines() ?? [];
    const printed = lines.length === 0 ? {} : { printed: lines.join("\n") };
    if (siblings === 0) return log.debug("A spare process ended", { reason, ...printed });
    isOver = true;
    log.info(
      `Server "${config.name}" gets no more spare processes: one failed next to a running ` +
        `process (${reason}); they may share a port, file or profile that only one can use`,
      printed,
    );
  };

  const rest = (): void => {
    isUsed = false;
    cancelWish?.();
    cancelWish = undefined;
    void discard();
  };
  /** Clients that open a session for each call find it for as long as an idle process is kept. */
  const watchIdle = (): void => {
    cancelIdle();
    if (siblings === 0 && isUsed) cancelIdle = clock.after(config.idleTimeoutMs, rest);
  };

  const processLimit: ConnectionLimit = {
    ...deps.processLimit,
    async acquire(connection, signal) {
      const one = held;
      if (one === undefined || one.heir !== undefined || signal.aborted) {
        return await deps.processLimit.acquire(connection, signal);
      }
      one.heir = connection;
      return {
        started: () => {},
        release() {
          // Where its start was given up the process is still a spare.
          if (held === one) one.heir = undefined;
          else one.place.release();
        },
      };
    },
  };

  return {
    processLimit,
    failed: judge,
    take(handler) {
      const one = letGo();
      if (one === undefined) return undefined;
      if (one.heir === undefined) one.place.release();
      one.gate.open(handler);
      return one.child;
    },
    up(startMs) {
      siblings++;
      if (startMs !== undefined) isSlow = startMs > limits.spareStartMs;
    },
    down() {
      siblings--;
      watchIdle();
    },
    used() {
      if (isOver) return;
      isUsed = true;
      watchIdle();
      wish();
    },
    async close() {
      isOver = true;
      cancelIdle();
      rest();
      await Promise.all(leaving);
    },
  };
}

interface Gate {
  readonly handler: ChildHandler;
  /** From now on this one hears the child, and first what it wrote before. */
  open(handler: ChildHandler): void;
  /** What it wrote is thrown away. */
  close(): void;
}

/** Holds back what a child writes before it has a session: reading waits, so that the pipe bounds it. */
function createGate(failed: (reason: string) => void): Gate {
  const settled = Promise.withResolvers<void>();
  let taker: ChildHandler | undefined;
  return {
    handler: {
      lines: (lines) =>
        taker === undefined ? settled.promise.then(() => taker?.lines(lines)) : taker.lines(lines),
      tooLong(line) {
        if (taker === undefined) failed("it floods its output before it is asked anything");
        else taker.tooLong(line);
      },
      broken(reason) {
        if (taker === undefined) failed(reason);
        else taker.broken(reason);
      },
    },
    open(handler) {
      taker = handler;
      settled.resolve();
    },
    close: settled.resolve,
  };
}
