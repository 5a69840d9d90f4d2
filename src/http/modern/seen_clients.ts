/**
 * Remembers which stateless clients have made requests. Such a client opens no session, so the log
 * reports its first request, and its first one after a long silence. Bounded: the oldest entries
 * are dropped first.
 */
import type { Clock } from "../../clock.ts";
import { beginning } from "../../excerpt.ts";
import type { Limits } from "../../limits.ts";
import type { Caller } from "../../model.ts";
import { clientLine } from "../../one_line.ts";
import type { Emit } from "../../telemetry/events.ts";

/** The clients that have been here. */
export interface SeenClients {
  /** Notes a request. */
  note(caller: Caller, surface: string): void;
}

/** Makes an empty register. */
export function createSeenClients(
  { clock, limits, emit }: {
    readonly clock: Clock;
    readonly limits: Limits;
    readonly emit: Emit;
  },
): SeenClients {
  const seen = new Map<string, { at: number }>();
  /** Made once for each caller: the requests of a client share one (requests.ts). */
  const keys = new WeakMap<Caller, string>();
  const { clientTitleCharsMax: charsMax, seenClientsMax, seenClientMs } = limits;
  const short = (text: unknown): string =>
    typeof text === "string" ? beginning(text, charsMax) : "";
  const keyOf = (caller: Caller): string => {
    const { clientInfo, revision } = caller;
    const key = `${short(clientInfo.name)}\n${short(clientInfo.version)}\n${revision}`;
    keys.set(caller, key);
    return key;
  };
  return {
    note(caller, surface) {
      const { clientInfo, revision } = caller;
      const key = keys.get(caller) ?? keyOf(caller);
      const now = clock.monotonic();
      const known = seen.get(key);
      if (known !== undefined && now - known.at < seenClientMs) return void (known.at = now);
      seen.delete(key);
      seen.set(key, { at: now });
      for (const oldest of seen.keys()) {
        if (seen.size <= seenClientsMax) break;
        seen.delete(oldest);
      }
      const client = clientLine(clientInfo, charsMax);
      emit({ type: "client_connected", surface, client, revision });
    },
  };
}
