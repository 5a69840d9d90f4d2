/**
 * The parts of a link to a local program that exist before the program has answered: the peer on
 * the pipes of its process, and why it can go no further. Not here: which processes are started,
 * and what a failed start says (stdio_connector.ts).
 */
import type { StdioServerConfig } from "../../config/config.ts";
import type { JsonObject } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Dialect, HandshakeOptions, HandshakeResult } from "../link/dialect.ts";
import type { Connected, LinkEvents } from "../link/link.ts";
import { createOutputGuard, type OutputGuard } from "../link/output_guard.ts";
import { createPeer, type Peer } from "../link/peer.ts";
import { exitedError } from "../link/start_errors.ts";
import { requestOf } from "../link/start_request.ts";
import type { ChildHandler, ServerProcess } from "./child.ts";
import type { FirstWords } from "./early_pings.ts";
import type { MisspokenStart } from "./start_fault.ts";

/** What a link is made from. */
export interface ChildLinkOptions {
  readonly config: StdioServerConfig;
  readonly deps: UpstreamDeps;
  /** The one that the program is asked in first. */
  readonly dialect: Dialect;
  readonly hooks: LinkEvents;
  readonly words: FirstWords;
}

/** One link. */
export interface ChildLink {
  readonly options: ChildLinkOptions;
  readonly guard: OutputGuard;
  readonly peer: Peer;
  /** Makes a request that belongs to the handshake. */
  readonly request: (method: string, params: JsonObject) => Promise<JsonObject>;
  child: ServerProcess | undefined;
  /** Since when its output is read on; Infinity while reading waits. */
  readingSince: number;
  isOver: boolean;
  /** Whether the program took the first message. */
  isReady: boolean;
  /** Why it is over, where it was not stopped. */
  diedOf: string | undefined;
  /** What the program wrote instead of messages before it was ready. */
  misspoke: MisspokenStart | undefined;
}

/** Makes a link; no process belongs to it yet. */
export function createChildLink(options: ChildLinkOptions): ChildLink {
  const { config, deps, dialect, hooks, words } = options;
  const guard = createOutputGuard(config.name, deps, (reason) => breakOff(link, reason));
  const peer = createPeer({
    server: config.name,
    codec: dialect.codec,
    limits: deps.limits,
    clock: deps.clock,
    guard,
    send: (line) => link.child?.send(line) ?? false,
    events: hooks,
    pinged: words.pinged,
    over: () => void (link.isReady && words.answered()),
    misspoken(why, line) {
      if (link.isReady || link.isOver) return;
      link.misspoke = { why, line };
      breakOff(link, why);
    },
  });
  const link: ChildLink = {
    options,
    guard,
    peer,
    request: requestOf(peer, config.startTimeoutMs),
    child: undefined,
    readingSince: -Infinity,
    isOver: false,
    isReady: false,
    diedOf: undefined,
    misspoke: undefined,
  };
  return link;
}

/** Gives the link a process, which `open` starts or takes over. */
export function openOn<Opened extends ServerProcess | undefined>(
  link: ChildLink,
  open: (handler: ChildHandler) => Opened,
): Opened {
  const opened = open({
    lines: (lines) => pausing(link, link.peer.receive(lines)),
    tooLong: link.peer.receiveTooLong,
    unasked: link.guard.unasked,
    broken: (reason) => breakOff(link, reason),
  });
  link.child = opened;
  return opened;
}

/** Notes that reading waits: what the program says meanwhile is not heard. */
function pausing(link: ChildLink, wait: void | Promise<void>): void | Promise<void> {
  if (wait === undefined) return;
  link.readingSince = Infinity;
  return wait.finally(() => link.readingSince = link.options.deps.clock.monotonic());
}

/** Asks the program in one dialect. */
export function handshakeIn(
  link: ChildLink,
  dialect: Dialect,
  told: Pick<HandshakeOptions, "capabilities" | "clientTitle">,
): Promise<HandshakeResult> {
  return dialect.handshake({
    request(method, params) {
      // One that asks again after another was answered must not change how the link speaks.
      if (!link.isReady) link.peer.speak(dialect.codec);
      return link.request(method, params);
    },
    notify: link.peer.notify,
    ...told,
  });
}

/** The program took the first message in this dialect. */
export function readyIn(link: ChildLink, dialect: Dialect): void {
  link.isReady = true;
  link.peer.speak(dialect.codec);
}

/** Ends the link, not its process; `died` says why when it was not stopped. */
export function endChildLink(link: ChildLink, died: string | undefined): void {
  if (link.isOver) return;
  link.isOver = true;
  link.diedOf = died;
  link.peer.close(exitedError(link.options.config.name, died));
  if (link.isReady && died !== undefined) link.options.hooks.broken(died);
}

function breakOff(link: ChildLink, reason: string): void {
  if (link.isOver) return;
  endChildLink(link, reason);
  void link.child?.stop();
}

/** The link for its connection, once the program is ready. */
export function toConnected(
  link: ChildLink,
  child: ServerProcess,
  found: Pick<Connected, "dialect" | "description" | "revision">,
): Connected {
  const { deps } = link.options;
  return {
    ...found,
    link: link.peer,
    pid: child.pid,
    silentMs: () =>
      Math.max(0, Math.min(link.peer.silentMs(), deps.clock.monotonic() - link.readingSince)),
    async stop(quietMs) {
      endChildLink(link, undefined);
      await child.stop(quietMs);
    },
  };
}
