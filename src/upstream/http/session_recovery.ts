/**
 * New sessions in the place of lost ones: one for all calls that find it lost, a few in a row where
 * each is lost before it was of any use, and none any more once one could not be had. Follows
 * "Session Management" of the Streamable HTTP transport. Not here: how a session is opened, and
 * what shows that it is lost.
 */
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { UpstreamDeps } from "../deps.ts";

/** The sessions of one link after its first. */
export interface SessionRecovery {
  /**
   * The new session that is being opened, undefined when there is nothing to wait for; rejects when
   * none could be had. Ask again after each: that one may be lost by then, and the next being opened.
   */
  opening(): Promise<void> | undefined;
  /** Opens another in the place of this one, once for all who find it lost. */
  renew(lost: string): Promise<void>;
  /** The session that there is has served a call. */
  wasOfUse(): void;
}

/** Makes it. */
export function createSessionRecovery(
  server: string,
  { limits, clock, log }: Pick<UpstreamDeps, "limits" | "clock" | "log">,
  { session, open, failed }: {
    /** The session that there is. */
    readonly session: () => string | undefined;
    /** Forgets it and opens another. */
    readonly open: () => Promise<void>;
    readonly failed: () => void;
  },
): SessionRecovery {
  let current: Promise<void> | undefined;
  let inVain = 0;
  let openedAt = -Infinity;
  let failure: GatewayError | undefined;

  const openAnother = async (): Promise<void> => {
    log.info("The server forgot the session; opening another");
    try {
      // A server may forget who is silent for long, as often as that happens.
      const lived = clock.monotonic() - openedAt >= limits.reconnectMsMax;
      inVain = lived ? 1 : inVain + 1;
      if (inVain > limits.sessionRecoveriesMax) throw lostAtOnce(server);
      await open();
      openedAt = clock.monotonic();
    } catch (thrown) {
      failure = toGatewayError(thrown);
      failed();
      throw failure;
    }
  };
  return {
    opening: () => failure === undefined ? current : Promise.reject(failure),
    renew(lost) {
      if (current === undefined && session() !== lost) return Promise.resolve();
      return current ??= openAnother().finally(() => void (current = undefined));
    },
    wasOfUse: () => void (inVain = 0),
  };
}

function lostAtOnce(server: string): GatewayError {
  const message = `Server "${server}" forgets its sessions as soon as they are made`;
  return new GatewayError("upstream_unavailable", message, { data: { server } });
}
