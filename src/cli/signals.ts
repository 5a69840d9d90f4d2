/**
 * Signals that stop a program. One Ctrl-C arrives several times, because the terminal and each
 * script runner between send it: copies of a signal count as one.
 */
import { type Clock, systemClock } from "../clock.ts";
import { defaultLimits } from "../limits.ts";
import type { Platform } from "./platform.ts";

/** What a program does. */
export interface StopHandlers {
  /** At the first SIGINT or SIGTERM. */
  readonly first: () => void;
  /** At one that is no copy of the first. */
  readonly again: () => void;
  /** At SIGHUP. */
  readonly hangUp: () => void;
}

/** Calls the handlers until the program ends; `clock` tells copies from further signals. */
export function onStopSignals(
  { runtime, limits }: Pick<Platform, "runtime" | "limits">,
  { first, again, hangUp }: StopHandlers,
  clock: Pick<Clock, "monotonic"> = systemClock,
): void {
  const { signalEchoMs } = { ...defaultLimits, ...limits };
  let firstAt: number | undefined;
  runtime.onSignal((signal) => {
    if (signal === "SIGHUP") return hangUp();
    const now = clock.monotonic();
    if (firstAt === undefined) {
      firstAt = now;
      first();
    } else if (now - firstAt >= signalEchoMs) again();
  });
}
