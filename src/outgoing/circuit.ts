/**
 * The circuit of one upstream: after several failures in a row, calls to an unreachable server fail
 * at once and say when to retry. Then one attempt at a time is let through, and the first that
 * succeeds closes it. Not here: what counts as a failure.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";

/** Leave to make one attempt; exactly one of its functions is called at its end. */
export interface Pass {
  succeeded(): void;
  failed(): void;
  /** It ended without telling anything about the server. */
  released(): void;
}

/** Whether an attempt may start, or when to try again. */
export type Admission =
  | { readonly pass: Pass }
  | { readonly retryAfterMs: number };

/** Decides whether attempts are made. */
export interface Circuit {
  admit(): Admission;
  /** How long attempts are still refused; 0 when one may start. */
  openMs(): number;
}

const noPass: Pass = { succeeded: () => {}, failed: () => {}, released: () => {} };

/** Lets everything through and learns nothing. */
export const noCircuit: Circuit = { admit: () => ({ pass: noPass }), openMs: () => 0 };

/** Makes a closed circuit. `changed` hears when it opens and closes. */
export function createCircuit(
  { limits, clock, changed }: {
    readonly limits: Pick<Limits, "circuitFailuresMax" | "circuitOpenMs">;
    readonly clock: Clock;
    readonly changed: (open: boolean) => void;
  },
): Circuit {
  let failures = 0;
  /** Set while it is open. */
  let openUntil: number | undefined;
  /** The attempt that was let through last while it is open. */
  let probe: Pass | undefined;

  const open = () => {
    const wasOpen = openUntil !== undefined;
    openUntil = clock.monotonic() + limits.circuitOpenMs;
    if (!wasOpen) changed(true);
  };
  const close = () => {
    failures = 0;
    if (openUntil === undefined) return;
    openUntil = undefined;
    changed(false);
  };
  return {
    openMs: () => Math.max(0, (openUntil ?? -Infinity) - clock.monotonic()),
    admit() {
      const now = clock.monotonic();
      const isProbe = openUntil !== undefined;
      if (openUntil !== undefined) {
        if (openUntil > now) return { retryAfterMs: openUntil - now };
        // Its answer may take long, as a slow tool's does: then the next one is let through, too.
        openUntil = now + limits.circuitOpenMs;
      }
      const pass: Pass = {
        // An attempt from before it opened is good news as well.
        succeeded: close,
        failed() {
          failures += 1;
          // Attempts from before it opened must not keep it open.
          const isEnough = failures >= limits.circuitFailuresMax;
          if (openUntil === undefined ? isEnough : isProbe) open();
        },
        released() {
          if (probe === pass && openUntil !== undefined) openUntil = clock.monotonic();
        },
      };
      if (isProbe) probe = pass;
      return { pass };
    },
  };
}
