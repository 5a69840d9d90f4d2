/**
 * Links to a local program: a child process, the peer on its pipes, and the first message. If a
 * program does not speak the first dialect, the next one is tried: in the same process if it lives,
 * in a new one if the question may have killed it. A spare process is used if there is one; if it
 * fails its handshake, a new process starts. Follows "Backward Compatibility" of the stdio
 * transport. Not here: whether a question may have killed a process (start_history.ts), and who
 * uses the link (connection.ts).
 */
import type { StdioServerConfig } from "../../config/config.ts";
import { createChildVariables } from "../../credentials/program_variables.ts";
import { type ChildEnd, type ChildHandler, openChild, type ServerProcess } from "./child.ts";
import type { UpstreamDeps } from "../deps.ts";
import { handshakeInTurn, type HandshakeOutcome } from "../link/handshake.ts";
import type { Connected, Connector, LinkEvents, StartFault } from "../link/link.ts";
import { createEarlyPings, type FirstWords } from "./early_pings.ts";
import { exitedError } from "../link/start_errors.ts";
import type { Dialect, HandshakeOptions } from "../link/dialect.ts";
import { createOutputGuard } from "../link/output_guard.ts";
import { createPeer, type Peer } from "../link/peer.ts";
import type { Spare } from "./spare.ts";
import { type MisspokenStart, toSpawnFault, toStartFault } from "./start_fault.ts";
import { createStartHistory, saysWhyItEnded } from "./start_history.ts";
import { requestOf } from "../link/start_request.ts";

type ConnectOptions = Parameters<Connector["open"]>[0];

interface StartOptions extends ConnectOptions {
  readonly words: FirstWords;
  readonly spare: Spare;
  /** Whether the spare may be taken over; otherwise a new process starts. */
  readonly mayBeSpare: boolean;
}

/** Makes the connector of one program; nothing starts yet. */
export function createStdioConnector(
  config: StdioServerConfig,
  deps: UpstreamDeps,
  spare: Spare,
): Connector {
  const startProcess = withCredentials(config, deps);
  const history = createStartHistory();
  const newWords = createEarlyPings(deps);
  return {
    ownsQuestions: false,
    async open(options, signal) {
      let { dialects } = options;
      const toRefused = (last: readonly Dialect[]) => [
        ...options.dialects.filter((dialect) => !dialects.includes(dialect)),
        ...last,
      ];
      // This ends: only the first process may be a spare, and each later one is asked in fewer
      // dialects.
      for (let mayBeSpare = true;; mayBeSpare = false) {
        const words = newWords();
        const ordered = { ...options, dialects: history.order(dialects), spare, mayBeSpare, words };
        const started = await startProcess(ordered, signal);
        if ("connected" in started) {
          history.ready(started.connected.dialect);
          return { ...started, refused: toRefused(started.refused) };
        }
        const { fault, survivors, isStale, saysWhy } = started;
        const mayDoBetter = survivors.length > 0 && (isStale || history.endedAsked(saysWhy));
        if (!mayDoBetter || signal.aborted) {
          if (started.hasEnded && !signal.aborted) history.failed();
          if (survivors.length > 0) options.hooks.gone();
          return { fault: { ...fault, refused: toRefused(fault.refused) } };
        }
        const why = isStale
          ? "The spare process failed its handshake: starting another"
          : "The server may have exited because of a question of another revision: starting it again";
        deps.log.info(why, { reason: fault.reason });
        dialects = survivors;
      }
    },
  };
}

type Started =
  | Extract<Awaited<ReturnType<Connector["open"]>>, { connected: unknown }>
  | {
    readonly fault: StartFault;
    /**
     * Dialects that may work in another process: one that got no other question first, or was no
     * spare. If there are any, this process is gone and `gone` was not called.
     */
    readonly survivors: readonly Dialect[];
    /** Whether it printed an error about something else than the question. */
    readonly saysWhy: boolean;
    /** The process exited by itself. */
    readonly hasEnded?: boolean;
    /** It was a spare, which may have failed because it waited. */
    readonly isStale: boolean;
  };

/** Starts processes; each gets the credentials of its own moment, or is not started. */
function withCredentials(config: StdioServerConfig, deps: UpstreamDeps) {
  const { name, childCredentials, environment } = config;
  if (childCredentials === undefined) {
    return (options: StartOptions, signal: AbortSignal) => start(config, deps, options, signal);
  }
  const getVariables = createChildVariables(name, childCredentials, deps);
  return async (options: StartOptions, signal: AbortSignal): Promise<Started> => {
    const found = await getVariables(signal);
    if (!("problem" in found) && !signal.aborted) {
      const own = { ...environment, ...found.variables };
      return await start({ ...config, environment: own }, deps, options, signal);
    }
    options.hooks.gone();
    const reason = "problem" in found ? `it ${found.problem}` : "its session ended";
    const fault = { reason, permanent: false, refused: [] };
    return { fault, survivors: [], saysWhy: false, isStale: false };
  };
}

