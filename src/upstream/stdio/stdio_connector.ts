/**
 * Links to a local program: a child process, the peer on its pipes, and the first message. A
 * program that does not speak in the first manner is tried in the next one: in place where it
 * lives, in a new process where the question may have killed it. A spare process is used where
 * there is one; where it fails its handshake a new process is started instead. Follows "Backward
 * Compatibility" of the stdio transport. Not here: whether a question may have killed it
 * (start_history.ts), and who uses the link (connection.ts).
 */
import type { StdioServerConfig } from "../../config/config.ts";
import { createChildVariables } from "../../credentials/program_variables.ts";
import { type ChildEnd, type ChildHandler, type LaneChild, openChild } from "./child.ts";
import type { UpstreamDeps } from "../deps.ts";
import { type Greeting, greetInTurn } from "../link/handshake.ts";
import type { Connected, Connector, LinkHooks, StartFault } from "../link/link.ts";
import { createEarlyPings, type FirstWords } from "./early_pings.ts";
import { exitedError } from "../link/start_errors.ts";
import type { GreetOptions, Manner } from "../link/dialect.ts";
import { createNoiseGauge } from "../link/output_guard.ts";
import { createPeer, type Peer } from "../link/peer.ts";
import type { Spare } from "./spare.ts";
import { type Misspoken, toSpawnFault, toStartFault } from "./start_fault.ts";
import { createStartHistory, saysWhyItEnded } from "./start_history.ts";
import { requestOf } from "../link/start_request.ts";

type ConnectOptions = Parameters<Connector["connect"]>[0];

interface StartOptions extends ConnectOptions {
  readonly words: FirstWords;
  readonly spare: Spare;
  /** Whether the spare may be taken over; else a new process is started. */
  readonly mayBeSpare: boolean;
}

/** Makes the connector of one program; nothing is started yet. */
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
    async connect(options, signal) {
      let { manners } = options;
      const toRefused = (last: readonly Manner[]) => [
        ...options.manners.filter((manner) => !manners.includes(manner)),
        ...last,
      ];
      // Ends: only the first process may be a spare, and each later one is asked in fewer manners.
      for (let mayBeSpare = true;; mayBeSpare = false) {
        const words = newWords();
        const ordered = { ...options, manners: history.order(manners), spare, mayBeSpare, words };
        const started = await startProcess(ordered, signal);
        if ("connected" in started) {
          history.ready(started.connected.manner);
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
          : "The server may have ended over a question of another revision: starting it again";
        deps.log.info(why, { reason: fault.reason });
        manners = survivors;
      }
    },
  };
}

type Started =
  | Extract<Awaited<ReturnType<Connector["connect"]>>, { connected: unknown }>
  | {
    readonly fault: StartFault;
    /**
     * Manners that may do better with another process: one which was not asked in another manner
     * first, or was no spare. Where there are any, this process is gone and `gone` was not called.
     */
    readonly survivors: readonly Manner[];
    /** Whether it printed an error that is about something else than what it was asked. */
    readonly saysWhy: boolean;
    /** The process ended by itself. */
    readonly hasEnded?: boolean;
    /** It was a spare, which may have failed for having waited. */
    readonly isStale: boolean;
  };

/** Starts processes; each is given the credentials of its own moment, or is not started. */
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

