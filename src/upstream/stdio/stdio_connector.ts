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
import type { UpstreamDeps } from "../deps.ts";
import type { Dialect } from "../link/dialect.ts";
import { handshakeInTurn, type HandshakeOutcome } from "../link/handshake.ts";
import type { Connector, StartFault } from "../link/link.ts";
import { type ChildEnd, openChild, type ServerProcess } from "./child.ts";
import {
  type ChildLink,
  createChildLink,
  endChildLink,
  handshakeIn,
  openOn,
  readyIn,
  toConnected,
} from "./child_link.ts";
import { createEarlyPings, type FirstWords } from "./early_pings.ts";
import type { Spare } from "./spare.ts";
import { toSpawnFault, toStartFault } from "./start_fault.ts";
import { createStartHistory, saysWhyItEnded } from "./start_history.ts";

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
  options: StartOptions,
  signal: AbortSignal,
): Promise<Started> {
  const { dialects, hooks, spare, mayBeSpare, words, ...told } = options;
  const [dialect] = dialects;
  if (dialect === undefined) throw new Error("Cannot start a server in no dialect");
  const link = createChildLink({ config, deps, dialect, hooks, words });
  const spawnedAt = deps.clock.monotonic();
  const taken = mayBeSpare ? openOn(link, spare.take) : undefined;
  let child: ServerProcess;
  try {
    child = taken ?? openOn(link, (handler) => openChild(config, deps, handler));
  } catch (thrown) {
    hooks.gone();
    const fault = toSpawnFault(thrown, config);
    return { fault, survivors: [], saysWhy: false, isStale: false };
  }
  const attempt: Attempt = { link, child, wasSpare: taken !== undefined, end: undefined };
  void child.ended.then((ended) => {
    attempt.end = ended;
    endChildLink(link, ended.text);
  });
  const giveUp = () => endChildLink(link, "its session ended");
  signal.addEventListener("abort", giveUp);
  if (signal.aborted) giveUp();
  const handshake = await handshakeInTurn(
    dialects,
    (dialect) => handshakeIn(link, dialect, told),
    deps,
  );
  signal.removeEventListener("abort", giveUp);
  if (!("dialect" in handshake) || link.isOver) {
    return await failStart(attempt, options, handshake, signal);
  }
  const { description, revision, refused, tried } = handshake;
  // While another dialect went unanswered the server need not have been starting.
  const isMeasured = !attempt.wasSpare && tried.length === refused.length + 1;
  spare.up(isMeasured ? deps.clock.monotonic() - spawnedAt : undefined);
  void child.gone.then(hooks.gone).then(spare.down);
  readyIn(link, handshake.dialect);
  child.printed.stop();
  await words.settled();
  const found = { dialect: handshake.dialect, description, revision };
  return { connected: toConnected(link, child, found), refused };
}

/** One process, and what became of it so far. */
interface Attempt {
  readonly link: ChildLink;
  readonly child: ServerProcess;
  readonly wasSpare: boolean;
  end: ChildEnd | undefined;
}

/** Ends a process that failed its handshake, and tells what another one may do better. */
async function failStart(
  attempt: Attempt,
  { dialects, hooks, spare }: StartOptions,
  handshake: HandshakeOutcome,
  signal: AbortSignal,
): Promise<Started> {
  const { link, child, end } = attempt;
  const { config, deps } = link.options;
  const { diedOf: broken, misspoke } = link;
  endChildLink(link, "its start failed");
  // A spare may have gone stale while it waited; nothing but the first message was lost with it.
  const isStale = attempt.wasSpare && !signal.aborted &&
    (broken !== undefined || isSilence(handshake));
  const survivors = isStale
    ? dialects.filter((dialect) => !handshake.refused.includes(dialect))
    : end === undefined || end.permanent || misspoke !== undefined
    ? []
    : survivorsOf(dialects, handshake);
  if (survivors.length === 0) void child.gone.then(hooks.gone);
  const stopped = child.stop();
  if (survivors.length > 0) await stopped;
  const { printed } = child;
  const saysWhy = saysWhyItEnded(printed);
  if (!isStale) {
    const ignored = link.guard.first() ?? (child.unfinished() || undefined);
    const wrote = { misspoke, ignored };
    // It may have ended while it was stopped.
    const { end } = attempt;
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
