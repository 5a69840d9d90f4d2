/**
 * New sessions in the place of lost ones: one for all calls that find it lost, a few in a row where
 * each is lost before it was of any use, and none any more once one could not be had. Follows
 * "Session Management" of the Streamable HTTP transport. Not here: how a session is opened, and what
 * shows that it is lost.
 */
import type { Clock } from "../../clock.ts";
import { type GatewayError, toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";

/** The sessions of one link after its first. */
export interface Renewal {
  /** Waits for a new session that is being opened; throws when none could be had. */
  ready(): Promise<void>;
  isUnderWay(): boolean;
  /** Opens another; the same promise for all who ask meanwhile. */
  renew(): Promise<void>;
  /** The session that there is has served a call. */
  wasOfUse(): void;
}

/** Makes it. */
export function createRenewal(
  { limits, clock, open, toInVain, failed }: {
    readonly limits: Pick<Limits, "renewalsMax" | "reconnectMsMax">;
    readonly clock: Clock;
    readonly open: () => Promise<void>;
    /** The error of sessions that are lost as soon as they are made. */
    readonly toInVain: () => GatewayError;
    readonly failed: () => void;
  },
): Renewal {
  let current: Promise<void> | undefined;
  let inVain = 0;
  let openedAt = -Infinity;
  let failure: GatewayError | undefined;

  const openAnother = async (): Promise<void> => {
    try {
      // A server may forget who is silent for long, as often as that happens.
      const lived = clock.monotonic() - openedAt >= limits.reconnectMsMax;
      inVain = lived ? 1 : inVain + 1;
      if (inVain > limits.renewalsMax) throw toInVain();
      await open();
      openedAt = clock.monotonic();
    } catch (thrown) {
      failure = toGatewayError(thrown);
      failed();
      throw failure;
    }
  };
  return {
    async ready() {
      await current;
      if (failure !== undefined) throw failure;
    },
    isUnderWay: () => current !== undefined,
    renew: () => current ??= openAnother().finally(() => void (current = undefined)),
    wasOfUse: () => void (inVain = 0),
  };
}