/** Starts one process, or takes the spare over, and greets it. */
async function start(
  config: StdioServerConfig,
  deps: UpstreamDeps,
  { manners, hooks, spare, mayBeSpare, words, ...told }: StartOptions,
  signal: AbortSignal,
): Promise<Started> {
  const running = createRunning(config, deps, manners, hooks, words);
  const spawnedAt = deps.clock.monotonic();
  const taken = mayBeSpare ? running.open(spare.take) : undefined;
  const wasSpare = taken !== undefined;
  let child: LaneChild;
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
  const greeting = await greetInTurn(
    manners,
    (manner) => running.greet(manner, told),
    deps,
  );
  signal.removeEventListener("abort", giveUp);
  if ("manner" in greeting && !running.isOver()) {
    const { manner, description, refused, tried } = greeting;
    // While another manner went unanswered the server need not have been starting.
    const isMeasured = !wasSpare && tried.length === refused.length + 1;
    spare.up(isMeasured ? deps.clock.monotonic() - spawnedAt : undefined);
    void child.gone.then(hooks.gone).then(spare.down);
    running.ready(manner);
    child.printed.stop();
    await words.settled();
    return { connected: toConnected(running, child, { manner, description }), refused };
  }
  const broken = running.diedOf();
  running.over("its start failed");
  // A spare may have gone stale while it waited; nothing but the first message was lost with it.
  const isStale = wasSpare && !signal.aborted && (broken !== undefined || isSilence(greeting));
  const survivors = isStale
    ? manners.filter((manner) => !greeting.refused.includes(manner))
    : end === undefined || end.permanent || running.misspoke() !== undefined
    ? []
    : survivorsOf(manners, greeting);
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
    const fault = toStartFault(greeting, { end, broken, printed, wrote, config, deps });
    return { fault, survivors, saysWhy, isStale, hasEnded: end !== undefined };
  }
  const reason = broken ?? "it did not answer its first message";
  // Where it may have died of a question that the server does not know, that is no sign.
  if (survivorsOf(manners, greeting).length === 0) spare.failed(reason, printed);
  const fault = { reason, permanent: false, refused: greeting.refused };
  return { fault, survivors, saysWhy, isStale };
}

function isSilence(greeting: Greeting): boolean {
  return "error" in greeting && greeting.error.code === "upstream_timeout";
}

function survivorsOf(manners: readonly Manner[], { tried, refused }: Greeting): Manner[] {
  const wasProbed = tried.some((manner) => manner.mayGoUnanswered);
  return wasProbed
    ? manners.filter((manner) => !manner.mayGoUnanswered && !refused.includes(manner))
    : [];
}

/** The parts of a link that exist before the server has answered. */
function createRunning(
  config: StdioServerConfig,
  deps: UpstreamDeps,
  [first]: readonly Manner[],
  hooks: LinkHooks,
  words: FirstWords,
) {
  const { clock, limits } = deps;
  if (first === undefined) throw new Error("Cannot start a server in no manner");
  let child: LaneChild | undefined;
  let isOver = false;
  let isReady = false;
  let diedOf: string | undefined;
  let misspoke: Misspoken | undefined;

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
  const noise = createNoiseGauge({ limits, clock, log: deps.log }, broken);
  const peer: Peer = createPeer({
    server: config.name,
    codec: () => first.codec,
    limits,
    clock,
    noise,
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
  const open = <Opened extends LaneChild | undefined>(
    opener: (handler: ChildHandler) => Opened,
  ): Opened => {
    const opened = opener({ lines: peer.receive, tooLong: peer.receiveTooLong, broken });
    child = opened;
    return opened;
  };
  const request = requestOf(peer, config.startTimeoutMs);
  const greet = (manner: Manner, told: Pick<GreetOptions, "capabilities" | "clientTitle">) =>
    manner.greet({
      request(method, params) {
        // One that asks again after another was answered must not change how the link speaks.
        if (!isReady) peer.speak(manner.codec);
        return request(method, params);
      },
      notify: peer.notify,
      ...told,
    });
  return {
    peer,
    open,
    greet,
    over,
    isOver: () => isOver,
    diedOf: () => diedOf,
    misspoke: () => misspoke,
    ignored: noise.first,
    ready(manner: Manner) {
      isReady = true;
      peer.speak(manner.codec);
    },
  };
}

function toConnected(
  { peer, over }: ReturnType<typeof createRunning>,
  child: LaneChild,
  found: Pick<Connected, "manner" | "description">,
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