/** Starts one process, or takes over the spare, and starts the handshake with it. */
async function start(
  config: StdioServerConfig,
  deps: UpstreamDeps,
  { dialects, hooks, spare, mayBeSpare, words, ...told }: StartOptions,
  signal: AbortSignal,
): Promise<Started> {
  const running = createRunning(config, deps, dialects, hooks, words);
  const spawnedAt = deps.clock.monotonic();
  const taken = mayBeSpare ? running.open(spare.take) : undefined;
  const wasSpare = taken !== undefined;
  let child: ServerProcess;
  try {
    child = taken ?? running.open((handler) => openChild(config, deps, handler));
  } catch (thrown) {
    hooks.gone();
    const fault = toSpawnFault(thrown, config);
    return { fault, survivors: [], saysWhy: false, isStale: false };
  }
  let end: ChildEnd | undefined;
  void child.ended.then((ended) => {
    end = ended;
    running.over(ended.text);
  });
  const giveUp = () => running.over("its session ended");
  signal.addEventListener("abort", giveUp);
  if (signal.aborted) giveUp();
  const handshake = await handshakeInTurn(
    dialects,
    (dialect) => running.handshake(dialect, told),
    deps,
  );
  signal.removeEventListener("abort", giveUp);
  if ("dialect" in handshake && !running.isOver()) {
    const { dialect, description, refused, tried } = handshake;
    // The server may be up although it does not answer in another dialect.
    const isMeasured = !wasSpare && tried.length === refused.length + 1;
    spare.up(isMeasured ? deps.clock.monotonic() - spawnedAt : undefined);
    void child.gone.then(hooks.gone).then(spare.down);
    running.ready(dialect);
    child.printed.stop();
    await words.settled();
    return { connected: toConnected(running, child, { dialect, description }), refused };
  }
  const broken = running.diedOf();
  running.over("its start failed");
  // A spare may have become stale while it waited; only the first message was lost with it.
  const isStale = wasSpare && !signal.aborted && (broken !== undefined || isSilence(handshake));
  const survivors = isStale
    ? dialects.filter((dialect) => !handshake.refused.includes(dialect))
    : end === undefined || end.permanent || running.misspoke() !== undefined
    ? []
    : survivorsOf(dialects, handshake);
  if (survivors.length === 0) void child.gone.then(hooks.gone);
  const stopped = child.stop();
  if (survivors.length > 0) await stopped;
  const { printed } = child;
  const saysWhy = saysWhyItEnded(printed);
  if (!isStale) {
    const wrote = {
      misspoke: running.misspoke(),
      ignored: running.ignored() ?? (child.unfinished() || undefined),
    };
    const fault = toStartFault(handshake, { end, broken, printed, wrote, config, deps });
    return { fault, survivors, saysWhy, isStale, hasEnded: end !== undefined };
  }
  const reason = broken ?? "it did not answer its first message";
  // If it may have died of an unknown question, its exit proves nothing.
  if (survivorsOf(dialects, handshake).length === 0) spare.failed(reason, printed);
  const fault = { reason, permanent: false, refused: handshake.refused };
  return { fault, survivors, saysWhy, isStale };
}

function isSilence(handshake: HandshakeOutcome): boolean {
  return "error" in handshake && handshake.error.code === "upstream_timeout";
}

function survivorsOf(
  dialects: readonly Dialect[],
  { tried, refused }: HandshakeOutcome,
): Dialect[] {
  const wasProbed = tried.some((dialect) => dialect.mayGoUnanswered);
  return wasProbed
    ? dialects.filter((dialect) => !dialect.mayGoUnanswered && !refused.includes(dialect))
    : [];
}

/** The parts of a link that exist before the server has answered. */
function createRunning(
  config: StdioServerConfig,
  deps: UpstreamDeps,
  [first]: readonly Dialect[],
  hooks: LinkEvents,
  words: FirstWords,
) {
  const { clock, limits } = deps;
  if (first === undefined) throw new Error("Cannot start a server in no dialect");
  let child: ServerProcess | undefined;
  let isOver = false;
  let isReady = false;
  let diedOf: string | undefined;
  let misspoke: MisspokenStart | undefined;

  const over = (died: string | undefined): void => {
    if (isOver) return;
    isOver = true;
    diedOf = died;
    peer.close(exitedError(config.name, died));
    if (isReady && died !== undefined) hooks.broken(died);
  };
  const broken = (reason: string): void => {
    if (isOver) return;
    over(reason);
    void child?.stop();
  };
  const guard = createOutputGuard(config.name, deps, broken);
  const peer: Peer = createPeer({
    server: config.name,
    codec: () => first.codec,
    limits,
    clock,
    guard,
    send: (line) => child?.send(line) ?? false,
    notice: hooks.notice,
    ask: hooks.ask,
    pinged: words.pinged,
    over: () => void (isReady && words.answered()),
    misspoken(why, line) {
      if (isReady || isOver) return;
      misspoke = { why, line };
      broken(why);
    },
  });
  const open = <Opened extends ServerProcess | undefined>(
    opener: (handler: ChildHandler) => Opened,
  ): Opened => {
    const opened = opener({ lines: peer.receive, tooLong: peer.receiveTooLong, broken });
    child = opened;
    return opened;
  };
  const request = requestOf(peer, config.startTimeoutMs);
  const handshake = (
    dialect: Dialect,
    told: Pick<HandshakeOptions, "capabilities" | "clientTitle">,
  ) =>
    dialect.handshake({
      request(method, params) {
        // A late answer to another dialect must not change how the link speaks.
        if (!isReady) peer.speak(dialect.codec);
        return request(method, params);
      },
      notify: peer.notify,
      ...told,
    });
  return {
    peer,
    open,
    handshake,
    over,
    isOver: () => isOver,
    diedOf: () => diedOf,
    misspoke: () => misspoke,
    ignored: guard.first,
    ready(dialect: Dialect) {
      isReady = true;
      peer.speak(dialect.codec);
    },
  };
}

function toConnected(
  { peer, over }: ReturnType<typeof createRunning>,
  child: ServerProcess,
  found: Pick<Connected, "dialect" | "description">,
): Connected {
  return {
    ...found,
    link: peer,
    pid: child.pid,
    async stop(quietMs) {
      over(undefined);
      await child.stop(quietMs);
    },
  };
}
