/**
 * Channels of the engine. A message may be lost while the engine is away, so it may only tell that
 * something changed. What cannot be subscribed is tried again by the clock.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { reasonOf } from "./redis_fault.ts";
import type { RedisLink } from "./redis_link.ts";

/** Sending and hearing. */
export interface EngineChannels {
  /** Sends a message to all instances, this one included; it may be lost. */
  publish(channel: string, text: string): void;
  /** Hears messages from soon on, until the returned function is called. */
  subscribe(channel: string, listener: (text: string) => void): () => void;
}

/** What they are made from. */
export interface ChannelOptions {
  readonly link: Pick<RedisLink, "publish" | "subscribe" | "unsubscribe">;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "engineProbeAgainMs">;
  readonly log: Log;
}

/** Opens them. */
export function openChannels(
  { link, clock, limits, log }: ChannelOptions,
): EngineChannels & { closeChannels(): void } {
  let isClosed = false;
  /** Messages are lost while the engine is away; the log says so once for each time. */
  let losesMessages = false;
  const noteLoss = (fault: unknown): void => {
    if (!losesMessages && !isClosed) {
      log.warn("Cannot tell other instances of a change; they learn of it when they look", {
        reason: reasonOf(fault),
      });
    }
    losesMessages = true;
  };
  return {
    publish(channel, text) {
      link.publish(channel, text).then(() => void (losesMessages = false), noteLoss);
    },
    subscribe(channel, listener) {
      let isWanted = true;
      const hear = (text: string): void => {
        if (!isWanted) return;
        try {
          listener(text);
        } catch (fault) {
          log.error("A listener of a channel failed", { channel, fault });
        }
      };
      const join = (): void => {
        if (!isWanted || isClosed) return;
        link.subscribe(channel, hear).catch((fault: unknown) => {
          log.debug("Cannot subscribe yet", { channel, reason: reasonOf(fault) });
          clock.after(limits.engineProbeAgainMs, join);
        });
      };
      join();
      return () => {
        isWanted = false;
        link.unsubscribe(channel, hear).catch(() => {});
      };
    },
    closeChannels() {
      isClosed = true;
    },
  };
}
