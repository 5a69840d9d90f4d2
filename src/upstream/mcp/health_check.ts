/**
 * Notices a program that hangs, and lets it be replaced: one that has said nothing for a while is
 * pinged, and two pings in a row without any message end its connection. It never doubts a program
 * that may be busy: an open call has its own time limit, and only a silence that no call could still
 * explain counts. A server that has never answered a ping is not judged by them, and stateless
 * revisions have none, so their programs are only noticed by calls that time out. MCP basic
 * utilities (ping).
 */
import type { Clock } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import type { Ending } from "../../model.ts";
import type { Connected } from "../link/link.ts";

/** What is known of one server: whether it answers pings. Its connections share it. */
export interface PingMemory {
  answers: "unknown" | "yes" | "never";
}

/** What a health check looks at, and whom it tells. */
export interface HealthCheckOptions {
  readonly connected: Connected;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "healthCheckMs" | "pingMs" | "pingMissesMax">;
  readonly callTimeoutMs: number;
  readonly memory: PingMemory;
  /**
   * Whether the program may be at work, though it says nothing; `heardAt` is when it last spoke
   * (monotonic).
   */
  isBusy(heardAt: number): boolean;
  /** The program hangs. Called once. */
  hangs(): void;
}

/** The health check of one connection. */
export interface HealthCheck {
  /** Pings under way: they are no work. */
  open(): number;
  /** The connection is over. */
  stop(): void;
}

/** The state of one check. */
interface Checking {
  readonly options: HealthCheckOptions;
  readonly silentMs: () => number;
  misses: number;
  open: number;
  isOver: boolean;
  cancel: () => void;
}

/** Begins to check a connection; where there is nothing to check by, it does nothing. */
export function watchHealth(options: HealthCheckOptions): HealthCheck {
  const { connected: { dialect, silentMs } } = options;
  if (silentMs === undefined || !dialect.hasPing) return { open: () => 0, stop: () => {} };
  const checking: Checking = {
    options,
    silentMs,
    misses: 0,
    open: 0,
    isOver: false,
    cancel: () => {},
  };
  look(checking);
  return {
    open: () => checking.open,
    stop() {
      checking.isOver = true;
      checking.cancel();
    },
  };
}

/** How long the program may still say nothing before it is pinged. */
function patienceMs({ options, silentMs }: Checking): number {
  const { clock, limits: { healthCheckMs }, callTimeoutMs, isBusy } = options;
  const silence = silentMs();
  // A call that began during the silence may take its whole time, and so may the work on one that
  // was given up.
  const longest = isBusy(clock.monotonic() - silence)
    ? healthCheckMs + 2 * callTimeoutMs
    : healthCheckMs;
  return longest - silence;
}

function look(checking: Checking): void {
  const { options: { clock, limits }, misses } = checking;
  const { healthCheckMs, pingMissesMax } = limits;
  const { answers } = checking.options.memory;
  const isJudged = answers === "yes" || (answers === "unknown" && misses < pingMissesMax);
  const waitMs = isJudged ? patienceMs(checking) : healthCheckMs;
  if (isJudged && waitMs <= 0) return ping(checking);
  // The program may become idle meanwhile.
  checking.cancel = clock.after(Math.min(waitMs, healthCheckMs), () => look(checking));
}

function ping(checking: Checking): void {
  const { connected: { link }, clock, limits: { pingMs }, isBusy, memory } = checking.options;
  const sentAt = clock.monotonic();
  const wasBusy = isBusy(sentAt - checking.silentMs());
  checking.open += 1;
  link.request({
    method: "ping",
    params: {},
    wantsProgress: false,
    timeoutMs: pingMs,
    cancellable: false,
    notice: () => false,
    end(ending) {
      checking.open -= 1;
      if (checking.isOver) return;
      if (isWord(ending)) memory.answers = "yes";
      // It may have died of a message that it does not know, and must not be asked again.
      if (isLoss(ending)) {
        if (memory.answers === "unknown") memory.answers = "never";
        return;
      }
      // A ping that could not even be written fails at once, and counts as one that waited.
      const restMs = Math.max(0, sentAt + pingMs - clock.monotonic());
      if (isWord(ending) || checking.silentMs() < clock.monotonic() - sentAt) heard(checking);
      else checking.cancel = clock.after(restMs, () => missed(checking, sentAt, wasBusy));
    },
  });
}

/** Whether an ending is the server's own answer; an error shows that it lives, too. */
function isWord(ending: Ending): boolean {
  return ending.kind === "result" ||
    (ending.kind === "failure" && ending.error.upstream !== undefined);
}

/** Whether the program ended with the ping open. */
function isLoss(ending: Ending): boolean {
  return ending.kind === "failure" && ending.error.code === "upstream_exited";
}

function heard(checking: Checking): void {
  checking.misses = 0;
  look(checking);
}

function missed(checking: Checking, sentAt: number, wasBusy: boolean): void {
  const { clock, limits: { pingMissesMax }, memory, isBusy, hangs } = checking.options;
  const silence = checking.silentMs();
  const now = clock.monotonic();
  // It spoke, or got work meanwhile: then the ping waits behind that.
  if (silence < now - sentAt || (!wasBusy && isBusy(now - silence))) return heard(checking);
  checking.misses += 1;
  if (checking.misses < pingMissesMax) return ping(checking);
  if (memory.answers === "yes") hangs();
  else look(checking);
}
