/**
 * A whole gateway in front of played programs, without a socket, a process or a moment that a test
 * did not decide: its clock stands still, and its timers can be counted.
 */
import { setImmediate } from "node:timers";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import type { Clock } from "../../src/clock.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Limits } from "../../src/limits.ts";
import { createTestClock } from "./clock.ts";
import { createPlayedRuntime, playedCommand, type PlayedProgram } from "./played_programs.ts";
import type { SendRequest } from "./stateless_caller.ts";
import { startMsMax } from "./wait.ts";

/** A gateway whose time a test moves. */
export interface PlayedGateway {
  readonly handle: GatewayHandle;
  /** Every start of a program so far, in order. */
  readonly programs: readonly PlayedProgram[];
  readonly send: SendRequest;
  /** Moves time. */
  advance(ms: number): void;
  /** Sets the wall clock, and it alone. */
  jump(ms: number): void;
  /** Timers that have not run and were not cancelled. */
  timers(): number;
  /** Lets the event loop turn, and a little time pass with each turn, until `isSo`. */
  until(what: string, isSo: () => boolean): Promise<void>;
  /** Refuses new work; how much time passed until the running calls had finished. */
  drain(): Promise<number>;
  /** Stops the gateway, with all that it has open. */
  close(): Promise<void>;
}

/** Time that passes with each turn of the event loop while a test waits. */
const turnMs = 10;
/**
 * How much faster the played clock runs than that of the machine, at most: what the platform does
 * elsewhere (WebCrypto) takes real time, in which no call may run into its time limit.
 */
const haste = 20;

/** A turn of the event loop, after all that it has at hand. */
export const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function createCountingClock() {
  const inner = createTestClock();
  const open = new Set<object>();
  const clock: Clock = {
    ...inner,
    after(ms, run) {
      const timer = {};
      open.add(timer);
      const cancel = inner.after(ms, () => {
        open.delete(timer);
        run();
      });
      return () => {
        open.delete(timer);
        cancel();
      };
    },
  };
  return { clock, advance: inner.advance, jump: inner.jump, timers: () => open.size };
}

/** Starts it; each server's entry is beside its command. */
export async function startPlayed(
  servers: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  limits: Partial<Limits> = {},
): Promise<PlayedGateway> {
  const { clock, advance, jump, timers } = createCountingClock();
  const runtime = await createPlayedRuntime();
  const mcpServers = Object.fromEntries(
    Object.entries(servers).map(([name, entry]) => [
      name,
      { command: playedCommand, args: [name], spare: false, ...entry },
    ]),
  );
  const { config } = await readConfig({
    kinds: defaultTables.kinds,
    env: { PATH: "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: "/srv",
    readText: () => Promise.resolve(JSON.stringify({ mcpServers })),
  });
  const options = {
    config: { ...config, tryServers: false, metrics: true },
    runtime,
    clock,
    limits,
  };
  const handle = await createGateway(options);

  const until: PlayedGateway["until"] = async (what, isSo) => {
    const end = performance.now() + startMsMax;
    while (!isSo()) {
      const begunAt = performance.now();
      if (begunAt > end) throw new Error(`Waited in vain: ${what}`);
      await turn();
      if (!isSo()) advance(Math.min(turnMs, haste * (performance.now() - begunAt)));
    }
  };
  const settled = async (what: string, promise: Promise<unknown>): Promise<void> => {
    let isSettled = false;
    void promise.then(() => void (isSettled = true));
    await until(what, () => isSettled);
  };
  return {
    handle,
    programs: runtime.programs,
    send(path, { headers, ...init }) {
      const own = new Headers(headers);
      own.set("host", "localhost:8999");
      return handle.fetch(
        new Request(`http://localhost:8999${path}`, { ...init, headers: own }),
      );
    },
    advance,
    jump,
    timers,
    until,
    async drain() {
      const begunAt = clock.monotonic();
      await settled("the running calls to finish", handle.drain());
      return clock.monotonic() - begunAt;
    },
    close: () => settled("the gateway to close", handle.close()),
  };
}
