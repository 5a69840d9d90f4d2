/**
 * Links to a local program: a child process, the peer on its pipes, and the first message. A
 * program that does not speak in the first manner is tried in the next one: in place where it
 * lives, in a new process where the question may have killed it. Follows "Backward Compatibility" of
 * the stdio transport. Not here: whether it may have (start_history.ts), and who uses the link
 * (lane.ts).
 */
import type { StdioServerConfig } from "../config/config.ts";
import { createChildVariables } from "../credentials/child.ts";
import type { JsonObject } from "../model.ts";
import { type ChildEnd, type LaneChild, openChild } from "./child.ts";
import type { UpstreamDeps } from "./deps.ts";
import { type Greeting, greetInTurn } from "./greeting.ts";
import type { Connected, Connector, LinkHooks, StartFault } from "./link.ts";
import { exitedError } from "./faults.ts";
import type { Manner } from "./negotiate.ts";
import { createNoiseGauge } from "./noise.ts";
import { createPeer, type Peer } from "./peer.ts";
import { logPrinted, toSpawnFault, toStartFault } from "./start_fault.ts";
import { createStartHistory, saysWhyItEnded } from "./start_history.ts";
import { requestOf } from "./start_request.ts";

type ConnectOptions = Parameters<Connector["connect"]>[0];

/** Makes the connector of one program; nothing is started yet. */
export function createStdioConnector(config: StdioServerConfig, deps: UpstreamDeps): Connector {
  const startAnew = withCredentials(config, deps);
  const history = createStartHistory();
  return {
    ownsQuestions: false,
    async connect(options, signal) {
      const first = await startAnew(
        { ...options, manners: history.order(options.manners) },
        signal,
      );
      if ("connected" in first) history.ready(first.connected.manner);
      if ("connected" in first || first.survivors.length === 0) return first;
      if (!history.endedAsked(first.saysWhy) || signal.aborted) {
        options.hooks.gone();
        return first;
      }
      deps.log.info(
        "The server may have ended over a question of another revision: starting it again",
      );
      const second = await startAnew({ ...options, manners: first.survivors }, signal);
      if ("connected" in second) history.ready(second.connected.manner);
      const refused = options.manners.filter((manner) => !first.survivors.includes(manner));
      return "connected" in second
        ? { ...second, refused: [...refused, ...second.refused] }
        : { fault: { ...second.fault, refused: [...refused, ...second.fault.refused] } };
    },
  };
}

type Started =
  | Extract<Awaited<ReturnType<Connector["connect"]>>, { connected: unknown }>
  | {
    readonly fault: StartFault;
    /**
     * Manners that may do better with a process which was not asked in another one first. Where
     * there are any, this process is gone and nobody was told so yet.
     */
    readonly survivors: readonly Manner[];
    /** Whether it printed an error that is about something else than what it was asked. */
    readonly saysWhy: boolean;
  };

/** Starts processes; each is given the credentials of its own moment, or is not started. */
function withCredentials(config: StdioServerConfig, deps: UpstreamDeps) {
  const { name, childCredentials, environment } = config;
  if (childCredentials === undefined) {
    return (options: ConnectOptions, signal: AbortSignal) => start(config, deps, options, signal);
  }
  const getVariables = createChildVariables(name, childCredentials, deps);
  return async (options: ConnectOptions, signal: AbortSignal): Promise<Started> => {
    const found = await getVariables(signal);
    if (!("problem" in found) && !signal.aborted) {
      const own = { ...environment, ...found.variables };
      return await start({ ...config, environment: own }, deps, options, signal);
    }
    options.hooks.gone();
    const reason = "problem" in found ? `it ${found.problem}` : "its session ended";
    const fault = { reason, permanent: false, refused: [] };
    return { fault, survivors: [], saysWhy: false };
  };
}

/** Starts one process and greets it. */
async function start(
  config: StdioServerConfig,
  deps: UpstreamDeps,
  { manners, capabilities, hooks }: ConnectOptions,
  signal: AbortSignal,
): Promise<Started> {
  const running = createRunning(config, deps, manners, hooks);
  let child: LaneChild;
  try {
    child = running.spawn();
  } catch (thrown) {
    hooks.gone();
    return { fault: toSpawnFault(thrown, config, deps), survivors: [], saysWhy: false };
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
    (manner) => running.greet(manner, capabilities),
    deps,
  );
  signal.removeEventListener("abort", giveUp);
  if ("manner" in greeting && !running.isOver()) {
    const { manner, description, refused } = greeting;
    void child.gone.then(hooks.gone);
    running.ready(manner);
    child.printed.stop();
    return { connected: toConnected(running, child, { manner, description }), refused };
  }
  const broken = running.diedOf();
  running.over("its start failed");
  const survivors = end === undefined || end.permanent ? [] : survivorsOf(manners, greeting);
  if (survivors.length === 0) void child.gone.then(hooks.gone);
  const stopped = child.stop();
  if (survivors.length > 0) await stopped;
  const { printed } = child;
  if (!signal.aborted) logPrinted(printed, deps);
  const fault = toStartFault(greeting, { end, broken, printed, config, deps });
  return { fault, survivors, saysWhy: saysWhyItEnded(printed) };
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
) {
  const { clock, limits } = deps;
  if (first === undefined) throw new Error("Cannot start a server in no manner");
  let child: LaneChild | undefined;
  let isOver = false;
  let isReady = false;
  let diedOf: string | undefined;

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
  });
  const spawn = (): LaneChild =>
    child = openChild(config, deps, {
      lines: peer.receive,
      tooLong: peer.receiveTooLong,
      broken,
    });
  const request = requestOf(peer, config.startTimeoutMs);
  const greet = (manner: Manner, capabilities: JsonObject) =>
    manner.greet({
      request(method, params) {
        // One that asks again after another was answered must not change how the link speaks.
        if (!isReady) peer.speak(manner.codec);
        return request(method, params);
      },
      notify: peer.notify,
      capabilities,
    });
  return {
    peer,
    spawn,
    greet,
    over,
    isOver: () => isOver,
    diedOf: () => diedOf,
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
    async stop() {
      over(undefined);
      await child.stop();
    },
  };
}
